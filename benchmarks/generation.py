"""Our batched sampling against diffusers' `StableDiffusionPipeline` as it comes, doing the same work.

    python benchmarks/generation.py
    python benchmarks/generation.py --device cuda --large      # SD-1.4's size with random weights, 512 px

Same backbone, scheduler, steps, guidance, prompts, batch size, precision and starting noise; the pipeline is called as
a user would, with the list of a batch's prompts, and asked for tensors, so that it is not charged for PIL images. The
sides alternate in one process after a warm-up batch each. The largest difference between the two sides' images is
printed, because speed says nothing if the pictures differ; ancestral samplers draw their step noise differently and
can't be compared so.

Refuses `--large` without CUDA.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from figure_file import write_figures
from large_backbone import STABLE_DIFFUSION_1, write_backbone
from process_cost import Machine

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Context, Request
from ldbench.data.task_data import task_data
from ldbench.plugins.generators import load_generator
from ldbench.plugins.parameters import build
from ldbench.run.generate import requests_for
from ldbench.task import card

declare_missing_ops()

import torch  # noqa: E402 (diffusers, imported below, must find torchvision in order)

CPU_GOAL, GPU_GOAL = 1.0, 1.3
PACKAGES = ("torch", "diffusers", "transformers")
Make = Callable[[Sequence[Request]], torch.Tensor]


@dataclass(frozen=True)
class Timing:
    """Seconds on the wall and of processor time that making all images took, and the bytes that a GPU held at most
    above what it held before."""

    wall: float
    processor: float
    memory: float


def arguments() -> argparse.Namespace:
    """The command line, checked; SystemExit in one line without the device that is asked for."""
    parser = argparse.ArgumentParser(description="Our sampling beside StableDiffusionPipeline.")
    parser.add_argument("--task", default="sandbox-brain-t2i")
    parser.add_argument("--sampler", default="ddim", choices=["ddim", "pndm", "dpm-solver++", "euler", "ddpm"])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance-scale", type=float, default=7.5)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=None, help="default 16, with --large 4")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default=None, choices=["float32", "bfloat16", "float16"],
                        help="of both sides; default float32 on the CPU, bfloat16 on a GPU")
    parser.add_argument("--large", action="store_true", help="SD-1.4's size with random weights, 512 px; needs CUDA")
    parser.add_argument("--backbone", type=Path, default=None, help="with --large: a folder that is there already")
    parser.add_argument("--json", type=Path, default=None, help="write the figures there, too")
    options = parser.parse_args()
    if (options.large or options.device == "cuda") and not (options.device == "cuda" and torch.cuda.is_available()):
        raise SystemExit("--large and --device cuda need a CUDA device, and --large needs --device cuda")
    options.batch_size = options.batch_size or (4 if options.large else 16)
    options.precision = options.precision or ("float32" if options.device == "cpu" else "bfloat16")
    return options


def our_side(options: argparse.Namespace, backbone: Path, side: int) -> Make:
    """Our generator `sd`, fitted (which loads it), as a function of requests."""
    settings = {
        "sampler": options.sampler, "sampling_steps": str(options.steps),
        "guidance_scale": str(options.guidance_scale), "precision": options.precision,
    }
    generator = build(load_generator("sd"), settings)
    context = Context(torch.device(options.device), 0, backbone, (3, side, side), str(backbone))
    generator.fit([], context)
    return lambda requests: generator.generate(requests, context)


def their_side(options: argparse.Namespace, backbone: Path, side: int) -> Make:
    """The pipeline, as a function of requests; it gets their prompts and their starting noise."""
    from diffusers import StableDiffusionPipeline
    from ldbench_baselines.diffusion.schedulers import make_scheduler

    pipeline: Any = StableDiffusionPipeline.from_pretrained(
        backbone, safety_checker=None, dtype=getattr(torch, options.precision), local_files_only=True
    ).to(options.device)
    pipeline.scheduler = make_scheduler(options.sampler, pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    shape = (pipeline.unet.config.in_channels, side // pipeline.vae_scale_factor, side // pipeline.vae_scale_factor)

    def make(requests: Sequence[Request]) -> torch.Tensor:
        noise = torch.stack([request.noise(shape) for request in requests])
        made: torch.Tensor = pipeline(
            [request.case.prompt for request in requests], height=side, width=side, num_inference_steps=options.steps,
            guidance_scale=options.guidance_scale, latents=noise.to(options.device, pipeline.unet.dtype),
            output_type="pt",
        ).images
        return made

    return make


def timed(make: Make, requests: Sequence[Request], batch_size: int) -> tuple[Timing, torch.Tensor]:
    """Make all images batch by batch; what it took, and the images on the CPU."""
    on_gpu = torch.cuda.is_initialized()
    held = torch.cuda.memory_allocated() if on_gpu else 0
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    wall, processor = time.perf_counter(), time.process_time()
    batches = [make(requests[start : start + batch_size]) for start in range(0, len(requests), batch_size)]
    images = torch.cat([batch.float().cpu() for batch in batches])  # waits for a GPU
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Timing(wall, processor, torch.cuda.max_memory_allocated() - held if on_gpu else 0), images


def main() -> None:
    """Print the machine, the table and the largest difference between the sides' images."""
    options = arguments()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        backbone = Path(str(resources.files("ldbench_baselines.backbone").joinpath("tiny-sd")))
        side = card.load(options.task).protocol.resolution
        if options.large:
            tokenizer, side = backbone / "tokenizer", 512
            backbone = options.backbone or write_backbone(Path(folder) / "large", tokenizer, STABLE_DIFFUSION_1)
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
        print(f"{Machine(options.device, options.threads, Path(folder))}; {versions}")
        data = task_data(card.load(options.task), 0)
        requests = requests_for(data.cases, options.task, 0)[: options.images]
        compare(options, requests, our_side(options, backbone, side), their_side(options, backbone, side))


