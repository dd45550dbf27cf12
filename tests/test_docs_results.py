"""The tables in docs/results say what the committed results say."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from .markdown_blocks import ROOT

PAGES = ROOT / "docs/results"
BOARDS = ROOT / "leaderboards"
COLUMNS = {
    "FID": "fid", "SSIM": "ssim", "PSNR": "psnr", "years": "age_error", "ratio": "ratio_error",
    "identity SSIM": "identity_ssim", "reversibility": "reversibility", "error inside": "error_inside",
    "outside": "error_outside", "target AUC": "target_auc", "flip rate": "flip_rate", "SSIM to source": "source_ssim",
    "composition": "composition",
}  # fmt: skip
EDITS = {
    "Ageing": "sandbox-brain-aging", "Disease, brains": "sandbox-brain-disease",
    "Disease, chests": "sandbox-chest-disease",
}  # fmt: skip
METHODS = {
    "Textual Inversion": "textual-inversion", "LoRA": "lora", "Custom Diffusion": "custom-diffusion",
    "Stable Diffusion, untuned (sampling only)": "sd", "DreamBooth": "dreambooth", "Basic FT": "basic-ft",
}  # fmt: skip
NUMBER = r"-?\d+(?:\.\d+)?"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, its head first and without the line of dashes."""
    text = (PAGES / page).read_text(encoding="utf-8")
    below = text[re.search(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE).end() :]  # type: ignore[union-attr]
    table = re.search(r"(?:^\|.*\n)+", below, flags=re.MULTILINE)
    assert table is not None
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()]
    return [cells for cells in lines if not re.fullmatch(r":?-+:?", cells[1])]


def tables(text: str) -> list[str]:
    """All tables of a Markdown text."""
    return re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)


def agrees(text: str, value: float) -> bool:
    """Whether a printed number is a value rounded to its digits."""
    return abs(float(text) - value) <= 0.501 * 10.0 ** -len(text.partition(".")[2])


def board(task: str) -> dict[str, dict[str, Any]]:
    record = json.loads((BOARDS / f"{task}.json").read_text(encoding="utf-8"))
    return {row["model"]["name"]: row for row in record["rows"] if row["origin"] == "measured"}


@pytest.mark.parametrize("heading", EDITS)
def test_the_tables_of_edits_are_the_boards_means(heading: str) -> None:
    head, *body = rows("counterfactuals.md", heading)
    measured = board(EDITS[heading])
    assert {cells[0].strip("*") for cells in body} == set(measured)
    for cells in body:
        row = measured[cells[0].strip("*")]
        scores = {score["metric"]: score["value"] for score in row["scores"]}
        for column, text in list(zip(head, cells, strict=True))[1:-1]:
            assert agrees(text, scores[COLUMNS[column]]), f"{cells[0]}, {column}: {scores[COLUMNS[column]]}"
        assert [int(seed) for seed in cells[-1].split(",")] == row["seeds"]


@pytest.mark.parametrize(("heading", "task"), [("Brains", "sandbox-brain-t2i"), ("Chests", "sandbox-chest-t2i")])
def test_the_boards_from_text_are_the_committed_ones(heading: str, task: str) -> None:
    page = (PAGES / "text-to-image.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    shown, committed = tables(page), tables((BOARDS / f"{task}.md").read_text(encoding="utf-8"))
    assert len(committed) == 2
    assert shown[:2] == committed


def by_seed(task: str, model: str, metric: str) -> dict[int, float]:
    values: dict[int, float] = {}
    for path in (BOARDS / "results" / task).glob("*/seed-*/result.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["model"]["name"] == model:
            [values[record["seed"]]] = [score["value"] for score in record["scores"] if score["metric"] == metric]
    return values


def change(task: str, method: str, metric: str) -> tuple[float, float, float]:
    """Mean over seeds of drift minus none, and its 95 % t-interval."""
    without, drifting = by_seed(task, method, metric), by_seed(task, f"{method}-ld", metric)
    differences = [drifting[seed] - without[seed] for seed in sorted(without.keys() & drifting.keys())]
    assert len(differences) == 3
    mean = statistics.mean(differences)
    half = stats.t.ppf(0.975, 2) * statistics.stdev(differences) / 3**0.5
    return mean, mean - half, mean + half


@pytest.mark.parametrize("method", METHODS)
def test_the_table_of_drift_is_drift_minus_none_by_seed(method: str) -> None:
    table = rows("latent-drifting.md", "What Latent Drifting does on the sandbox")
    [cells] = [cells for cells in table if cells[0] == method]
    for start, task in ((1, "sandbox-brain-t2i"), (4, "sandbox-chest-t2i")):
        assert agrees(cells[start], statistics.mean(by_seed(task, METHODS[method], "fid").values()))
        for cell, metric in zip(cells[start + 1 : start + 3], ("fid", "kid"), strict=True):
            shown = re.findall(NUMBER, cell)
            values = change(task, METHODS[method], metric)
            assert all(map(agrees, shown, values)), f"{task} {metric}: {values}"
            assert len(shown) == 3


@pytest.mark.parametrize(
    ("line", "task", "method"),
    [
        ("Pix2Pix-Zero, brains, disease", "sandbox-brain-disease", "pix2pix-zero"),
        ("SDEdit, brains, disease", "sandbox-brain-disease", "sdedit"),
        ("InstructPix2Pix after Basic FT, ageing", "sandbox-brain-aging", "instruct-pix2pix-ft"),
        ("InstructPix2Pix from Stable Diffusion, ageing", "sandbox-brain-aging", "instruct-pix2pix"),
    ],
)
def test_the_changes_of_edits_are_all_whose_interval_leaves_out_zero(line: str, task: str, method: str) -> None:
    [cells] = [cells for cells in rows("latent-drifting.md", "On edits") if cells[0] == line]
    names = "FID|KID|identity SSIM|identity LPIPS|SSIM|reversibility|composition"
    named = re.findall(rf"({names}) ([+-]?{NUMBER})", cells[1])
    shown = {name.lower().replace(" ", "_"): number for name, number in named}
    metrics = {score["metric"] for score in board(task)[method]["scores"]}
    sure = {metric for metric in metrics for _, low, high in [change(task, method, metric)] if low > 0 or high < 0}
    assert sure == (set() if cells[1].startswith("none") else set(shown))
    assert all(agrees(number, change(task, method, metric)[0]) for metric, number in shown.items())


def test_a_number_that_is_not_the_committed_one_is_found() -> None:
    assert agrees("0.881", 0.88125)
    assert agrees("121", 121.49)
    assert not agrees("0.881", 0.8796)


def test_every_results_page_has_its_test() -> None:
    assert {path.name for path in Path(PAGES).glob("*.md")} == {
        "index.md", "counterfactuals.md", "latent-drifting.md", "text-to-image.md",
    }  # fmt: skip
