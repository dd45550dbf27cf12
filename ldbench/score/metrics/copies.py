"""Copies of training images: the share of generated images that are nearer to one than any fresh real scan is.

How near an image is to its nearest training image is counted against its distance from the next ones, as in Carlini
et al. 2023 (arXiv 2301.13188, Sec. 4.2): a mean image is near to all of them, a copy to one. This is done twice: for
pixels (thumbnails of at most 64 a side, compared by correlation at small shifts, so that brightness, contrast and a
shift hide no copy) and for features. Both numbers are divided by their median over real images that nobody has learnt
from, and the smaller one counts. The smallest value of those real images is the threshold. A real image that is itself
a training image is nothing that nobody has learnt from: such ones are left out and counted.

Under the hypothesis that generated images are no nearer than fresh ones, all orders of both are equally likely. The
chance to find so many below the threshold is then exact (Nelson 1963, Technometrics 5:375). It holds for independent
images only. Several images of one subject are near or far together, so the chance is that of one image of each subject,
drawn at random, and of the threshold that these have. The share is of all images.

Shape suffixes: n images, t training images, d numbers of an image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs, ParameterValue, Score
from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError
from ldbench.score.image_sets import batch_size, read_ahead
from ldbench.score.metrics.feature_spec import DistributionSpec, too_few_seen
from ldbench.score.metrics.intervals import Array, Subjects, of_mean, one_of_each, subjects_of_rows, wilson_interval
from ldbench.score.metrics.neighbours import Closest, nearest
from ldbench.score.metrics.row_blocks import row_blocks
from ldbench.score.metrics.set_distance import dependence_of
from ldbench.score.metrics.viewed import viewed
from ldbench.task.metric_specs import ScanCounts

CHANCE = 0.001  # below this probability a row is flagged
_SIDE, _BLOCK, _COLUMNS, _SHOWN = 64, 256, 2048, 24
_FEWEST = 2  # training images: the nearest one and a next one
# Fresh sandbox scans lie at 0.5 of the distance of the next ones or more; a training scan as a JPEG or with less
# contrast at 0.03 to 0.1
_SAME = 0.1
_Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CopySpec(DistributionSpec):
    """The search for copies: as FID; an image is compared at shifts of up to `shift` pixels, of 64 a side, in either
    direction, and its nearest training image with the `neighbours` next ones."""

    shift: int = 2
    neighbours: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in {"shift": 0, "neighbours": 1}.items():
            if getattr(self, name) < least:
                raise TypedError(f"{name}: expected {least} or more, got {getattr(self, name)}")

    def unmet_scans(self, name: str, scans: ScanCounts) -> Iterator[str]:
        """As `HasUnmetScans` says: too few training images, or images that are no larger than the shifts."""
        yield from too_few_seen(name, scans.seen, _FEWEST)
        if not _is_larger(min(scans.side, _SIDE), self.shift):
            yield f"{name}: {_too_small(self.shift, (scans.side, scans.side))}"


@dataclass(frozen=True)
class Nearness:
    """For each of n images the distance to its nearest training image, over the mean distance of the next ones, and
    which training image that is."""

    relative_n: Array
    index_n: _Indices


@dataclass(frozen=True)
class Copy:
    """A generated image, by its case, and the training image that it is nearest to; `nearness` is 1 at the threshold
    and 0 for an exact copy."""

    case: str
    scan: str
    nearness: float


def feature_nearness(images_nd: npt.ArrayLike, training_td: npt.ArrayLike, neighbours: int) -> Nearness:
    """Nearness by Euclidean distance of features. Raises `MetricError` for fewer than two training images."""
    training = np.asarray(training_td)
    count = _count(len(training), neighbours)
    distances, indices = nearest(np.asarray(images_nd), training, count + 1)
    return Nearness(_relative(distances), indices[:, 0])


def pixel_nearness(
    images_nchw: ImageSet, training_tchw: ImageSet, neighbours: int, shift: int
) -> Nearness:
    """Nearness by correlation of thumbnails, over all shifts of up to `shift` pixels of a thumbnail.

    Images are `(N, 3, H, W) float32 in [0, 1]`. Raises `MetricError` for fewer than two training images.
    """
    count, margin = _count(len(training_tchw), neighbours), shift
    training = np.concatenate(list(thumbnails(training_tchw)))
    if not _is_larger(min(training.shape[1:]), shift):
        raise MetricError(f"copied_share: {_too_small(shift, training.shape[1:])}")
    height, width = training.shape[1:]
    closest = Closest(len(images_nchw), count + 1)
    for rows in row_blocks(len(images_nchw), _BLOCK):
        queries = np.concatenate(list(thumbnails(images_nchw, rows)))
        for columns in row_blocks(len(training), _COLUMNS):
            middle_td = _unit(training[columns, margin : height - margin, margin : width - margin])
            likeness = np.full((len(queries), len(middle_td)), -1.0)
            for down in range(2 * margin + 1):
                for right in range(2 * margin + 1):
                    window = queries[:, down : down + height - 2 * margin, right : right + width - 2 * margin]
                    np.maximum(likeness, _unit(window) @ middle_td.T, out=likeness)
            closest.add(rows, -likeness, columns.start)
    distances = np.sqrt(np.clip(2 + 2 * closest.squared_nk, 0, None))
    return Nearness(_relative(distances), closest.indices_nk[:, 0])


def _is_larger(side: int, shift: int) -> bool:
    return side > 2 * shift + 1


def _too_small(shift: int, size: tuple[int, ...]) -> str:
    return f"expected images larger than shifts of {shift} px, got {size}; lower the card's shift"


def _count(training: int, neighbours: int) -> int:
    for reason in too_few_seen("copied_share", training, _FEWEST):
        raise MetricError(reason)
    return min(neighbours, training - 1)


def _relative(distances_nk: Array) -> Array:
    """The first distance over the mean of the others; 0 where all are 0."""
    others_n = distances_nk[:, 1:].mean(axis=1)
    ratio_n: Array = np.divide(distances_nk[:, 0], others_n, out=np.zeros(len(others_n)), where=others_n > 0)
    return ratio_n


def thumbnails(images_nchw: ImageSet, rows: slice | None = None) -> Iterator[npt.NDArray[np.float32]]:
    """Grey images of at most 64 a side, `(b, H, W)`, a batch of all images or of some at a time."""
    from torch.nn import functional

    height, width = (min(side, _SIDE) for side in images_nchw.shape[-2:])
    first, last, _ = (rows or slice(None)).indices(len(images_nchw))
    step = batch_size(images_nchw)
    with read_ahead(images_nchw) as (rows_of,):
        for start in range(first, last, step):
            grey_n1hw = rows_of[start : min(start + step, last)].mean(dim=1, keepdim=True)
            yield functional.adaptive_avg_pool2d(grey_n1hw, (height, width))[:, 0].cpu().numpy()


def _unit(windows_nhw: npt.NDArray[np.float32]) -> Array:
    """Each window as a vector of mean 0 and length 1, `(n, d)`; one without contrast as zeros."""
    flat_nd = windows_nhw.reshape(len(windows_nhw), -1).astype(np.float64)
    centred_nd = flat_nd - flat_nd.mean(axis=1, keepdims=True)
    lengths_n = np.linalg.norm(centred_nd, axis=1, keepdims=True)
    unit_nd: Array = np.divide(centred_nd, lengths_n, out=np.zeros_like(centred_nd), where=lengths_n > 1e-9)
    return unit_nd


def chance_of(copies: int, generated: int, fresh: int) -> float:
    """The probability of so many generated images below the smallest of the fresh ones, all orders being as likely, as
    they are of independent images."""
    parts = np.arange(copies)
    return float(np.prod((generated - parts) / (generated + fresh - parts)))


def copied_share_score(
    generated: Sequence[Nearness], fresh: Sequence[Nearness], *, case_ids: Sequence[str], scan_ids: Sequence[str],
    extractor: str, parameters: Mapping[str, ParameterValue] | None = None, subjects: Sequence[Subjects] = (None, None),
) -> Measured:
    """The share of copies, with Wilson's interval over cases; `generated` and `fresh` hold a `Nearness` of each kind.

    `subjects` are those of fresh scans and of generated images: where some share one, `observed_chance` is of one image
    of each subject, and the parameter `chance_of` says so. Fresh scans that are training images are left out and
    counted in `fresh_copies_left_out`; `MetricError` where half of them are. The nearest copies stand in the score as
    `copies_of` reads them.
    """
    unseen_m = np.min([one.relative_n for one in fresh], axis=0) >= _SAME
    seen = int((~unseen_m).sum())
    if 2 * seen >= len(unseen_m):
        raise MetricError(
            f"copied_share: expected test scans that are no copies of training scans, got {seen} of {len(unseen_m)} "
            "that are; check the split"
        )
    fresh_km = [one.relative_n[unseen_m] for one in fresh]
    scales = [float(np.median(relative_m)) for relative_m in fresh_km]
    by_kind = np.stack([one.relative_n / scale for one, scale in zip(generated, scales, strict=True)])
    fresh_m = np.min([relative_m / scale for relative_m, scale in zip(fresh_km, scales, strict=True)], axis=0)
    threshold = float(fresh_m.min())
    nearness_n, kind_n = by_kind.min(axis=0), by_kind.argmin(axis=0)
    copied_n = nearness_n < threshold
    share, total, n_fresh = float(copied_n.mean()), len(copied_n), len(unseen_m) - seen
    interval = wilson_interval(share, total)
    whose = subjects[1], subjects_of_rows(subjects[0], np.flatnonzero(unseen_m))
    clustered = any(each is not None for each in whose)
    pairs = [
        (case_ids[case], scan_ids[int(generated[kind_n[case]].index_n[case])], round(nearness_n[case] / threshold, 4))
        for case in np.argsort(nearness_n, kind="stable")[:_SHOWN] if copied_n[case]
    ]
    return Measured(
        metric="copied_share", value=share, ci_low=interval.low, ci_high=interval.high, n=total, direction="lower",
        extractor=extractor, contributions={"cases": of_mean(copied_n.astype(np.float64))}, interval="share",
        parameters={
            **(parameters or {}), "n_training": len(scan_ids), "n_fresh": n_fresh,
            "threshold": "smallest of the fresh real scans", "observed_threshold": threshold,
            "observed_chance": _chance(nearness_n, fresh_m, whose),
            "observed_copies": json.dumps(pairs), "interval": "95 % Wilson over cases, threshold held fixed",
            **({"fresh_copies_left_out": seen} if seen else {}),
            **({"chance_of": "one image of each subject"} if clustered else {}),
        },
    )


def _chance(generated_n: Array, fresh_m: Array, subjects: Sequence[Subjects]) -> float:
    """`chance_of` one image of each subject. The draw is the same for all runs."""
    random = np.random.default_rng(0)
    generated, fresh = (
        nearness[one_of_each(len(nearness), whose, random)]
        for nearness, whose in zip((generated_n, fresh_m), subjects, strict=True)
    )
    return chance_of(int((generated < fresh.min()).sum()), len(generated), len(fresh))


def is_copy(score: Score) -> bool:
    """Whether a score of `copied_share` says that a row's images are copies: more of them than chance allows."""
    chance = score.parameters.get("observed_chance")
    return isinstance(chance, float | int) and chance < CHANCE


