"""The README's form and figures, and the citation file."""

from __future__ import annotations

import re

import pytest
import yaml

import ldbench
from leaderboards.pages import outside
from tests.command_line import said
from tests.docs.page_parts import prose
from tests.markdown_blocks import ROOT, blocks

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
SECTIONS = [
    "Quick start", "What you get", "Your own generator", "Tasks, metrics, generators", "Latent Drifting",
    "Reading the numbers", "Documentation", "Citing, contributing, licence",
]  # fmt: skip


def test_it_fits_a_screen_to_the_first_command_and_four_in_all() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    assert len(outside(TEXT).split()) <= 1000
    assert [line.split()[:2] for line in lines[:20] if line.startswith("make ")] == [["make", "demo"], ["make", "test"]]


def test_it_has_its_sections_in_order() -> None:
    assert re.findall(r"^## (.+)$", prose(README), flags=re.MULTILINE) == SECTIONS


def test_the_table_is_of_the_rows_that_make_demo_runs() -> None:
    """tests/docs/test_results.py holds the table to the committed results."""
    [asked] = re.findall(r"^<!-- demo (.+) -->$", TEXT, flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [run] = re.findall(r"ldbench run (.+) --out \$\(OUT\)$", makefile, flags=re.MULTILINE)
    assert asked == run


def listed(what: str) -> list[str]:
    return said("list", what).splitlines()


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
