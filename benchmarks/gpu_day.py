"""What a day with a GPU measures, first what no GPU has shown yet: called by gpu_day.sh, which says how.

Runs the tests that need a GPU, one run of the sandbox twice, the U-Net in both layouts of its kernels, generation
beside diffusers' pipeline, every fine-tuner beside diffusers' example script, and scoring beside its peers. Writes
gpu_day.json and gpu_day.md after every stage, and gpu_day.log.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # called by its path, it finds only what lies beside it

from benchmarks.peer_scripts import METHODS  # noqa: E402
from benchmarks.stages import FIGURES, OK, Outcome, Record, Stage, replaced, run_stages  # noqa: E402

SCRIPTS = {method.model: method.script for method in METHODS}
PACKAGES = ("torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "numpy")
LARGE = {
    "layouts": (), "run": (),
    "fine-tuning": ("--large", "--device", "cuda", "--precision", "bfloat16", "--batch-size", "16", "--steps", "16",
                    "--warm-up", "6", "--images", "32", "--repeats", "1", "--threads", "8"),
    "generation": ("--large", "--device", "cuda", "--precision", "bfloat16", "--batch-size", "16", "--images", "16",
                   "--repeats", "2", "--threads", "8"),
    "scoring": ("--device", "cuda", "--threads", "8", "--images", "64"), "fid": (),
}
SMALL = {  # the same on a CPU, with the shipped backbone: whether it runs, not how fast
    "layouts": ("--device", "cpu", "--latents", "8", "--batch-size", "1", "--repeats", "1", "--small"),
    "run": ("--device", "cpu", "--set", "steps=3", "sampling_steps=1"),
    "fine-tuning": ("--batch-size", "2", "--steps", "3", "--warm-up", "1", "--images", "16", "--repeats", "1",
                    "--threads", "1"),
    "generation": ("--batch-size", "2", "--steps", "2", "--images", "2", "--repeats", "1", "--threads", "1"),
    "scoring": ("--images", "6", "--side", "64", "--peers", "lpips", "--threads", "1"),
    "fid": ("--samples", "20", "--features", "16"),
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the JSON, the table and the log go")
    parser.add_argument("--examples", type=Path, default=None, help="diffusers' examples folder")
    parser.add_argument("--seconds", type=float, required=True, help="for all stages together")
    parser.add_argument("--scratch", type=Path, default=None, help="for the backbone of 4.3 GB; default temporary")
    parser.add_argument("--small", action="store_true", help="on the CPU, with the shipped backbone")
    parser.add_argument("--only", nargs="*", default=[], metavar="STAGE", help="these stages and no others")
    parser.add_argument("--again", nargs="*", default=[], metavar="STAGE", help="run these though they are recorded")
    return parser.parse_args()


def stages(examples: Path | None, backbone: Path, small: bool) -> list[Stage]:
    """What is run, first what no GPU has shown yet."""
    settings, python, slack = (SMALL if small else LARGE), sys.executable, 6 if small else 1
    built = () if small else ("--backbone", str(backbone))

    def program(name: str, *words: str) -> list[str]:
        return [python, str(ROOT / "benchmarks" / f"{name}.py"), *words]

    def fine_tuning(method: str) -> Stage:
        script = SCRIPTS[method]
        there = examples is not None and (examples / script).is_file()
        words = ("--scripts", str(examples), "--methods", method, *settings["fine-tuning"], *built, "--json", FIGURES)
        return Stage(method, program("fine_tuning", *words), 150 * slack, "" if there else f"no {script} in EXAMPLES")

    marked = ROOT / "tests" / "gpu" / ("test_memory.py" if small else "")  # which skip on the CPU
    # versions are the machine's: what they warn of is no failure
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", "-m", "gpu", str(marked)]
    written = Stage("backbone", program("large_backbone", str(backbone)), 120, product=backbone)
    scored = [python, "-m", "benchmarks.scoring", *settings["scoring"]]
    no_scoring = "" if (ROOT / "benchmarks" / "scoring.py").is_file() else "no benchmarks/scoring.py"
    return [
        Stage("tests", tests, 240 * slack),
        Stage("run", program("device_run", *settings["run"], "--json", FIGURES), 150 * slack),
        Stage("layouts", program("layouts", *settings["layouts"], "--json", FIGURES), 60 * slack),
        *([] if small else [written]),
        Stage("generation", program("generation", *settings["generation"], *built, "--json", FIGURES), 120 * slack),
        fine_tuning("custom-diffusion"),
        fine_tuning("basic-ft"),
        fine_tuning("lora"),
        fine_tuning("textual-inversion"),
        fine_tuning("dreambooth"),
        Stage("scoring", scored, 120 * slack, no_scoring),
        Stage("fid", program("fid", *settings["fid"], "--json", FIGURES), 60 * slack),
    ]


def machine() -> dict[str, str]:
    """The device, processor and versions, without importing any of them."""
    asked = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    device = "no GPU"
    if shutil.which(asked[0]):
        device = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or device
    here = {}
    for one in importlib.metadata.distributions():
        here.setdefault(one.metadata["Name"], one.version)  # the first is the one that is imported
    return {
        "device": device, "cores": str(os.cpu_count()), "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {here.get(name, 'absent')}" for name in PACKAGES),
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def run_and_show(chosen: Sequence[Stage], record: Record, deadline: float, environment: Mapping[str, str]) -> None:
    """Run the stages; after each the page beside the record is written anew, should the next one end this process."""
    page = record.path.with_suffix(".md")

    def say(line: str) -> None:
        print(line, flush=True)
        replaced(page, "\n".join(markdown(record)) + "\n")

    run_stages(chosen, record, deadline, environment, say)
    print(page.read_text(encoding="utf-8"))


def markdown(record: Record) -> Iterator[str]:
    """The lines of the page: where it ran, how each stage ended, and each stage's figures."""
    yield from ("# A day with a GPU", "", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in record.machine.items())
    yield from ("", "| stage | ended | seconds |", "|---|---|---|")
    for name, outcome in record.outcomes.items():
        yield f"| {name} | {outcome.outcome} | {outcome.seconds:.0f} |"
    for name, outcome in record.outcomes.items():
        yield from ("", f"## {name}", "", f"`{outcome.command}`" if outcome.command else "Not run.", "")
        yield from _figures(outcome)


