"""What blur, noise, a veil, less light and the autoencoder alone do to a judge's readings, and how sure it may be.

Validation scans, never test scans: how many the judge of a card reads right, how many it reads as another class once
they are degraded, and its calibration error on them. Several cards compare several recipes; a card's file will do. The
table is in docs/measurements/gauntlet.md.

    python -m leaderboards.judge_robustness sandbox-brain-disease my-card.toml
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from scipy import ndimage

from ldbench.data.task_data import network_files, task_data
from ldbench.errors import UsageError
from ldbench.records.files import user_cache_folder
from ldbench.score.metrics.condition import judge_calibration_score
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.judge import class_indices, judge_of
from ldbench.task import card

Images = torch.Tensor
AT_ONCE = 40  # images through the autoencoder


def blurred(sigma: float) -> Callable[[Images], Images]:
    """A Gaussian blur of so many pixels."""
    return lambda images: torch.from_numpy(ndimage.gaussian_filter(images.numpy(), (0, 0, sigma, sigma)))


def noisy(deviation: float) -> Callable[[Images], Images]:
    """White noise, cut at black and white."""

    def change(images: Images) -> Images:
        drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
        return (images + deviation * drawn).clamp(0, 1)

    return change


def encoded(images: Images) -> Images:
    """Through the autoencoder of the packaged backbone and back, as the row `autoencoder` stores a grey image."""
    model = load_backbone("tiny-sd", torch.device("cpu"))
    decoded = torch.cat([model.decode(model.encode(some)[0]) for some in images.split(AT_ONCE)])
    return (decoded.mean(dim=1, keepdim=True) * 255).round().expand_as(images) / 255


DEGRADATIONS: Mapping[str, Callable[[Images], Images]] = {
    "none": lambda images: images, "blur 0.6 px": blurred(0.6), "blur 1 px": blurred(1.0), "noise 0.03": noisy(0.03),
    "noise 0.1": noisy(0.1), "veil 0.02": lambda images: (images + 0.02).clamp(0, 1),
    "veil 0.05": lambda images: (images + 0.05).clamp(0, 1), "light x 0.95": lambda images: images * 0.95,
    "light x 0.85": lambda images: images * 0.85, "autoencoder": encoded,
}


def main() -> None:
    """Print one line a card and degradation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cards", nargs="+")
    for name in parser.parse_args().cards:
        task = card.load(name)
        if task.judge is None:
            raise UsageError(f"{task.id}: expected a card with [judge], got none")
        data, classes = task_data(task, 0), task.data.classes
        judge = judge_of(
            task.judge, classes, *data.training_scans(), device="cpu", folder=user_cache_folder() / "judges",
            shipped=network_files(task.data),
        )
        records = data.of_classes("validation")
        scans = torch.stack([torch.from_numpy(data.dataset.image(record)) for record in records])
        labels = [str(record.attributes[task.data.class_attribute]) for record in records]
        plain_n = judge.scores(scans).argmax(axis=1)
        for what, change in DEGRADATIONS.items():
            scores = judge.scores(change(scans))
            print(f"{task.id:28} {what:14} {in_words(scores, labels, classes, plain_n)}", flush=True)


def in_words(scores: Array, labels: Sequence[str], classes: Sequence[str], plain_n: npt.NDArray[np.int64]) -> str:
    """Log odds `(N, K)` against the labels, and against the classes read before."""
    read_n = scores.argmax(axis=1)
    right, changed = np.mean(read_n == class_indices("judge", labels, classes)), np.mean(read_n != plain_n)
    off = judge_calibration_score(scores, labels, classes, {})
    return (
        f"right {right:.3f}  changed {changed:.3f}  calibration {off.value:.3f} [{off.ci_low:.3f}, {off.ci_high:.3f}]"
        f"  n = {len(labels)}"
    )


if __name__ == "__main__":
    main()
