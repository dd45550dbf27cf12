"""Exported cases carry what a generator gets, and no truth."""

from __future__ import annotations

import json
from pathlib import Path

from ldbench.cases import export_cases
from ldbench.data.images import read_image

from .conftest import small_card


def test_cases_are_written_for_others_to_generate(tmp_path: Path) -> None:
    text = export_cases(str(small_card(tmp_path)), None)
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 8
    assert all(set(row) == {"id", "prompt", "attributes"} for row in rows)


def test_editing_cases_come_with_their_sources(tmp_path: Path) -> None:
    said = export_cases("sandbox-brain-aging", tmp_path / "cases.jsonl")
    assert said.startswith("200 cases of sandbox-brain-aging in ")
    rows = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    assert read_image(tmp_path / rows[0]["source"], size=64).shape == (3, 64, 64)
    assert len(list(tmp_path.rglob("*.png"))) == len(rows)  # the sources and nothing else
    assert rows[0]["attributes"]["age"] > rows[0]["source_attributes"]["age"]
