"""What a backbone's autoencoder costs: `python -m recipes.tiny_sd.reconstruction FOLDER`.

PSNR of encoded and decoded validation scans of both sandboxes, and their FID against training scans beside that of the
same scans as they are: raw, and under the viewing conditions (blurred by 1 px, noise of 0.02, both sets alike). Test
scans are not touched, so a choice may be made on these figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from ldbench.data.task_data import task_data
from ldbench.score.metrics.fid import fid
from ldbench.score.networks.features import extract
from ldbench.score.viewing import as_viewed
from ldbench.task import card

TASKS = ("sandbox-brain-t2i", "sandbox-chest-t2i")
REFERENCE_SCANS = 400
VIEWING = card.ViewingConditions(1.0, 0.02)  # what no reader sees moves no distance
_BATCH = 40


@torch.no_grad()
def reconstructed(autoencoder: AutoencoderKL, scans: np.ndarray) -> np.ndarray:
    """Grey scans (N, S, S) in [0, 1], encoded (the posterior's mean) and decoded."""
    images = torch.from_numpy(scans).float()[:, None].expand(-1, 3, -1, -1) * 2 - 1
    batches = [autoencoder.decode(autoencoder.encode(batch).latent_dist.mean).sample for batch in images.split(_BATCH)]
    return (torch.cat(batches).mean(dim=1) / 2 + 0.5).clamp(0, 1).numpy()


def psnr(scans: np.ndarray, results: np.ndarray) -> np.ndarray:
    """(N,) PSNR in dB of images in [0, 1]."""
    return -10.0 * np.log10(np.square(scans - results).mean(axis=(1, 2)))


def report(folder: Path, task: str) -> str:
    """Three lines for the sandbox of a task card."""
    data = task_data(card.load(task), seed=0)
    training = data.training_scans()[0].mean(dim=1).numpy()[:REFERENCE_SCANS]
    records = data.of_classes("validation")
    scans = np.stack([data.dataset.image(record).mean(axis=0) for record in records])
    results = reconstructed(AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True).eval(), scans)
    decibels = psnr(scans, results)
    lines = [f"{task}: {decibels.mean():.1f} dB ({decibels.min():.1f} to {decibels.max():.1f}), {len(scans)} scans"]
    for name, viewing in (("raw", None), ("viewed", VIEWING)):
        reference = _features(training, viewing)
        fresh, autoencoded = (fid(reference, _features(images, viewing)) for images in (scans, results))
        lines.append(f"  FID {name}: real {fresh:.1f}, autoencoded {autoencoded:.1f}, {autoencoded / fresh:.2f} times")
    return "\n".join(lines)


def _features(scans: np.ndarray, viewing: card.ViewingConditions | None) -> np.ndarray:
    images = torch.from_numpy(scans).float()[:, None].expand(-1, 3, -1, -1).contiguous()
    if viewing is not None:
        images = as_viewed(images, viewing)
    return extract(images, "efficientnet-lite0", resize=224).astype(np.float64)


if __name__ == "__main__":
    for sandbox in TASKS:
        print(report(Path(sys.argv[1]), sandbox), flush=True)
