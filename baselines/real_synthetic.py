"""Half real scans, half samples of Basic FT with Latent Drifting: the paper's row Real + Synthetic (Table 1).

The row asks whether synthetic images can stand in for half of the real ones when a classifier is trained, at the same
total size; its AUC is what counts. Its FID and KID mean little: half of the set are the training scans themselves, and
the distance of a mixture is no mean of distances. The row has no rank. Images of another size than the one asked for
are an error.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image

from ldbench.api import Context, Request, TrainingSet
from ldbench.errors import GeneratorError

from .backbone.errors import one_line
from .basic_ft import BasicFT
from .drift import Delta
from .fitting.fine_tuner import hash_order
from .references import Real


@dataclass
class RealSynthetic(BasicFT):
    """Real training scans for half of the cases, samples of Basic FT with drift for the other half.

    Which half a case is in depends on the training set alone: of the scans that share their attributes in words
    (diagnosis, sex), those with the smaller hash of the id stay real, one more where their number is odd. The
    fine-tuning sees all scans, as the row it is compared with does. `samples` is a folder of images `<case id>.png`
    that a finished run of Basic FT with drift left, used in place of fitting it again; `{seed}` in it stands for the
    run's seed, so that several runs are one row.
    """

    name: ClassVar[str] = "real-synthetic"
    reference: ClassVar[bool] = True

    delta: Delta = 0.1
    samples: str | None = None

    _real: Real = field(default_factory=Real, init=False, repr=False, compare=False)
    _stays: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Choose the half that stays real; fine-tune on all scans unless `samples` holds their images already."""
        folder = self._samples_folder(context)
        if folder is not None and not folder.is_dir():
            raise GeneratorError(f"real-synthetic: expected a folder of a run's images, got {folder}; check `samples`")
        if folder is None:
            self._check(context, self.download)
        self._real.fit(train, context)
        self._stays = stays_real(train)
        if folder is None:
            super().fit(train, context)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Scans and samples in the order of the requests, `(N, 3, H, W) float32 in [0, 1]`."""
        for request in requests:
            if request.case.id not in self._stays:
                raise GeneratorError(
                    f"real-synthetic: case {request.case.id!r} is no training scan; this row needs fit, and "
                    "cases drawn from the training scans"
                )
        images = torch.empty((len(requests), *context.image_shape))
        for stays, drawn_by in ((True, self._real.generate), (False, self._samples)):
            rows = [row for row, request in enumerate(requests) if self._stays[request.case.id] is stays]
            if rows:
                images[rows] = drawn_by([requests[row] for row in rows], context).to(images)
        return images

    def files(self, context: Context) -> Mapping[str, Mapping[str, Path]]:
        """The images of `samples`, whose name may hold a seed, or the backbone's files where it is fitted here."""
        folder = self._samples_folder(context)
        if folder is None:
            return super().files(context)
        return {"samples": {path.name: path for path in folder.glob("*.png")}}

    def _samples(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        folder = self._samples_folder(context)
        if folder is None:
            return super().generate(requests, context)
        return torch.stack([read(folder / f"{request.case.id}.png", context.image_shape) for request in requests])

    def _samples_folder(self, context: Context) -> Path | None:
        return None if self.samples is None else Path(self.samples.replace("{seed}", str(context.seed)))


def stays_real(train: TrainingSet) -> dict[str, bool]:
    """Whether each scan stays real: half of those of each combination of attributes in words, by a hash of the id."""
    groups: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for index in range(len(train)):
        example = train[index]
        words = frozenset((name, value) for name, value in example.attributes.items() if isinstance(value, str))
        groups[words].append(example.id)
    ranked = (sorted(ids, key=functools.partial(hash_order, "real-synthetic")) for ids in groups.values())
    return {scan: rank < (len(ids) + 1) // 2 for ids in ranked for rank, scan in enumerate(ids)}


def read(path: Path, shape: tuple[int, int, int]) -> torch.Tensor:
    """An 8-bit grey or RGB image as `(3, H, W) float32 in [0, 1]`."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "RGB") or image.size != (shape[2], shape[1]):
                raise GeneratorError(
                    f"real-synthetic: {path}: expected 8-bit grey or RGB of {shape[1]} x {shape[2]} pixels, got "
                    f"{image.mode} of {image.size[1]} x {image.size[0]}; give the images of a run of the same task"
                )
            pixels = np.array(image.convert("RGB"), dtype=np.float32)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow, for what is no image or a broken one
        raise GeneratorError(
            f"real-synthetic: can't read {path} ({one_line(error)}); `samples` must hold an image of every case"
        ) from error
    return torch.from_numpy(pixels / 255).permute(2, 0, 1).contiguous()