def copies_of(score: Score) -> tuple[Copy, ...]:
    """The nearest copies that a score of `copied_share` tells of, nearest first."""
    return tuple(Copy(*pair) for pair in json.loads(str(score.parameters.get("observed_copies", "[]"))))


def _of_inputs(inputs: MetricInputs, settings: CopySpec) -> Measured:
    training, scan_ids = inputs.lazy.seen_scans()
    training_td = inputs.seen_features(settings.extractor, settings.resize)
    real_nd, generated_nd = inputs.features(settings.extractor, settings.resize)
    generated, fresh = (
        [
            pixel_nearness(images, training, settings.neighbours, settings.shift),
            feature_nearness(features_nd, training_td, settings.neighbours),
        ]
        for images, features_nd in ((inputs.lazy.generated, generated_nd), (inputs.lazy.real, real_nd))
    )
    return copied_share_score(
        generated, fresh, case_ids=inputs.case_ids, scan_ids=scan_ids, extractor=settings.extractor,
        parameters={
            **inputs.network_parameters(settings.extractor, settings.resize), "neighbours": settings.neighbours,
            "shift": settings.shift, "thumbnail": _SIDE,
        },
        subjects=dependence_of(inputs).subjects,
    )


COPIED_SHARE = Metric(
    name="copied_share", title="Share of copied training images",
    summary="Share of images nearer to a training image than any fresh real scan is, in pixels or features.",
    direction="lower", compute=viewed(_of_inputs), compares="generated images and all training images",
    interval="over cases (Wilson), threshold held fixed", settings=CopySpec, bounds=(0.0, 1.0),
    needs=frozenset({"training"}), networks=("efficientnet-lite0", "inception-v3"), unranks=is_copy, axis="novelty",
    catches=("copies", "shifted-copies", "noisy-copies"), blind_to=("swapped-classes", "test-copies"),
)
