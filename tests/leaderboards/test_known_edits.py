"""Edits that are known exactly have the errors that the definitions give them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from leaderboards import known_edits
from leaderboards.known_edits import KNOWN_EDITS

PAGE = Path(__file__).parents[2] / "docs/measurements/gauntlet.md"


@pytest.mark.slow
def test_the_committed_table_is_what_the_edits_of_today_give(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["known_edits", "sandbox-brain-disease"])
    known_edits.main()
    found = dict(re.findall(r"\| (.+?) \| ([\d.]+ \([\d.]+\)) \|", capsys.readouterr().out))
    committed = PAGE.read_text(encoding="utf-8")
    assert found.keys() == KNOWN_EDITS.keys()
    assert all(f"| {edit} | {said} |" in committed for edit, said in found.items())
    assert found["copy of the source"] == "1.00 (0.00)"
    assert found["the truth"] == "0.00 (0.00)"
