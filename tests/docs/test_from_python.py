"""The calls of docs/guides/running.md, as they stand there, on a small card of the same name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import ldbench
from tests.conftest import small_card
from tests.docs.test_commands import files
from tests.markdown_blocks import ROOT, blocks

PAGE = "docs/guides/running.md"
TASK, METRIC = '"sandbox-brain-t2i"', "viewed_fid"
QUICK = '[metrics.kid]\nextractor = "radiomics"\nresize = 64\n'


@pytest.mark.slow
def test_the_calls_of_the_page_give_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files("docs/adding-a-generator.md"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    card = small_card(tmp_path, metrics=QUICK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    elsewhere = ldbench.run_task(card, "mean-image", out="elsewhere").folder
    shutil.copytree(elsewhere / "images", tmp_path / "images")
    [block] = [each.text for each in blocks(ROOT / PAGE) if "ldbench.run_task(" in each.text]
    assert block.count(TASK) == 3
    assert block.count(METRIC) == 2
    given: dict[str, object] = {}
    try:
        exec(block.replace(TASK, repr(str(card))).replace(METRIC, "kid"), given)
    finally:
        sys.modules.pop("class_blur", None)
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[:3]] == ["0", "1", "2"]
    frame = given["frame"]
    assert set(frame["model"]) == {"class_blur.py:ClassBlur", "collapse", "mine (scored)"}  # type: ignore[index]
    assert said.count("class_blur.py:ClassBlur") >= 2  # on the board, and in a pair
    assert "mine (scored)" in said.splitlines()[-1]
