"""Two folders of images, without a task: real ones, and generated ones that are measured beside them.

What other packages are most used for. The metrics are those of the task cards, a plug-in's included, with their
intervals; a card adds fixed cases, classes, a judge and a ranking. A metric that needs a card says so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from ldbench.api import Metric, Need, ParameterValue, Score
from ldbench.errors import ImageError, LdbenchError, UsageError, WeightsError
from ldbench.plugins.kinds import METRICS
from ldbench.records.seed import check_seed
from ldbench.records.typed import TypedError, build, value_of
from ldbench.score.folder_inputs import FolderInputs
from ldbench.score.folder_notes import few, shared
from ldbench.score.free_memory import give_back
from ldbench.score.scorer import measured
from ldbench.score.set_inputs import ScoringContext
from ldbench.task.card import Viewing

if TYPE_CHECKING:
    import torch

    from ldbench.data.stored_images import StoredImages

NETWORK = "efficientnet-lite0"  # the one that ships
_SMALLEST = 8  # pixels of a side
_SETS = ("fid", "kid", "mmd", "frd", "precision", "density", "recall", "coverage", "vendi", "ms_ssim_diversity")
_VIEWED = ("viewed_fid", "viewed_kid")
_NOVELTY = ("fld", "copied_share", "authpct", "ct")
_PAIRS = ("ssim", "psnr", "lpips")
_REMEDY: Mapping[Need, str] = {
    "viewing": "say how the images are seen, with --blur and --noise",
    "truth": "give --paired, if each generated image has its true one under the same name",
}


@dataclass(frozen=True)
class Folders:
    """What is measured, and how.

    `real` and `generated` are folders of 8-bit PNG or JPEG files of one size, with what lies in their subfolders;
    `side` brings square images of any size to that many pixels. `training` holds what the generator learnt from.
    `paired`: an image of `generated` has its true image under the same name in `real`. `viewing`: the conditions under
    which metrics that have them look.
    """

    real: Path
    generated: Path
    training: Path | None = None
    paired: bool = False
    side: int | None = None
    viewing: Viewing | None = None

    def __post_init__(self) -> None:
        if self.side is not None and self.side < _SMALLEST:
            raise UsageError(f"--side: expected {_SMALLEST} pixels or more, got {self.side}")
        if self.viewing is not None and not 0 <= self.viewing.blur < math.inf:
            raise UsageError(f"--blur: expected a number of pixels, 0 or more, got {self.viewing.blur}")
        if self.viewing is not None and not 0 <= self.viewing.noise <= 1:
            raise UsageError(f"--noise: expected grey levels from 0 to 1, got {self.viewing.noise}")

    @property
    def paths(self) -> dict[str, Path]:
        """The folders by what they hold."""
        given = {"real": self.real, "generated": self.generated, "training": self.training}
        return {name: path for name, path in given.items() if path is not None}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that these folders allow without being asked for any."""
        allowed = {_VIEWED: self.viewing is not None, _NOVELTY: self.training is not None, _PAIRS: self.paired}
        return sum((names for names, holds in allowed.items() if holds), _SETS)

    def read(self) -> dict[str, StoredImages]:
        """The images by what they are; names are checked at once, each image when it is asked for. `ImageError`."""
        from ldbench.data.image_folder import read_any_sizes

        self._check_apart()
        fit = _OneSize(self.side)
        images = {name: read_any_sizes(path, fit) for name, path in self.paths.items()}
        missing = [name for name in images["generated"] if name not in images["real"]] if self.paired else []
        if missing:
            raise ImageError(
                f"{self.real}: expected a true image for each generated one, got none for {len(missing)}, such as "
                f"{missing[0]}; give both the same name, or drop --paired"
            )
        return images

    def _check_apart(self) -> None:
        """`ImageError` where a folder lies in another one, whose images would hold its own."""
        places = {name: path.resolve() for name, path in self.paths.items()}
        for name, outer in places.items():
            for other, inner in places.items():
                if outer in inner.parents:
                    raise ImageError(
                        f"{self.paths[other]}: expected folders apart, got the {other} images inside the {name} ones "
                        f"({self.paths[name]}), which subfolders belong to; move one of them"
                    )


