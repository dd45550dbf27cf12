"""What scoring holds in memory, against the number of images: `ldbench score` of synthetic folders of PNG files.

    python benchmarks/scoring_memory.py SCRATCH_FOLDER [--side 64] [--images 500 2000 8000] [--metrics fid kid ...]

Each number is a task of its own in a fresh process: an editing task with so many cases, so three images a case (the
source, the true image, and the result), read from a prepared data set and a folder of PNG files. The feature network is
a stand-in: pixels pooled to 16 a side, then two layers of fixed random weights, 256 features; it costs next to nothing,
so that what is measured is the suite. SSIM, LPIPS and classifiers are left out unless they are named, as their time and
not their memory grows. Prints the peak above what the process holds after it has scored 8 cases (the libraries), the
slope between the smallest and the largest number, and the seconds. The peak is of resident memory, in which pages of
files count as long as they are mapped. Beside it stands the peak of the anonymous part, which is what nobody else can
use; it is looked at 50 times a second, so short peaks may be missed. `--figure FILE` draws the peaks over the numbers;
with `--peaks "NAME CASES=MB ..."`, once a line, it draws those and measures nothing.
"""

from __future__ import annotations

import argparse
import csv
import gc
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ldbench.api import Network

FEATURES, SEEN = 256, 16
PATTERNS = 24  # blurred noise; each image is one of them, rolled and tinted by its own draw
METRICS = ("fid", "kid", "precision", "coverage", "vendi", "psnr", "minimality", "error_inside", "counterfactual_error")
ON_FEATURES = ("fid", "kid", "precision", "recall", "density", "coverage", "vendi", "mmd", "authpct", "ct")
WARM = 8


def load(*, resize: int, device: object, weights: Path | None, digest: str) -> object:
    """The stand-in network: pooled pixels, two random layers, ReLU."""
    import torch
    from torch.nn import functional

    random = torch.Generator().manual_seed(0)
    first, second = (
        torch.randn(shape, generator=random) / shape[0] ** 0.5 for shape in ((3 * SEEN**2, FEATURES), (FEATURES,) * 2)
    )

    def features(images_nhwc: np.ndarray) -> torch.Tensor:
        pooled = functional.adaptive_avg_pool2d(torch.from_numpy(images_nhwc).permute(0, 3, 1, 2).float() / 255, SEEN)
        hidden: torch.Tensor = (pooled.flatten(1) @ first).relu() @ second
        return hidden

    return features


POOLED = Network(
    "stand-in", "Pooled pixels through random layers.", load, lambda *, resize, digest: {"layers": 2}, SEEN,
    fixed_size=True,
)


def make(folder: Path, side: int, cases: int, metrics: Sequence[str]) -> Path:
    """Write the data, the results and the card, unless they lie there; returns the card's path."""
    data = folder / "data" / "memory"
    card = folder / "card.toml"
    if not card.exists():
        (data / "images").mkdir(parents=True)
        (folder / "results").mkdir()
        random = np.random.default_rng(side)
        patterns = _patterns(random, side)
        rows = []
        for index in range(cases):
            scan, later = (hashlib.sha256(f"{side} {index} {role}".encode()).hexdigest()[:16] for role in "ab")
            picture = np.roll(patterns[index % PATTERNS], random.integers(0, side, 2), axis=(0, 1))
            true = np.clip(picture * (0.7 + 0.3 * random.random()), 0, 255).astype(np.uint8)
            label, subject = ("CN", "AD")[index % 2], f"s{index:07d}"
            for name, role, pixels, age in ((scan, "scan", picture, 60), (later, "later", true, 70)):
                content = _png(pixels)
                (data / "images" / f"{name}.png").write_bytes(content)
                source = scan if role == "later" else ""
                rows.append([
                    name, subject, "test", role, source, f"images/{name}.png", hashlib.sha256(content).hexdigest(),
                    age, "F", label,
                ])
            noisy = np.clip(true + random.integers(-9, 9, true.shape), 0, 255).astype(np.uint8)
            (folder / "results" / f"{scan}.png").write_bytes(_png(np.repeat(noisy[:, :, None], 3, axis=2)))
        _write_manifest(data, rows, side)
        card.write_text(_card(side, cases, metrics), encoding="utf-8")
    return card


