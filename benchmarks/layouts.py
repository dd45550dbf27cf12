"""The U-Net of Stable Diffusion 1.4's size in both layouts of its kernels, as sampling and as training ask it.

    python benchmarks/layouts.py                      # on a CUDA device, bfloat16, 64 x 64 latents
    python benchmarks/layouts.py --device cpu --latents 8 --batch-size 1 --repeats 1 --small

Channels last, which is ours everywhere, or torch's own, which is the pipeline's. The layouts alternate, after a
warm-up each. Random weights: the time is that of the real ones.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from figure_file import write_figures
from large_backbone import STABLE_DIFFUSION_1, TEXT_LENGTH, Size, unet_of

from ldbench._torchvision import declare_missing_ops

declare_missing_ops()

import torch  # noqa: E402 (diffusers, which is imported later, must find torchvision in order)

LAYOUTS = {"channels last": torch.channels_last, "torch's own": torch.contiguous_format}
SMALL = Size((32, 64), (), 1, 2, 0, 64, 0, 0)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch-size", type=int, default=16, help="images; guidance doubles them in sampling")
    parser.add_argument("--latents", type=int, default=64, metavar="SIDE")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--small", action="store_true", help="two narrow levels, to see whether it runs")
    parser.add_argument("--json", type=Path, default=None, help="write the figures there, too")
    return parser.parse_args()


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Of one call, until the device has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    """Print milliseconds a layout, of a sampling and of a training step's passes."""
    options = arguments()
    device = torch.device(options.device)
    size = SMALL if options.small else STABLE_DIFFUSION_1
    unet = torch.nn.Module.to(unet_of(size), device, torch.bfloat16)

    def passes(count: int) -> torch.Tensor:
        latents = torch.randn(count, 4, options.latents, options.latents, device=device, dtype=torch.bfloat16)
        text = torch.randn(count, TEXT_LENGTH, size.text_width, device=device, dtype=torch.bfloat16)
        predicted: torch.Tensor = unet(latents, 1, text).sample
        return predicted

    def sampling() -> None:
        with torch.no_grad():
            passes(2 * options.batch_size)

    def training() -> None:
        passes(options.batch_size).float().square().mean().backward()
        unet.zero_grad(set_to_none=True)

    took: dict[str, dict[str, list[float]]] = {name: {"sampling": [], "training": []} for name in LAYOUTS}
    for repeat in range(options.repeats + 1):
        for name, layout in LAYOUTS.items():
            torch.nn.Module.to(unet, memory_format=layout)
            for work in (sampling, training):
                work()  # in this layout, so that what the device chooses by trial is chosen
                found = seconds(device, work)
                if repeat:
                    took[name][work.__name__].append(found)
    settings = f"{options.batch_size} images, {options.latents} x {options.latents} latents, bfloat16, median of "
    settings += f"{options.repeats}, ms"
    rows = [
        {"layout": name, **{work: 1000 * statistics.median(found) for work, found in of_layout.items()}}
        for name, of_layout in took.items()
    ]
    print(settings, *rows, sep="\n")
    write_figures(options.json, settings, rows)


if __name__ == "__main__":
    main()
