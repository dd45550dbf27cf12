"""Our fine-tuners against diffusers' own example scripts, doing the same work.

    git clone --depth 1 --branch v0.42.1 https://github.com/huggingface/diffusers peer   # the installed version's tag
    pip install datasets accelerate                                                      # what the scripts import
    python benchmarks/fine_tuning.py --scripts peer/examples

Both sides fine-tune the same backbone on the same images at the same batch size, resolution and precision with the
same number of CPU threads, each run in a process of its own, the two in turn. Timed are the optimiser steps after a
warm-up (torch's own hook after every step, the same on both sides), so images a second leave out start-up, our one
pass of encoding and both sides' class images; the whole process, which holds them, stands beside it. Peak memory is
the kernel's high-water mark of the process; `above imports` subtracts what a process holds that has only imported
torch, diffusers' pipeline and transformers. With CUDA the steps are timed by its events, and the peak is what torch
allocated there in the timed steps.

`--large` builds a backbone of the size of Stable Diffusion 1.4 with random weights (the cost is that of the real one),
or takes the one that `large_backbone.py` wrote, and trains at 512 px. Refuses that without CUDA.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import tempfile
from importlib import resources
from pathlib import Path

from figure_file import write_figures
from large_backbone import STABLE_DIFFUSION_1, write_backbone
from peer_scripts import METHODS, Method, Work
from process_cost import Cost, Machine, cost, median
from resized_set import ResizedSet, export

from ldbench._torchvision import declare_missing_ops
from ldbench.data.task_data import task_data
from ldbench.task import card

SPEED_GOAL, MEMORY_GOAL = 1.5, 0.7
MEGABYTE = 2**20
PACKAGES = ("torch", "diffusers", "transformers", "accelerate")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Our fine-tuners beside diffusers' example scripts.")
    parser.add_argument("--scripts", type=Path, required=True, help="the examples folder of a checkout of diffusers")
    parser.add_argument("--methods", nargs="+", default=[method.model for method in METHODS])
    parser.add_argument("--task", default="sandbox-brain-t2i")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=20, help="steps not timed")
    parser.add_argument("--batch-size", type=int, default=None, help="default 16, with --large 4")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--large", action="store_true", help="SD-1.4's size with random weights, 512 px; needs CUDA")
    parser.add_argument("--backbone", type=Path, default=None, help="with --large: a folder that is there already")
    parser.add_argument("--images", type=int, default=None, help="training images, default all")
    parser.add_argument("--json", type=Path, default=None,
                        help="write the figures there, too; leaves out the memory above imports, as they do")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="parameters of our side")
    return parser.parse_args()


def checked(options: argparse.Namespace) -> list[Method]:
    """The methods to compare; SystemExit in one line for what can't be run."""
    known = {method.model: method for method in METHODS}
    unknown = [name for name in options.methods if name not in known]
    if unknown:
        raise SystemExit(f"--methods: expected some of {', '.join(known)}, got {unknown[0]!r}")
    if not 1 <= options.warm_up < options.steps:
        raise SystemExit(f"--warm-up: expected 1 to --steps - 1, got {options.warm_up} of {options.steps} steps")
    for name in options.methods:
        if not (options.scripts / known[name].script).is_file():
            raise SystemExit(f"--scripts: no {known[name].script} in {options.scripts}; give diffusers' examples/")
    if options.large or options.device == "cuda":
        declare_missing_ops()
        import torch

        if options.device != "cuda" or not torch.cuda.is_available():
            raise SystemExit("--large and --device cuda need a CUDA device, and --large needs --device cuda")
    return [known[name] for name in options.methods]


def prepare(options: argparse.Namespace, scratch: Path) -> Work:
    """Export the images and, for `--large`, build the backbone."""
    side = 512 if options.large else 64
    backbone = Path(str(resources.files("ldbench_baselines.backbone").joinpath("tiny-sd")))
    if options.large:
        backbone = options.backbone or write_backbone(scratch / "backbone", backbone / "tokenizer", STABLE_DIFFUSION_1)
    train = ResizedSet(task_data(card.load(options.task), 0).train, side)
    for name in ("captioned", "plain"):
        export(train, scratch / name, captions=name == "captioned", count=options.images)
    size = options.batch_size or (4 if options.large else 16)
    return Work(backbone, scratch / "captioned", scratch / "plain", side, size, options.precision, options.steps)