def _patterns(random: np.random.Generator, side: int) -> list[np.ndarray]:
    from scipy.ndimage import gaussian_filter

    blurred = [gaussian_filter(random.normal(size=(side, side)), side / 16, mode="wrap") for _ in range(PATTERNS)]
    return [(np.clip(0.5 + each / each.std() / 5, 0, 1) * 255).astype(np.uint8) for each in blurred]


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _write_manifest(data: Path, rows: Sequence[Sequence[object]], side: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([
        "image_id", "subject", "split", "role", "source", "file", "sha256", "age", "sex", "diagnosis"
    ])
    writer.writerows(rows)
    manifest = text.getvalue().encode()
    (data / "manifest.csv").write_bytes(manifest)
    about: Mapping[str, object] = {
        "dataset": "memory", "size": [side, side], "revision": "synthetic", "settings": {},
        "attributes": {"age": "integer", "sex": "text", "diagnosis": "text"},
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }
    (data / "dataset.json").write_text(json.dumps(about), encoding="utf-8")


def _card(side: int, cases: int, metrics: Sequence[str]) -> str:
    network = f'extractor = "{Path(__file__).resolve()}:POOLED"\nresize = {SEEN}\n'
    lpips = 'extractor = "stlpips-alex"\n'
    tables = "".join(
        f"[metrics.{name}]\n{network if name in ON_FEATURES else lpips if 'lpips' in name else ''}\n"
        for name in metrics
    )
    return (
        'extends = "brain-t2i"\nomit = ["judge", "metrics"]\nid = "memory"\nversion = 1\n'
        'kind = "aging"\ntitle = "Memory of scoring"\nsummary = "Synthetic."\n[data]\ndataset = "memory"\n'
        f'[protocol]\nresolution = {side}\ncases = {cases}\nevaluation_cases = {cases}\nage_style = "numerical"\n'
        '[edit]\nattribute = "age"\nrole = "later"\ninstructions = ["To {target_age} years."]\n\n' + tables
    )


def score(folder: Path, card: Path, name: str) -> float:
    """Score a folder's results as `ldbench score` does; the seconds that it took."""
    from ldbench.run.pipeline import Settings
    from ldbench.run.score_folder import score_folder

    os.environ["LDBENCH_DATA"] = str(folder / "data")
    start = time.perf_counter()
    score_folder(str(card), folder / "results", name, Settings(folder / "out", device="cpu"), replace=True)
    return time.perf_counter() - start


def measure(warm: Path, folder: Path) -> None:
    """In a process of its own: score a few cases, then the folder; prints MB above what the first left, and seconds."""
    score(warm, warm / "card.toml", "warm")
    gc.collect()
    libraries, anonymous = _megabytes("VmRSS"), _megabytes("RssAnon")
    highest, done = [anonymous], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            highest[0] = max(highest[0], _megabytes("RssAnon"))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    seconds = score(folder, folder / "card.toml", "measured")
    done.set()
    watching.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "libraries": libraries, "above": peak - libraries, "anonymous": highest[0] - anonymous, "seconds": seconds
    }))


def _megabytes(name: str) -> float:
    """A line of what the system says of this process's memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def draw(path: Path, side: int, lines: Mapping[str, Mapping[int, float]]) -> None:
    """The peaks over the number of cases, a line a name."""
    from ldbench.studies.parameters.axes import SMALL, plain, sheet

    figure = sheet(4.8, 3.0)
    axes = figure.subplots()
    plain(axes, f"Scoring at {side} px", "cases, three images each", "peak above the libraries, MB")
    for (name, peaks), style in zip(lines.items(), ("o--", "s-", "^-", "d-"), strict=False):
        axes.plot(list(peaks), list(peaks.values()), style, label=name, markersize=4)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=SMALL, frameon=False)
    figure.savefig(path, metadata={"Software": None})


def peaks_of(text: str) -> tuple[str, dict[int, float]]:
    """Name and peaks of a line of the figure, as `--peaks` takes them."""
    name = " ".join(word for word in text.split() if "=" not in word)
    pairs = (word.split("=") for word in text.split() if "=" in word)
    return name, {int(cases): float(peak) for cases, peak in pairs}


def main() -> None:
    """Make the folders, score each in a process of its own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--images", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--metrics", nargs="+", default=list(METRICS))
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--peaks", type=peaks_of, nargs="+", default=[])
    parser.add_argument("--measure", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    if arguments.figure and arguments.peaks:
        draw(arguments.figure, arguments.side, dict(arguments.peaks))
        return
    root = arguments.folder.resolve() / f"{arguments.side} {' '.join(arguments.metrics)}"
    folders = {cases: root / str(cases) for cases in (WARM, *arguments.images)}
    for cases, folder in folders.items():
        make(folder, arguments.side, cases, arguments.metrics)
    found = {}
    print(f"{arguments.side} px, {', '.join(arguments.metrics)}\n")
    print("| cases | peak above libraries, MB | anonymous, MB | s |\n|---|---|---|---|", flush=True)
    for cases in arguments.images:
        command = [sys.executable, __file__, str(root), "--measure", str(folders[WARM]), str(folders[cases])]
        cache = {**os.environ, "XDG_CACHE_HOME": str(root / "cache" / str(cases))}
        output = subprocess.run(command, env=cache, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[cases] = json.loads(output.splitlines()[-1])
        above, anonymous, seconds = (found[cases][name] for name in ("above", "anonymous", "seconds"))
        print(f"| {cases} | {above:.0f} | {anonymous:.0f} | {seconds:.0f} |", flush=True)
    fewest, most = min(found), max(found)
    if most > fewest:
        slope = (found[most]["above"] - found[fewest]["above"]) / (most - fewest)
        growth = found[most]["above"] / found[fewest]["above"] - 1
        print(f"\nslope {1000 * slope:.1f} kB a case, {growth:+.0%}; libraries {found[most]['libraries']:.0f} MB")
    if arguments.figure:
        draw(arguments.figure, arguments.side, {"measured": {cases: found[cases]["above"] for cases in sorted(found)}})


if __name__ == "__main__":
    main()