def _figures(outcome: Outcome) -> Iterator[str]:
    """A table of the figures, or what the stage printed where it has none."""
    if outcome.figures is None:
        yield from ("```", *outcome.said, "```")
        return
    rows: list[Mapping[str, Any]] = outcome.figures["rows"]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    yield from (f"{outcome.figures['settings']}.", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")
    for row in rows:
        yield f"| {' | '.join(_cell(row.get(name, '')) for name in columns)} |"


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def main() -> int:
    """Run the stages; 1 where one of them failed or ran out of time."""
    deadline, options = time.monotonic(), arguments()
    deadline += options.seconds
    options.out.mkdir(parents=True, exist_ok=True)
    scratch = options.scratch or Path(tempfile.gettempdir()) / "ldbench-gpu-day"
    scratch.mkdir(parents=True, exist_ok=True)
    record = Record.taken_up(options.out / "gpu_day.json", machine())
    for name in options.again:
        record.outcomes.pop(name, None)
    path = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
    every = stages(options.examples, scratch / "backbone", options.small)
    names = [stage.name for stage in every]
    for name in (*options.only, *options.again):
        if name not in names:
            raise SystemExit(f"expected stages of {', '.join(names)}, got {name!r}")
    chosen = [stage for stage in every if not options.only or stage.name in options.only]
    run_and_show(chosen, record, deadline, environment)
    return int(any(record.outcomes[stage.name].outcome not in (OK, "left out") for stage in chosen))


if __name__ == "__main__":
    sys.exit(main())
