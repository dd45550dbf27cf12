"""How long an HTML report takes, and how much memory: 100 results of 200 images each by default.

    python benchmarks/report_speed.py SCRATCH_FOLDER [--task sandbox-brain-aging] [--results 100] [--images 200]
                                      [--site] [--chromium /usr/bin/chromium]

Makes the results up from a committed one with other models and seeds, and their units and images from noise (64 x 64
RGB PNGs as large as those of runs), so it measures the report and nothing of a generator. Prints, for reading and
folding and for the pages, seconds, and in all the peak memory and the size of what was written; with a browser also the
seconds until the page can be used and until a gallery's first pictures stand in it.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ldbench.board.gather import read_boards
from ldbench.records import result as result_file
from ldbench.records.result import Result
from ldbench.records.units import Contributions, Units, rounded
from ldbench.records.units import write as write_units
from ldbench.report.html.write import write_pages
from ldbench.score.metrics.intervals import of_mean

RESULTS = Path(__file__).parent.parent / "leaderboards" / "results"
PATTERNS = 40  # different pictures; reading and copying do not depend on what is in them


def make(folder: Path, task: str, results: int, images: int) -> None:
    """Write the results with their images, unless they lie there already."""
    first = result_file.read(sorted((RESULTS / task).rglob("*.json"))[0])
    random = np.random.default_rng(0)
    pictures = [_picture(random) for _ in range(PATTERNS)]
    names = _names(task, images)
    for index in range(results):
        run = folder / f"model-{index // 5}" / f"seed-{index % 5}"
        if (run / "result.json").is_file():
            continue
        (run / "images").mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(names):
            (run / "images" / f"{name}.png").write_bytes(pictures[(index + place) % PATTERNS])
        result = _renamed(first, index)
        write_units(_units(result, names), run / "units.json")
        result_file.write(result, run / "result.json")


def _units(result: Result, names: list[str]) -> Units:
    """What made-up cases add to each score that is a mean over all cases."""
    random = np.random.default_rng(result.seed)
    means = [
        score for score in result.scores
        if score.n == len(names) and str(score.parameters.get("interval", "")).endswith("Student's t over cases")
    ]
    values = {score.metric: rounded(of_mean(random.normal(score.value, 0.1, len(names)))) for score in means}
    return Units(
        {"cases": tuple(names)},
        {score.metric: Contributions(score.value, {"cases": values[score.metric]}) for score in means},
    )


def _renamed(first: Result, index: int) -> Result:
    """The result under another model and seed, its values and intervals moved together."""
    model = replace(first.model, name=f"model-{index // 5}", reference=False, sees_truth=False)
    scores = []
    for score in first.scores:
        step = (score.ci_high - score.ci_low) * 0.01 * (index % 7) * (-1 if score.value > 0.5 else 1)
        moved = min(max(score.value + step, score.ci_low), score.ci_high)
        scores.append(replace(score, value=moved))
    return replace(first, model=model, seed=index % 5, scores=scores)


def _picture(random: np.random.Generator) -> bytes:
    """Smooth noise as PNG, `64 x 64` RGB, about 6 kB as a run's images have."""
    coarse = random.integers(40, 220, size=(8, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC), dtype=np.int16)
    pixels = np.clip(smooth + random.integers(-2, 3, size=(64, 64, 1)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _names(task: str, images: int) -> list[str]:
    """Ids of the task's own cases, so that sources and truths are found."""
    from ldbench.data.task_data import task_data
    from ldbench.task import card

    return [case.id for case in task_data(card.load(task), 0).cases][:images]


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def browse(page: Path, chromium: str) -> None:
    """Print how long the page takes in a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        start = time.perf_counter()
        tab.goto(page.resolve().as_uri(), wait_until="commit", timeout=120_000)
        tab.wait_for_selector("html[data-ready]", timeout=120_000)
        print(f"browser: usable after {time.perf_counter() - start:.2f} s")
        tab.wait_for_load_state("load", timeout=120_000)
        print(f"browser: loaded after {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        tab.locator("details.run").last.evaluate("part => { part.open = true; part.scrollIntoView(); }")
        first = tab.locator("details.run[open] img[src]").first
        while not first.evaluate("image => image.complete && image.naturalWidth > 0"):
            tab.wait_for_timeout(5)
        print(f"browser: last gallery's first pictures {time.perf_counter() - start:.2f} s after it opened")
        browser.close()


def main() -> None:
    """Make the results, report them, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", default="sandbox-brain-aging")
    parser.add_argument("--results", type=int, default=100)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--site", action="store_true")
    parser.add_argument("--chromium")
    asked = parser.parse_args()
    runs, out = asked.folder / f"{asked.task}-runs", asked.folder / f"{asked.task}-{'site' if asked.site else 'page'}"
    make(runs, asked.task, asked.results, asked.images)
    start, worked = time.perf_counter(), time.process_time()
    results = read_boards([runs], measured_only=True)
    folded = time.perf_counter()
    pages = write_pages(results, out, asked.site, asked.images)
    done, worked = time.perf_counter(), time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(results.found)} results of {asked.images} images: read and folded in {folded - start:.2f} s, pages in "
          f"{done - folded:.2f} s, together {done - start:.2f} s ({worked:.2f} s of a processor)")
    print(f"peak memory {peak:.0f} MiB; {_megabytes(out):.1f} MB written, the page {_megabytes(pages[-1]):.1f} MB")
    if asked.chromium:
        browse(pages[-1], asked.chromium)


if __name__ == "__main__":
    main()
