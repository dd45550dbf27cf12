"""What the suite itself costs over a bare loop that does the same work.

    python benchmarks/overhead.py --images 200 --steps 100 --repeats 3

Generation: `generate` with everything that a run in a matrix has (checks, PNG files, manifest, progress in a file and a
log) beside a loop that hands the same requests to the same sampler and throws the images away, and beside one that
saves them with Pillow, as anybody who wants the images must. Fitting: `fit` of
basic-ft with its checkpoint, cache and progress beside a loop over the same objective with torch's AdamW, averaging
included, that writes nothing. Both sides load the backbone and encode the training scans. The two take turns in one
process; figures are medians. A busy machine stretches seconds on the wall, not those of the processor.

Both sides of the fit must end at the same weights; otherwise the script stops.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench._torchvision import declare_missing_ops

declare_missing_ops()

import torch  # noqa: E402 (what diffusers imports must find torchvision in order)
from ldbench_baselines.basic_ft import BasicFT  # noqa: E402
from ldbench_baselines.diffusion.generator import StableDiffusion  # noqa: E402
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone  # noqa: E402
from ldbench_baselines.drift import Drift  # noqa: E402
from ldbench_baselines.fitting.denoising import Denoising, Draw, frozen_text  # noqa: E402
from ldbench_baselines.fitting.encoded import EncodedSet  # noqa: E402
from ldbench_baselines.fitting.loop import TrainingSettings, learning_rate_at, step_generator  # noqa: E402
from PIL import Image  # noqa: E402

from ldbench.api import Context, Request, TrainingSet  # noqa: E402
from ldbench.data.task_data import task_data  # noqa: E402
from ldbench.records.run_folder import RunFolder  # noqa: E402
from ldbench.run.generate import generate, requests_for  # noqa: E402
from ldbench.run.matrix.worker import ProgressFile  # noqa: E402
from ldbench.run.progress import Lines  # noqa: E402
from ldbench.task import card  # noqa: E402

GOAL = 0.03
BATCH = 50
ENCODED_AT_A_TIME = 8  # as encode_set does
DEVICE = torch.device("cpu")


@dataclass(frozen=True)
class Spent:
    """Seconds on the wall and of the processor, on all its threads."""

    wall: float
    processor: float


def spent(work: Callable[[], object]) -> Spent:
    """What a call takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)


def context_in(folder: Path, side: int, backbone: str | None) -> Context:
    """The context of a run in a matrix: progress goes to a file and to a log."""
    folder.mkdir()
    progress = ProgressFile(folder / ".progress", Lines("overhead"))
    return Context(DEVICE, 0, folder, (3, side, side), backbone, progress)


def suite_generation(generator: StableDiffusion, requests: Sequence[Request], context: Context) -> None:
    """All that a run does to generate."""
    log = (context.folder / "run.log").open("w", encoding="utf-8")
    with log, contextlib.redirect_stderr(log):
        generate(generator, requests, context, RunFolder(context.folder), BATCH)


def bare_generation(generator: StableDiffusion, requests: Sequence[Request], context: Context) -> None:
    """The sampler alone."""
    for start in range(0, len(requests), BATCH):
        generator.generate(requests[start : start + BATCH], context)


