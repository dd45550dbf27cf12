"""Feature likelihood divergence: fidelity, diversity and novelty in one number.

Jiralerspong et al. 2023 (arXiv 2302.04440). A mixture of Gaussians stands on the generated images in feature space,
one each, whose variances are fitted to the training images. What counts is the likelihood that it gives to test scans:
images far from all scans lower it, scans that no image is near lower it, and copies of training images lower it too,
since their Gaussians shrink to points. The divergence is the mean negative log likelihood, per feature and times 100,
beyond that of a mixture that stands on as many training images, at most half of them, and was fitted to the others.

The constants are those of the authors' code (github.com/marcojira/fld): Adam with rate 0.5, at most 50 steps over all
training images, fewer where five steps change the loss by less than 0.0005; while variances are fitted, one more
Gaussian about the training images' mean keeps every likelihood above 0.

Shape suffixes: n generated images, m test scans, t training images, d features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.feature_spec import DistributionSpec, check_side, too_few_seen, unknown_network
from ldbench.score.metrics.fid import validated_features
from ldbench.score.metrics.intervals import Array, mean_interval, of_mean
from ldbench.score.metrics.novelty import beside_training
from ldbench.score.metrics.row_blocks import Features, mean_row, row_blocks, rows_of
from ldbench.score.metrics.viewed import viewed
from ldbench.score.networks.features import extractor_parameters
from ldbench.task.metric_specs import ScanCounts

if TYPE_CHECKING:
    import torch

_STEPS, _RATE = 50, 0.5
_NEAREST = 1e-3  # beside the squared distance to the nearest image, so that a copy's first variance is above 0
_SETTLED, _WATCHED = 5e-4, 5  # the loss, and over how many steps
_NARROWEST, _WIDEST = -40.0, 40.0  # log variances
_ORIGIN = (1 - 0.1) ** 2  # by which squared distances to the mean of the training images are shortened
_LARGEST = 5_000  # images that a mixture stands on, or is fitted to: all distances between them are held, 0.2 GB
_FEWEST = 20  # different training images
_ROUNDING = 1e-5  # of a feature's largest value: what varies less is constant but for round-off
_SEED = 0  # of the halves and of the images that are taken from larger sets: the same for all models
_NETWORKS = ("efficientnet-lite0", "inception-v3")


@dataclass(frozen=True)
class LikelihoodSpec:
    """FLD: as FID, in features of the network that ships unless the card says otherwise."""

    extractor: str = "efficientnet-lite0"
    resize: int = 224

    def __post_init__(self) -> None:
        check_side(self.resize)

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: a network that nobody registered, or that can't be had in this size."""
        return unknown_network(lambda: extractor_parameters(self.extractor, self.resize))

    def unmet_scans(self, name: str, scans: ScanCounts) -> Iterator[str]:
        """As `HasUnmetScans` says: too few training images, or test scans that are some of them."""
        yield from too_few_seen(name, scans.seen, _FEWEST)
        if known := scans.test_seen():
            yield (
                f"{name}: expected test scans that are no training images, got {known} that are; give their copies one "
                "subject, or leave them out, and prepare the data again"
            )


@dataclass(frozen=True)
class Likelihoods:
    """Negative log likelihoods of test scans `(m,)`, per feature and times 100: by the mixture on generated images, and
    by the one on training images."""

    test_m: Array
    baseline_m: Array


