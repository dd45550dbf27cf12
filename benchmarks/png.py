"""What writing PNG costs: processor time and bytes by zlib's level, and generation that waits for its files or not.

    python benchmarks/png.py --side 512

The images are a task's training images at that size: as resized ("smooth"), and with noise of 2 % of the range in
every channel ("noisy"), between which a model's lie. The pixels that come back are compared with those that went in.
The generator of the second table sleeps, as a host that waits for a GPU does.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, features
from process_cost import Machine
from resized_set import ResizedSet

from ldbench.data.image_writer import ImageWriter
from ldbench.data.images import quantise, write_image
from ldbench.data.task_data import task_data
from ldbench.task import card

LEVELS = (1, 2, 3, 4, 6, 9)
NOISE = 0.02
BATCH = 8


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="sandbox-brain-t2i")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds that a batch of 8 takes on the device")
    return parser.parse_args()


def levels(images: torch.Tensor) -> list[tuple[int, float, float]]:
    """Level, milliseconds of a processor and KiB an image; SystemExit where other pixels come back."""
    pictures = [np.ascontiguousarray(quantise(image).numpy().transpose(1, 2, 0)) for image in images]
    rows = []
    for level in LEVELS:
        start, files = time.process_time(), []
        for pixels in pictures:
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG", compress_level=level)
            files.append(file)
        seconds = time.process_time() - start
        if not all(np.array_equal(Image.open(file), pixels) for file, pixels in zip(files, pictures, strict=True)):
            raise SystemExit(f"level {level}: expected the pixels that were written, got others")
        size = sum(len(file.getbuffer()) for file in files)
        rows.append((level, 1000 * seconds / len(pictures), size / 1024 / len(pictures)))
    return rows


def generation(
    images: torch.Tensor, pause: float, folder: Path, write: Callable[[torch.Tensor, Sequence[Path]], None]
) -> None:
    """Make and write the images batch by batch."""
    for start in range(0, len(images), BATCH):
        time.sleep(pause)
        batch = images[start : start + BATCH]
        write(batch, [folder / f"{start + index}.png" for index in range(len(batch))])


def one_by_one(images: torch.Tensor, paths: Sequence[Path]) -> None:
    """Write and wait."""
    for image, path in zip(images, paths, strict=True):
        write_image(image, path)


def main() -> None:
    """Print the machine and both tables."""
    options = arguments()
    torch.set_num_threads(1)
    print(f"{Machine('cpu', 1, Path())}; zlib-ng {features.version('zlib_ng') or 'absent'}")
    train = ResizedSet(task_data(card.load(options.task), 0).train, options.side)
    smooth = torch.stack([train[index % len(train)].image for index in range(options.images)])
    noise = torch.randn(smooth.shape, generator=torch.Generator().manual_seed(0))
    noisy = (smooth + NOISE * noise).clamp(0, 1)
    print("\n| images | level | ms of a processor | KiB |\n|---|---|---|---|")
    for name, images in (("smooth", smooth), ("noisy", noisy)):
        for level, milliseconds, size in levels(images):
            print(f"| {name} | {level} | {milliseconds:.1f} | {size:.0f} |", flush=True)
    print(f"\n{options.images} noisy images, batches of {BATCH} that take {options.pause} s each\n")
    print("| files | seconds |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        generation(noisy, options.pause, Path(folder) / "one by one", one_by_one)
        print(f"| waited for | {time.perf_counter() - start:.2f} |", flush=True)
        start = time.perf_counter()
        with ImageWriter() as writer:
            generation(noisy, options.pause, Path(folder) / "in threads", writer.write)
        print(f"| in threads | {time.perf_counter() - start:.2f} |")


if __name__ == "__main__":
    main()
