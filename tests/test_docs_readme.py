"""The README's form and figures, and the citation file."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

import ldbench

from .markdown_blocks import ROOT, blocks
from .test_docs import prose

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
SECTIONS = [
    "Quick start", "What you get", "Your own generator", "Tasks, metrics, generators", "Latent Drifting",
    "Reading the numbers", "Documentation", "Citing, contributing, licence",
]  # fmt: skip
RESULTS = ROOT / "leaderboards/results/sandbox-brain-t2i"


def printed_table() -> str:
    """The table that `make demo` prints, as the README shows it."""
    [table] = [block.text for block in blocks(README) if "fid ↓" in block.text]
    return table


def test_it_fits_a_screen_to_the_first_command_and_four_in_all() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    assert len(TEXT.split()) <= 1000
    assert [line.split()[:2] for line in lines[:20] if line.startswith("make ")] == [["make", "demo"], ["make", "test"]]


def test_it_has_its_sections_in_order() -> None:
    assert re.findall(r"^## (.+)$", prose(README), flags=re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("model", ["basic-ft", "basic-ft-ld", "sd", "real", "mean-image"])
def test_fid_of_the_table_is_that_of_the_committed_seed_0(model: str) -> None:
    [row] = re.findall(rf"^ [\d -]+ {model} +(.+)$", printed_table(), flags=re.MULTILINE)
    shown = re.findall(r"(-?[\d.]+)\*? +\[(-?[\d.]+), (-?[\d.]+)\]", row)
    [run] = [path for path in RESULTS.iterdir() if re.fullmatch(rf"{model}-\w{{8}}", path.name)]
    record = json.loads((run / "seed-0/result.json").read_text(encoding="utf-8"))
    scores = {score["metric"]: score for score in record["scores"]}
    for text, field in zip(shown[0], ("value", "ci_low", "ci_high"), strict=True):
        half_a_digit = 0.5 * 10 ** -len(text.partition(".")[2])
        assert float(text) == pytest.approx(scores["fid"][field], abs=half_a_digit * 1.01)


def listed(what: str) -> list[str]:
    done = subprocess.run([sys.executable, "-m", "ldbench", "list", what], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("what", ["tasks", "metrics", "models"])
def test_as_many_are_listed_as_it_counts(what: str) -> None:
    [row] = [line for line in TEXT.splitlines() if line.startswith("|") and f"`ldbench list {what}`" in line]
    assert sum(map(int, re.findall(r"\d+", row.split("|")[2]))) == len(listed(what))


def test_the_sandbox_has_as_many_tasks_as_it_counts() -> None:
    [count] = re.findall(r"(\d+) on the sandbox", TEXT)
    assert int(count) == sum(line.startswith("sandbox-") for line in listed("tasks"))


def test_the_citation_file_names_this_version_and_the_paper() -> None:
    record = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert record["version"] == ldbench.__version__
    assert record["cff-version"] == "1.2.0"
    [paper] = record["references"]
    [entry] = [block.text for block in blocks(README) if block.language == "bibtex"]
    assert paper["title"] in entry
    names = [f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]]
    assert " and ".join(names) in " ".join(entry.replace('{\\"o}', "ö").split())