def run_pair(
    method: Method, work: Work, machine: Machine, options: argparse.Namespace, folder: Path
) -> tuple[Cost, Cost]:
    """Our cost and the peer's, one run each."""
    settings = {
        "steps": str(work.steps), "batch_size": str(work.batch_size), "checkpoint_every": str(work.steps),
        "ema_decay": "0", **({"images": str(options.images)} if options.images else {}),
        **({} if work.precision == "float32" else {"precision": work.precision}),
        **method.ours, **dict(pair.split("=", 1) for pair in options.set),
    }
    ours = [
        "fit", options.task, method.model, str(work.side), machine.device, str(work.backbone), str(folder / "fit"),
        *(f"{key}={value}" for key, value in settings.items()),
    ]
    script = str((options.scripts / method.script).resolve())
    peer = ["script", script, *method.peer_arguments(work, folder / "peer")]
    mine = cost(machine, work.steps, options.warm_up, ours, folder / "ours")
    return mine, cost(machine, work.steps, options.warm_up, peer, folder / "theirs")


def show(method: Method, work: Work, ours: Cost, theirs: Cost, imports: float, scripts: Path) -> None:
    """Print one method's table; the script's hash says which version of it was run."""
    images = work.batch_size * method.images_a_step
    digest = hashlib.sha256((scripts / method.script).read_bytes()).hexdigest()
    print(f"\n{method.model} beside {method.script} (SHA-256 {digest[:12]})")
    print(f"{'':26} {'ours':>9} {'theirs':>9} {'ratio':>7}  goal")
    speed = images / ours.step, images / theirs.step
    _row("images/s of the steps", *speed, f"at least {SPEED_GOAL}")
    _row("  an image, CPU ms", 1000 * ours.processor / images, 1000 * theirs.processor / images, "")
    _row("seconds, whole process", ours.whole, theirs.whole, "")
    _row("peak memory, MB", ours.memory / MEGABYTE, theirs.memory / MEGABYTE, f"at most {MEMORY_GOAL}")
    if imports:
        above = (ours.memory - imports) / MEGABYTE, (theirs.memory - imports) / MEGABYTE
        _row("  above imports, MB", *above, f"at most {MEMORY_GOAL}")
    if theirs.gpu_memory:
        steps = ours.gpu_step_memory / MEGABYTE, theirs.gpu_step_memory / MEGABYTE
        _row("peak GPU memory, MB", *steps, f"at most {MEMORY_GOAL}")
        _row("  of the whole process, MB", ours.gpu_memory / MEGABYTE, theirs.gpu_memory / MEGABYTE, "")


def figures(method: Method, work: Work, ours: Cost, theirs: Cost) -> dict[str, str | float]:
    """One method's figures by the names of their columns; without a GPU the memory is the process's."""
    images, gib = work.batch_size * method.images_a_step, MEGABYTE * 1024
    on_gpu = theirs.gpu_step_memory > 0
    memory = [side.gpu_step_memory if on_gpu else side.memory for side in (ours, theirs)]
    return {
        "method": method.model, "images/s, ours": images / ours.step, "theirs": images / theirs.step,
        f"ratio (goal {SPEED_GOAL})": theirs.step / ours.step,
        "peak GiB, ours": memory[0] / gib, "peak GiB, theirs": memory[1] / gib,
        f"memory ratio (goal {MEMORY_GOAL})": memory[0] / memory[1],
        "ms a step, ours": 1000 * ours.step, "ms a step, theirs": 1000 * theirs.step,
        "s whole, ours": ours.whole, "s whole, theirs": theirs.whole,
    }


def _row(label: str, ours: float, theirs: float, goal: str) -> None:
    print(f"{label:26} {ours:9.1f} {theirs:9.1f} {ours / theirs:7.2f}  {goal}", flush=True)


def main() -> None:
    """Print the machine and a table a method."""
    options = arguments()
    methods = checked(options)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options.device, options.threads, Path(folder))
        print(f"{machine}; {versions}")
        work = prepare(options, Path(folder))
        settings = (
            f"{work.side} px, batch {work.batch_size}, {work.precision}, {options.steps - options.warm_up} timed of "
            f"{options.steps} steps, median of {options.repeats}"
        )
        print(settings, flush=True)
        above = options.device == "cpu" and options.json is None  # with a GPU a process's memory is not the work's
        imports = cost(machine, 0, 0, ["imports"], Path(folder) / "imports").memory if above else 0.0
        rows = []
        for method in methods:
            pairs = [
                run_pair(method, work, machine, options, Path(folder) / f"{method.model}-{repeat}")
                for repeat in range(options.repeats)
            ]
            ours, theirs = zip(*pairs, strict=True)
            show(method, work, median(ours), median(theirs), imports, options.scripts)
            rows.append(figures(method, work, median(ours), median(theirs)))
        write_figures(options.json, settings, rows)


if __name__ == "__main__":
    main()