def likelihoods(
    training_features: npt.ArrayLike, test_features: npt.ArrayLike, generated_features: npt.ArrayLike
) -> Likelihoods:
    """The likelihoods of `(t, d)` training, `(m, d)` test and `(n, d)` generated features, each feature in standard
    deviations of the test scans; features that are constant there are left out.

    The second mixture asks for no image twice, and its halves depend on no order. Raises `MetricError` as
    `ldbench.score.metrics.fid.fid` does, for fewer than 20 different training images, for test scans that are training
    images, and where nothing varies.
    """
    training, test = validated_features("fld", training_features, test_features)
    _, generated = validated_features("fld", training, generated_features)
    scale = _Scale.of(test)
    training_td, generated_nd = (_some(each, _LARGEST) for each in (training, generated))
    # sorted, so that no name of a file counts
    different_td = np.asarray(np.unique(training_td, axis=0), np.float64)
    if len(different_td) < _FEWEST:
        raise MetricError(
            f"fld: expected at least {_FEWEST} different training images, got {len(different_td)}; give more"
        )
    _check_unseen(test, training)
    order_u = np.random.default_rng(_SEED).permutation(len(different_td))
    half = min(len(generated_nd), len(different_td) // 2)
    on_generated = _Mixture.fitted(scale(generated_nd), scale(training_td))
    on_training = _Mixture.fitted(scale(different_td[order_u[:half]]), scale(different_td[order_u[half:]]))

    def given(mixture: _Mixture) -> Array:
        blocks = [mixture.surprise(scale(rows_of(test, rows))) for rows in row_blocks(len(test))]
        return 100 * np.concatenate(blocks)

    return Likelihoods(given(on_generated), given(on_training))


def _check_unseen(test: Features, training: Features) -> None:
    """`MetricError` where a test scan is a training image: no likelihood of it says anything."""
    seen = {hash(row.tobytes()) for rows in row_blocks(len(training)) for row in rows_of(training, rows)}
    known = sum(hash(row.tobytes()) in seen for rows in row_blocks(len(test)) for row in rows_of(test, rows))
    if known:
        raise MetricError(
            f"fld: expected test scans that are no training images, got {known} of {len(test)} that are; split by "
            "subject"
        )


def fld_score(
    training_features: npt.ArrayLike, test_features: npt.ArrayLike, generated_features: npt.ArrayLike, *,
    extractor: str, parameters: Mapping[str, ParameterValue] | None = None,
) -> Measured:
    """FLD as a score; its interval is over test scans, with both mixtures held fixed. Raises as `likelihoods`."""
    found = likelihoods(training_features, test_features, generated_features)
    told = {
        **(parameters or {}), "n_training": len(np.asarray(training_features)), "most_images": _LARGEST,
        "split_seed": _SEED, "interval": "95 % Student's t over test scans, mixtures held fixed",
    }
    count = min(len(np.asarray(generated_features)), _LARGEST)
    return _score(found.test_m - found.baseline_m, count, extractor, told)


def _score(values_m: Array, count: int, extractor: str, parameters: dict[str, ParameterValue]) -> Measured:
    of_scans = mean_interval(values_m, "fld")
    return Measured(
        metric="fld", value=of_scans.value, ci_low=of_scans.low, ci_high=of_scans.high, n=count, direction="lower",
        extractor=extractor, parameters={**parameters, "n_real": len(values_m)},
        contributions={"scans": of_mean(values_m)},
        within=lambda rows: replace(_score(values_m[rows], count, extractor, parameters), n=len(rows)),
    )


@dataclass(frozen=True)
class _Scale:
    """Features in standard deviations of the test scans, from their mean; those that vary there."""

    mean_d: Array
    deviation_d: Array
    varies_d: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, test: Features) -> _Scale:
        mean_d, squares_d = mean_row(test), np.zeros(test.shape[1])
        largest_d = np.zeros(test.shape[1])
        for rows in row_blocks(len(test)):
            block_bd = rows_of(test, rows)
            squares_d += np.square(block_bd - mean_d).sum(axis=0)
            largest_d = np.maximum(largest_d, np.abs(block_bd).max(axis=0))
        deviation_d = np.sqrt(squares_d / (len(test) - 1))
        varies_d = deviation_d > _ROUNDING * largest_d
        if not varies_d.any():
            raise MetricError("fld: expected test scans that differ, got none that do; check those images")
        return cls(mean_d, deviation_d, varies_d)

    def __call__(self, features_bd: npt.NDArray[np.floating]) -> torch.Tensor:
        import torch

        varies_d = self.varies_d
        scaled_bd = (features_bd[:, varies_d] - self.mean_d[varies_d]) / self.deviation_d[varies_d]
        return torch.from_numpy(np.asarray(scaled_bd, np.float64))