def saving_generation(generator: StableDiffusion, requests: Sequence[Request], context: Context) -> None:
    """The sampler and a PNG an image."""
    for start in range(0, len(requests), BATCH):
        batch = requests[start : start + BATCH]
        pixels = (generator.generate(batch, context) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for request, image in zip(batch, pixels, strict=True):
            Image.fromarray(image).save(context.folder / f"{request.case.id}.png")


def suite_fit(train: TrainingSet, steps: int, context: Context) -> LatentDiffusion:
    """All that a run does to fit."""
    generator = BasicFT(steps=steps)
    log = (context.folder / "run.log").open("w", encoding="utf-8")
    with log, contextlib.redirect_stderr(log):
        generator.fit(train, context)
    assert generator._model is not None
    return generator._model


def bare_fit(train: TrainingSet, steps: int, context: Context) -> LatentDiffusion:
    """The same optimisation, written down once and kept nowhere."""
    defaults = BasicFT(steps=steps)
    model = load_backbone(context.backbone, DEVICE)
    examples = [train[index] for index in range(len(train))]
    images = torch.stack([example.image for example in examples])
    moments = torch.cat([model.encode(part) for part in images.split(ENCODED_AT_A_TIME)], 1)
    prompts = tuple(sorted({example.prompt for example in examples}))
    data = EncodedSet(moments, torch.tensor([prompts.index(example.prompt) for example in examples]), prompts)
    model.unet.requires_grad_(True)
    settings = TrainingSettings(steps, defaults.batch_size, defaults.rates.small, 0, ema_decay=defaults.ema_decay)
    draw = Draw(defaults.batch_size, defaults.prompt_dropout, defaults.high_noise_share)
    objective = Denoising(model, data, len(data), draw, Drift(), frozen_text(model, data))
    parameters = list(model.unet.parameters())
    averaged = [parameter.detach().clone() for parameter in parameters]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate_at(step, settings)
        (objective.loss(objective.draw(step_generator(0, step))) / settings.batch_size).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            decay = min(settings.ema_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(averaged, parameters, 1 - decay)
    with torch.no_grad():
        for parameter, value in zip(parameters, averaged, strict=True):
            parameter.copy_(value)
    return model


def compare(name: str, unit: str, count: int, sides: Sequence[Callable[[], object]], repeats: int) -> None:
    """Run the sides in turn and print their medians, the suite's first."""
    taken: tuple[list[Spent], list[Spent]] = ([], [])
    for turn in range(repeats):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):  # neither side always has the warmer machine
            taken[side].append(spent(sides[side]))
    print(f"| {name}, {count} {unit} | suite, s | bare, s | overhead | goal |\n|---|---|---|---|---|")
    for clock in ("wall", "processor"):
        suite, bare = (statistics.median(getattr(each, clock) for each in side) for side in taken)
        overhead = 100 * (suite / bare - 1)
        print(f"| {clock} | {suite:.2f} | {bare:.2f} | {overhead:+.1f} % | {100 * GOAL:.0f} % |", flush=True)


def in_fresh_context(
    work: Callable[[StableDiffusion, Sequence[Request], Context], None], generator: StableDiffusion,
    requests: Sequence[Request], fresh: Callable[[], Context],
) -> None:
    """A generation in a folder of its own."""
    work(generator, requests, fresh())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="The suite beside a bare loop.")
    parser.add_argument("--task", default="sandbox-brain-t2i")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["generate", "fit"], default=None)
    options = parser.parse_args()
    task = card.load(options.task)
    data, side = task_data(task, 0), task.protocol.resolution
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {options.repeats} repeats")
    with tempfile.TemporaryDirectory() as scratch:
        places = (Path(scratch, str(number)) for number in itertools.count())

        def fresh() -> Context:
            return context_in(next(places), side, task.protocol.backbone)

        if options.only != "fit":
            requests = requests_for(data.cases, task.id, 0)[: options.images]
            generator = StableDiffusion()
            generator.fit(data.train, fresh())
            bare_generation(generator, requests[:BATCH], fresh())  # first calls are not what is compared
            for name, bare in (("generate", bare_generation), ("generate and save", saving_generation)):
                sides = (
                    lambda: suite_generation(generator, requests, fresh()),
                    functools.partial(in_fresh_context, bare, generator, requests, fresh),
                )
                compare(name, "images", len(requests), sides, options.repeats)
        if options.only != "generate":
            ends = [work(data.train, 3, fresh()) for work in (suite_fit, bare_fit)]
            for one, other in zip(*(end.unet.parameters() for end in ends), strict=True):
                torch.testing.assert_close(one, other)
            sides = (
                lambda: suite_fit(data.train, options.steps, fresh()),
                lambda: bare_fit(data.train, options.steps, fresh()),
            )
            compare("fit", "steps", options.steps, sides, options.repeats)


if __name__ == "__main__":
    main()