def compare(options: argparse.Namespace, requests: Sequence[Request], ours: Make, theirs: Make) -> None:
    """Time the sides in turn and print the table."""
    for make in (ours, theirs):
        make(requests[: options.batch_size])
    rounds, gap = [], 0.0
    for _ in range(options.repeats):
        mine, my_images = timed(ours, requests, options.batch_size)
        other, their_images = timed(theirs, requests, options.batch_size)
        rounds.append((mine, other))
        gap = max(gap, float((my_images - their_images).abs().max()) * 255)
    count, goal = len(requests), CPU_GOAL if options.device == "cpu" else GPU_GOAL
    speed = [statistics.median(count / pair[i].wall for pair in rounds) for i in (0, 1)]
    processor = [statistics.median(1000 * pair[i].processor / count for pair in rounds) for i in (0, 1)]
    ratio = statistics.median(other.wall / mine.wall for mine, other in rounds)
    memory = [max(pair[i].memory for pair in rounds) / 2**30 for i in (0, 1)]
    settings = (
        f"{options.sampler}, {options.steps} steps, guidance {options.guidance_scale}, {count} images in batches of "
        f"{options.batch_size}, {options.precision}, median of {options.repeats}"
    )
    print(settings)
    print(f"images/s: ours {speed[0]:.2f}, theirs {speed[1]:.2f}, ratio {ratio:.2f} (goal at least {goal})")
    print(f"CPU ms an image: ours {processor[0]:.1f}, theirs {processor[1]:.1f}")
    print(f"largest difference between the images: {gap:.2f} grey levels")
    if any(memory):
        print(f"GiB on the GPU above both models: ours {memory[0]:.2f}, theirs {memory[1]:.2f}")
    write_figures(options.json, settings, [{
        "images/s, ours": speed[0], "theirs": speed[1], f"ratio (goal {goal})": ratio,
        "GiB above both models, ours": memory[0], "GiB, theirs": memory[1], "grey levels apart, at most": gap,
    }])


if __name__ == "__main__":
    main()