@dataclass(frozen=True)
class FolderScores:
    """One score a metric; why other metrics have none; what was measured: each folder, its images' number and digest,
    the number of files ignored as no images; and with which options. `notes` say what makes values mean less than they
    seem to: images that are in two folders, and few of them."""

    scores: tuple[Score, ...]
    refused: Mapping[str, str]
    images: Mapping[str, Mapping[str, str | int]]
    options: Mapping[str, ParameterValue]
    notes: tuple[str, ...] = ()


def measure_folders(
    folders: Folders, context: ScoringContext, metrics: Sequence[str] = (), *, network: str | None = None,
    settings: Mapping[str, Mapping[str, str]] | None = None, strict: bool = False,
) -> FolderScores:
    """The scores of one folder beside another; without `metrics` all that the folders allow.

    `network` is the feature network of all metrics that take one (None: the one that ships), `settings` has texts of
    further settings by metric and name. What these folders cannot have is refused before an image is read; then all
    are read once before anything is measured. A metric that these images do not allow, since they are too few say,
    leaves the others alone; if `strict`, its error is raised. Raises `ImageError`, `UsageError`, `UnknownNameError`,
    `WeightsError`.
    """
    from ldbench.data.image_folder import count_ignored

    check_seed(context.seed)
    given = settings or {}
    asked = {name: METRICS.load(name) for name in metrics or folders.metrics}
    if foreign := [name for name in given if name not in asked]:
        raise UsageError(f"--set {foreign[0]}: expected a metric that is measured, got none; add --metric {foreign[0]}")
    for name, metric in asked.items():
        _check_needs(name, metric, folders)
    chosen = {name: _settings(metric, network, given.get(name, {})) for name, metric in asked.items()}
    if network is not None and any(getattr(each, "extractor", None) == network for each in chosen.values()):
        _check_weights(network)
    images = folders.read()
    described: dict[str, dict[str, str | int]] = {}
    pixels: dict[str, list[bytes]] = {}
    for name, path in folders.paths.items():
        digest, pixels[name] = _digests(name, images[name], context)
        described[name] = {
            "folder": str(path), "images": len(images[name]), "ignored": count_ignored(path), "sha256": digest,
        }
    inputs = FolderInputs(
        device=context.device, seed=context.seed, cache_folder=context.cache_folder, progress=context.progress,
        images=images, conditions=folders.viewing,
    )
    scores, scored, refused = [], [], {}
    for name, metric in asked.items():
        try:
            scores.append(measured(metric, inputs.for_metrics, chosen[name]).score)
            scored.append(metric)
        except ImageError:  # a file that changed meanwhile spoils what was measured, too
            raise
        except LdbenchError as error:
            if strict:
                raise
            refused[name] = str(error).removeprefix(f"{name}: ")
        give_back()
    viewing = {} if folders.viewing is None else {"blur": folders.viewing.blur, "noise": folders.viewing.noise}
    options = {"side": folders.side, "paired": folders.paired, "seed": context.seed, "device": str(context.device)}
    notes = (*shared(folders.paths, pixels), *few(scored, pixels))
    return FolderScores(tuple(scores), refused, described, {**options, **viewing}, notes)


@dataclass
class _OneSize:
    """Brings square images to a side, or, without one, holds all images to the size of the first."""

    side: int | None
    first: tuple[Path, tuple[int, ...]] | None = None

    def __call__(self, path: Path, levels: torch.Tensor) -> torch.Tensor:
        height, width = levels.shape[1:]
        if self.side is None:
            where, size = self.first = self.first or (path, (height, width))
            if (height, width) != size:
                raise ImageError(
                    f"{path}: expected {size[1]} x {size[0]} pixels, as {where} has, got {width} x {height}; bring "
                    "all to one size with --side"
                )
            return levels
        if height != width:
            raise ImageError(f"{path}: expected a square image, got {width} x {height}; crop it, or pad it with black")
        return _resized(levels, self.side)


