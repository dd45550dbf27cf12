"""Our batched Pix2Pix-Zero against diffusers' `StableDiffusionPix2PixZeroPipeline` as it comes, and against ourselves.

    python benchmarks/editing.py
    python benchmarks/editing.py --images 16 --no-regularisation

Same backbone, images, captions, edits, number of steps, guidance scale, attention guidance and regularisation of the
noise, which for each image is an inversion, a reference pass and a guided pass. The pipeline takes one image at a time
and is called as a user would call it: `invert`, `get_embeds`, then the call, asked for tensors. A third side is ours
with one image a batch, which tells what batching is worth. The sides take turns in one process after a warm-up image
each; processor time is told beside the wall's, as that of a machine with other work on it says little.

The results are not compared: the pipeline guides by other losses, and goes on from the half of the optimised latents
that belongs to the empty prompt. That half is another prompt here, the caption, as the authors' own code has it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

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

GOAL = 3.0
PACKAGES = ("torch", "diffusers", "transformers")
Make = Callable[[Sequence[Request]], torch.Tensor]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Our Pix2Pix-Zero beside diffusers' pipeline.")
    parser.add_argument("--task", default="sandbox-brain-disease")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance-scale", type=float, default=5.0)
    parser.add_argument("--guidance-weight", type=float, default=0.1)
    parser.add_argument("--no-regularisation", action="store_true", help="neither side whitens the inverted noise")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def our_side(options: argparse.Namespace, backbone: Path, side: int) -> Make:
    """Our generator on the backbone as it comes, as a function of requests."""
    settings = {
        "start": "sd", "sampling_steps": str(options.steps), "guidance_scale": str(options.guidance_scale),
        "guidance_weight": str(options.guidance_weight),
        "regularisation_weight": "0" if options.no_regularisation else "20",
    }
    generator = build(load_generator("pix2pix-zero"), settings)
    context = Context(torch.device("cpu"), 0, backbone, (3, side, side), str(backbone))
    generator.fit([], context)
    return lambda requests: generator.generate(requests, context)


def pipeline_of(backbone: Path) -> Any:
    """Diffusers' pipeline on the backbone, with the two schedulers that its example sets."""
    from diffusers import DDIMInverseScheduler, DDIMScheduler, StableDiffusionPix2PixZeroPipeline
    from ldbench_baselines.diffusion.latent_diffusion import load_backbone

    parts = load_backbone(str(backbone), torch.device("cpu"))
    schedule = {key: value for key, value in parts.schedule.config.items() if key != "skip_prk_steps"}
    pipeline: Any = StableDiffusionPix2PixZeroPipeline(
        vae=parts.vae, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer, unet=parts.unet,
        scheduler=DDIMScheduler.from_config(schedule), inverse_scheduler=DDIMInverseScheduler.from_config(schedule),
        safety_checker=None, feature_extractor=None, caption_generator=None, caption_processor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def their_side(options: argparse.Namespace, backbone: Path, side: int) -> Make:
    """The pipeline, as a function of requests, which it is given one by one."""
    pipeline, weight = pipeline_of(backbone), 0.0 if options.no_regularisation else 20.0

    def edit(request: Request) -> torch.Tensor:
        case, source = request.case, torch.Generator().manual_seed(request.seed)
        assert case.source is not None
        assert case.edit is not None
        inverted = pipeline.invert(
            case.source_prompt, image=case.source[None], num_inference_steps=options.steps, generator=source,
            lambda_auto_corr=weight, lambda_kl=weight, output_type="pt",
        ).latents
        embeds = [pipeline.get_embeds(list(s)) for s in (case.edit.source_sentences, case.edit.target_sentences)]
        made: torch.Tensor = pipeline(
            case.source_prompt, *embeds, height=side, width=side, num_inference_steps=options.steps,
            guidance_scale=options.guidance_scale, negative_prompt=case.source_prompt, latents=inverted,
            cross_attention_guidance_amount=options.guidance_weight, output_type="pt",
        ).images
        return made

    return lambda requests: torch.cat([edit(request) for request in requests])


def timed(make: Make, requests: Sequence[Request], batch_size: int) -> tuple[float, float]:
    """Seconds on the wall and of processor time that editing all images takes, batch by batch."""
    wall, processor = time.perf_counter(), time.process_time()
    made = [make(requests[start : start + batch_size]) for start in range(0, len(requests), batch_size)]
    if sum(map(len, made)) != len(requests):
        raise SystemExit(f"expected {len(requests)} images, got {sum(map(len, made))}")
    return time.perf_counter() - wall, time.process_time() - processor


def compare(options: argparse.Namespace, requests: Sequence[Request], ours: Make, theirs: Make) -> None:
    """Time the sides in turn and print images a second and the ratios."""
    for make in (ours, theirs):
        make(requests[:1])
    sides = ((ours, options.batch_size), (theirs, 1), (ours, 1))
    rounds = [[timed(make, requests, size) for make, size in sides] for _ in range(options.repeats)]
    whitening = "no regularisation" if options.no_regularisation else "lambda 20, 5 steps, 5 rolls"
    print(
        f"{options.task}: {options.steps} steps, guidance {options.guidance_scale}, tau {options.guidance_weight}, "
        f"{whitening}, {len(requests)} images, median of {options.repeats}"
    )
    for kind, clock in enumerate(("wall", "processor time")):
        speed = [statistics.median(len(requests) / each[side][kind] for each in rounds) for side in range(3)]
        ratios = [statistics.median(each[side][kind] / each[0][kind] for each in rounds) for side in (1, 2)]
        print(
            f"images/s of {clock}: ours {speed[0]:.2f} (batches of {options.batch_size}), the pipeline {speed[1]:.2f}, "
            f"ours one by one {speed[2]:.2f}; ratio to the pipeline {ratios[0]:.2f} (goal at least {GOAL}), "
            f"to ours one by one {ratios[1]:.2f}"
        )


def main() -> None:
    """Print the machine and the comparison."""
    options = arguments()
    torch.set_num_threads(options.threads)
    backbone = Path(str(resources.files("ldbench_baselines.backbone").joinpath("tiny-sd")))
    task = card.load(options.task)
    with tempfile.TemporaryDirectory() as folder:
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
        print(f"{Machine('cpu', options.threads, Path(folder))}; {versions}")
    requests = requests_for(task_data(task, 0).cases, options.task, 0)[: options.images]
    side = task.protocol.resolution
    compare(options, requests, our_side(options, backbone, side), their_side(options, backbone, side))


if __name__ == "__main__":
    main()
