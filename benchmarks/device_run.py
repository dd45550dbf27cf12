"""One run of the sandbox twice on a device: what each stage takes, and how far two runs of one seed lie apart.

    python benchmarks/device_run.py                     # on a CUDA device
    python benchmarks/device_run.py --device cpu --set steps=3 --keep runs

A GPU adds in another order from one fit to the next, so that its images are not equal to the bit; how much that
changes a score, beside the score's own interval, is what a reader of a board needs. `--keep` gets both results, and the
samples of the first run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figure_file import write_figures

from ldbench.api import Score
from ldbench.data.images import read_levels
from ldbench.records import result as results


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="sandbox-brain-t2i")
    parser.add_argument("--model", default="basic-ft")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="parameters of the model")
    parser.add_argument("--keep", type=Path, default=None, metavar="FOLDER")
    parser.add_argument("--json", type=Path, default=None, help="write the figures there, too")
    return parser.parse_args()


def run(options: argparse.Namespace, out: Path) -> Path:
    """The folder of a run by the command line, as a user has it; SystemExit with what it said last if it fails."""
    words = ["run", options.task, options.model, "--device", options.device, "--out", str(out)]
    sets = [word for pair in options.set for word in ("--set", pair)]
    done = subprocess.run(
        [sys.executable, "-m", "ldbench", *words, *sets], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"ldbench {' '.join(words)} ended with code {done.returncode}: {done.stderr[-2000:]}")
    return next(out.glob("*/*/*/result.json")).parent


def apart(folders: list[Path]) -> Iterator[tuple[float, float]]:
    """Of each image in both runs, the largest and the mean difference in grey levels."""
    for path in sorted((folders[0] / "images").rglob("*.png")):
        one, other = (read_levels(folder / path.relative_to(folders[0]), size=None).float() for folder in folders)
        gap = (one - other).abs()
        yield float(gap.max()), float(gap.mean())


def stages(found: results.Result) -> str:
    """Seconds of a run's stages, and the most memory."""
    seconds = [f"{stage.name} {stage.seconds:.1f} s" for stage in found.stages]
    return ", ".join([*seconds, f"at most {max(stage.peak_memory_mib for stage in found.stages):.0f} MiB"])


def score_row(one: Score, other: Score) -> dict[str, str | float]:
    """A metric's values in both runs, and their difference over half of the interval's width."""
    half, gap = (one.ci_high - one.ci_low) / 2, abs(one.value - other.value)
    return {"metric": one.metric, "first": one.value, "second": other.value,
            "difference / half interval": gap / half if half else 0.0}


def main() -> None:
    """Print the tables."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folders = [run(options, Path(folder) / name) for name in ("first", "second")]
        found = [results.read(one / "result.json") for one in folders]
        gaps = list(apart(folders))
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            for name, one in zip(("first", "second"), folders, strict=True):
                shutil.copyfile(one / "result.json", options.keep / f"{options.model}-{name}.json")
            shutil.copyfile(folders[0] / "samples.png", options.keep / f"{options.model}.png")
    rows = [score_row(*pair) for pair in zip(*(one.scores for one in found), strict=True)]
    assert found[0].environment is not None  # every measured run has one
    same = sum(most == 0 for most, _ in gaps)
    settings = (
        f"{options.task}, {options.model}, twice with seed 0 on {found[0].environment.device}: "
        f"{stages(found[0])}; again {stages(found[1])}; {same} of "
        f"{len(gaps)} images equal, grey levels apart at most {max(most for most, _ in gaps):.0f}, on average "
        f"{sum(mean for _, mean in gaps) / len(gaps):.3f}"
    )
    print(settings)
    for row in rows:
        print(", ".join(f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in row.items()))
    write_figures(options.json, settings, rows)


if __name__ == "__main__":
    main()