@dataclass(frozen=True)
class _Mixture:
    """Gaussians of one weight about `centres_nd`, each as wide in all directions."""

    centres_nd: torch.Tensor
    log_variances_n: torch.Tensor

    @classmethod
    def fitted(cls, centres_nd: torch.Tensor, images_td: torch.Tensor) -> _Mixture:
        """The mixture on these centres whose variances make the images most likely."""
        import torch

        features = images_td.shape[1]
        squares_tn = torch.cdist(images_td, centres_nd).square_()
        origin_t = _ORIGIN * (images_td - images_td.mean(dim=0)).square().sum(dim=1)
        widths_n = ((squares_tn.min(dim=0).values + _NEAREST) / features).log()
        width_1 = torch.zeros(1, dtype=torch.float64)
        optimiser = torch.optim.Adam([widths_n, width_1], lr=_RATE)
        losses: list[float] = []
        for step in range(_STEPS):
            loss, widths_n.grad, width_1.grad = _loss(squares_tn, origin_t, widths_n, width_1, features)
            optimiser.step()
            widths_n.clamp_(_NARROWEST, _WIDEST)
            losses.append(loss)
            if step > _WATCHED and max(abs(losses[-1] - one) for one in losses[-_WATCHED:]) < _SETTLED:
                break
        return cls(centres_nd, widths_n)

    def surprise(self, images_bd: torch.Tensor) -> Array:
        """The negative log likelihood of each image, per feature."""
        import torch

        count, features = self.centres_nd.shape
        squares_bn = torch.cdist(images_bd, self.centres_nd).square()
        densities_bn = _log_densities(squares_bn, self.log_variances_n, features) - math.log(count)
        return np.asarray((-densities_bn.logsumexp(dim=1) / features).numpy(), np.float64)


def _loss(
    squares_tn: torch.Tensor, origin_t: torch.Tensor, widths_n: torch.Tensor, width_1: torch.Tensor, features: int
) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The mean negative log likelihood of images per feature, and its gradient by the log variances, in blocks of
    images: what a tape holds for a backward pass would be sixteen times the distances."""
    import torch

    images, centres = squares_tn.shape
    total, gradient_n, gradient_1 = 0.0, torch.zeros_like(widths_n), torch.zeros_like(width_1)
    for rows in row_blocks(images):
        squares_bn, origin_b1 = squares_tn[rows], origin_t[rows, None]
        densities_bn = _log_densities(squares_bn, widths_n, features) - math.log(centres)
        of_origin_b1 = _log_densities(origin_b1, width_1, features)
        likelihoods_b = torch.cat([densities_bn, of_origin_b1], dim=1).logsumexp(dim=1)
        total -= float(likelihoods_b.sum())
        shares_bn = (densities_bn - likelihoods_b[:, None]).exp_()
        share_b1 = (of_origin_b1 - likelihoods_b[:, None]).exp_()
        gradient_n += (shares_bn * (features - squares_bn / widths_n.exp())).sum(dim=0)
        gradient_1 += (share_b1 * (features - origin_b1 / width_1.exp())).sum(dim=0)
    scale = images * features
    return total / scale, gradient_n / (2 * scale), gradient_1 / (2 * scale)


def _log_densities(squares_bn: torch.Tensor, log_variances_n: torch.Tensor, features: int) -> torch.Tensor:
    """The log density of each Gaussian at squared distances from its centre."""
    return -0.5 * (squares_bn / log_variances_n.exp() + features * (log_variances_n + math.log(2 * math.pi)))


def _some(features: Features, most: int) -> Features:
    """All rows, or as many as `most` of them, drawn with one seed for all models."""
    if len(features) <= most:
        return rows_of(features, slice(0, len(features)))
    drawn = np.sort(np.random.default_rng(_SEED).choice(len(features), most, replace=False))
    return rows_of(features, drawn)


def _of_inputs(inputs: MetricInputs, settings: LikelihoodSpec) -> Measured:
    return beside_training(fld_score, inputs, DistributionSpec(settings.extractor, settings.resize))


FLD = Metric(
    name="fld", title="Feature likelihood divergence",
    summary="How unlikely test scans are by a mixture of Gaussians on the generated images; rises for copies, too.",
    direction="lower", whole_sets=True, compute=viewed(_of_inputs),
    compares="generated images, test scans and all training images",
    interval="over test scans (Student's t), mixtures held fixed", settings=LikelihoodSpec, networks=_NETWORKS,
    needs=frozenset({"training"}), scans="reference", axis="fidelity", groups="units",
    catches=(
        "blur", "noise", "contrast", "gain", "jpeg", "averaged", "collapse", "tails", "class-share", "other-modality",
        "upside-down", "chimera", "mirrored", "lesion", "hole", "shuffled", "inverted", "copies",
    ),
    blind_to=("swapped-classes", "left-right", "shifted-copies", "noisy-copies", "test-copies"),
)