def _resized(levels_chw: torch.Tensor, side: int) -> torch.Tensor:
    """Levels at another side, by Pillow's antialiased Lanczos filter."""
    import torch
    from PIL import Image

    def of_channel(levels_hw: torch.Tensor) -> torch.Tensor:
        picture = Image.fromarray(levels_hw.numpy()).resize((side, side), Image.Resampling.LANCZOS)
        return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(side, side)

    return levels_chw if levels_chw.shape[-1] == side else torch.stack([of_channel(each) for each in levels_chw])


def _settings(metric: Metric, network: str | None, given: Mapping[str, str]) -> Any:
    """A metric's settings: what is given, else its own defaults, the network that ships and the side that it sees."""
    from ldbench.score.networks.features import network_of

    names = {item.name for item in fields(metric.settings)}
    table: dict[str, Any] = {}
    if "extractor" in names:
        features = "resize" in names  # others compare two images by networks of their own
        own = next(iter(metric.networks), NETWORK)
        table["extractor"] = given.get("extractor") or (network or NETWORK if features else own)
    if {"extractor", "resize"} <= names:
        table["resize"] = network_of(table["extractor"])[0].resize
    hints = get_type_hints(metric.settings)
    try:
        table |= {key: value_of(hints[key], str(text), key) if key in hints else text for key, text in given.items()}
        return build(metric.settings, table)
    except TypedError as wrong:
        raise UsageError(
            f"--set {metric.name}:{wrong}; give --set {metric.name}:key=value, or score the images on a task card"
        ) from wrong


def _check_weights(extractor: str) -> None:
    """`WeightsError` where the weights of the network that was asked for are missing or others; loads nothing."""
    from ldbench.score.networks.features import network_of
    from ldbench.score.networks.inception_v3 import WEIGHTS
    from ldbench.score.networks.weights import fetchable, locate, pinned, place

    network, digest = network_of(extractor)
    try:
        if network.find is not None:
            network.find(digest)
        file = pinned(WEIGHTS, digest)
        if network.name == WEIGHTS.network and (place(file).is_file() or not fetchable(file)):
            locate(file)
    except WeightsError as error:
        raise WeightsError(f"--network {extractor}: {error}") from error


def _check_needs(name: str, metric: Metric, folders: Folders) -> None:
    if metric.every_class or metric.trained:
        raise UsageError(f"--metric {name}: expected images of each class, got folders without; score on a task card")
    if name in (*_NOVELTY, "laterality") and folders.training is None:
        raise UsageError(f"--metric {name}: expected what the generator learnt from, got none; give --training")
    has: dict[Need, bool] = {"viewing": folders.viewing is not None, "truth": folders.paired}
    for need in sorted(metric.needs):
        if not has.get(need):
            remedy = _REMEDY.get(need, "score the images on a task card that has it")
            raise UsageError(f"--metric {name}: expected {need.replace('_', ' ')}, got folders without; {remedy}")


def ignored_line(found: FolderScores) -> str:
    """One line that counts the files of other formats in each folder; "" where there are none."""
    from ldbench.data.image_folder import SUFFIXES

    counts = [f"{each['ignored']} in {each['folder']}" for each in found.images.values() if each["ignored"]]
    return f"ignored as not {', '.join(SUFFIXES)}: {', '.join(counts)}" if counts else ""


def _digests(name: str, images: StoredImages, context: ScoringContext) -> tuple[str, list[bytes]]:
    """The digest of all images with their names, and one of each image's pixels."""
    from ldbench.data.stored_images import hash_pixels

    digest, pixels = hashlib.sha256(), list[bytes]()

    def read(count: int, levels: bytes) -> None:
        pixels.append(hashlib.sha256(levels).digest())
        context.progress(f"reading {name} images", count, len(images))

    hash_pixels(digest, images, read)
    return digest.hexdigest(), pixels
