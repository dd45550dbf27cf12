"""Runs of an editing and of a text-to-image task with pictures, small enough to make pages of in a test."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.api import Score
from ldbench.board.gather import BoardSet, board_set, collect
from ldbench.data.images import quantise
from ldbench.data.task_data import task_data
from ldbench.records import result as result_file
from ldbench.records.result import Environment, ModelRef, Result, Stage, TaskRef
from ldbench.records.search import Best, Search, SearchedTask, Tried
from ldbench.records.units import Contributions, Units, rounded
from ldbench.records.units import write as write_units
from ldbench.report.html.write import write_pages
from ldbench.score.metrics.intervals import of_mean
from ldbench.task import card
from tests.known_spreads import known_spreads

EDITS, SAMPLES = "sandbox-brain-aging", "made-up-t2i"
HASH = "ab" * 32
CASES = 6


@dataclass(frozen=True)
class Reports:
    """What pages are made of, and the pages."""

    results: BoardSet
    runs: Path
    page: Path
    site: Path

    def text(self, task: str) -> str:
        return (self.page / f"{task}.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """A page's elements as (tag, attributes), and the text of style and script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in ("script", "style"):  # newer parsers name a title, too
            self.raw[-1] = (self.raw[-1][0], self.raw[-1][1] + data)
        else:
            self.words.append(data)

    @property
    def blocks(self) -> dict[str, dict[str, object]]:
        """The blocks of pictures by name."""
        named = {str(attrs["id"]): text for attrs, text in self.raw if attrs.get("type") == "application/json"}
        return {name.removeprefix("block-"): json.loads(text) for name, text in named.items()}

    def text(self) -> str:
        return " ".join("".join(self.words).split())


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def scores(place: int, n: int) -> list[Score]:
    """fid, ssim and lpips of a run; the smaller the place, the better; the first two places overlap."""
    fid, ssim = 20 + (4 if place == 1 else 30 * place), 0.9 - 0.15 * place
    interval = {"interval": "95 % Student's t over cases"}
    return [
        Score("fid", fid, fid - 6, fid + 6, n, "lower", "efficientnet-lite0", {"interval": "jackknife"}),
        Score("ssim", ssim, ssim - 0.02, ssim + 0.02, n, "higher", None, interval),
        Score("psnr", 24.0 - place, 23.0 - place, 25.0 - place, n, "higher", None, interval),
    ]


def _write_run(folder: Path, result: Result, pictures: dict[str, bytes], values: np.ndarray) -> None:
    (folder / "images").mkdir(parents=True)
    for name, data in pictures.items():
        (folder / "images" / f"{name}.png").write_bytes(data)
    rows = [{"id": name, "prompt": f"prompt <b>of</b> {name}", "file": "../../../etc/passwd"} for name in pictures]
    (folder / "manifest.json").write_text(json.dumps({"images": rows}), encoding="utf-8")
    result_file.write(result, folder / "result.json")
    ssim = next(score for score in result.scores if score.metric == "ssim")
    if len(values) == ssim.n == len(pictures):
        moved = values - values.mean() + ssim.value
        units = Units({"cases": tuple(pictures)}, {
            "ssim": Contributions(ssim.value, {"cases": rounded(of_mean(moved))}),
        })
        write_units(units, folder / "units.json")


def _result(task: TaskRef, split: str, name: str, seed: int, place: int, n: int) -> Result:
    model = ModelRef(name, "ldbench", "0.1.0", {"delta": 0.1, "delta_sample": None}, reference=name == "copy-source")
    machine = Environment("cpu", 1, "3.11.7", "Linux-x86_64", {"torch": "2.13.0"}, "c0ffee" * 6, True)
    return Result(
        task, model, "measured", scores(place, n), seed=seed, split_hash=split, environment=machine,
        images_hash=hashlib.sha256(f"{name} {seed}".encode()).hexdigest(),
        stages=[Stage("generate", 12.5, 512.0)], created="2026-01-02T03:04:05+00:00",
    )


def make_edits(folder: Path) -> None:
    """Two ranked models (one with two seeds) and a reference on the installed card, results near their sources."""
    task = card.load(EDITS)
    data = task_data(task, 0)
    random = np.random.default_rng(0)
    ref = TaskRef(task.id, task.version, task.kind, task.hash)
    cases = sorted(data.cases, key=lambda case: case.id)[:CASES]
    for place, (name, seed) in enumerate([("alpha", 0), ("beta", 0), ("beta", 1), ("copy-source", 0)]):
        pictures = {}
        for case in cases:
            assert case.source is not None
            pixels = quantise(case.source).permute(1, 2, 0).numpy().astype(np.int16)
            pixels[10:40, 10:40] += random.integers(-140, 141, size=(30, 30, 3), dtype=np.int16)
            pictures[case.id] = png(np.clip(pixels, 0, 255).astype(np.uint8))
        result = _result(ref, data.split_hash(), name, seed, min(place, 2) if name != "copy-source" else 0, CASES)
        _write_run(folder / name / f"seed-{seed}", result, pictures, random.random(CASES))


def make_samples(folder: Path, count: int = 80, side: int = 16) -> None:
    """Three models of a task that no card describes, with many small samples; the last one has no images."""
    random = np.random.default_rng(1)
    ref = TaskRef(SAMPLES, 1, "text-to-image", HASH)
    for place, name in enumerate(["one", "two", "three"]):
        made = {f"case-{at:03}": png(random.integers(0, 256, (side, side, 3), dtype=np.uint8)) for at in range(count)}
        result = _result(ref, HASH, name, 0, place, count)
        _write_run(folder / name / "seed-0", result, {} if name == "three" else made, random.random(count))


def reported_row() -> Result:
    score = Score("fid", 24.3, 24.3, 24.3, 200, "lower", "inception-v3")
    model = ModelRef("Basic FT | LD", None, None)
    return Result(TaskRef(SAMPLES, 1, "text-to-image", HASH), model, "reported", [score], source="A paper, Table 1")


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Both tasks as single pages and as a site, with all edits and 70 samples a run."""
    root = tmp_path_factory.mktemp("pages")
    make_edits(root / "runs" / EDITS)
    make_samples(root / "runs" / SAMPLES)
    write_search(root / "runs" / "searches" / "search.json", SAMPLES, HASH)
    with known_spreads():
        results = board_set([*collect([root / "runs"]), ("reported", reported_row())], [root / "runs"])
    for name in ("page", "site"):
        write_pages(results, root / name, name == "site", 70)
    return Reports(results, root / "runs", root / "page", root / "site")


def write_search(path: Path, task: str, card_hash: str, delta: float = 0.1, name: str = "one") -> None:
    """A search for `delta_sample` of a model, as `ldbench search` writes it."""
    curve = tuple(
        Tried(text, value, 0.1 + value**2, 0.09 + value**2, 0.11 + value**2, float(value == 0))
        for text, value in (("-0.1", -0.1), ("0", 0.0), ("0.1", 0.1))
    )
    model = ModelRef(name, "ldbench", "0.1.0", {"delta": delta, "delta_sample": None})
    record = Search(
        SearchedTask(task, 1, card_hash), model, "delta_sample", "channels", 100, 0, curve,
        Best("delta_sample=0", 0.0, 0.0, 0.1, False), "generated images with training images", 0.002,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record)), encoding="utf-8")


def with_model(result: Result, **changes: object) -> Result:
    return replace(result, model=replace(result.model, **changes))
