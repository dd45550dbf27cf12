"""The commands as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldbench.errors import GeneratorError, LdbenchError, UsageError
from tests.command_line import said
from tests.conftest import cheap_card, small_card
from tests.studies.parameters.toy_answers import SEE_THROUGH, TOY


@pytest.mark.slow
def test_search_prints_the_curve_and_what_to_set(tmp_path: Path) -> None:
    card, out = str(small_card(tmp_path)), str(tmp_path / "out")
    shown = said(
        "search", card, TOY, "--parameter", "offset", "--values", "-0.1:0.2:0.1", "--images", "12", "--out", out,
        "--set", "contrast=1",
    )
    lines = shown.splitlines()
    assert lines[0].split()[0] == "offset"
    assert [line.split()[0] for line in lines[2:6]] == ["-0.1", "0", "0.1*", "0.2"]
    assert "smallest: --set offset=0.1 (95 % of resamples: 0.1 to 0.1)" in shown
    assert "widen --values" not in shown
    assert Path(lines[-2]).name == "search.json"
    assert Path(lines[-1]).is_file()
    shown = said("search", card, TOY, "--parameter", "offset", "--values=-0.1,0", "--images", "6", "--out", out)
    assert "the smallest lies at the end of the values: widen --values" in shown


def test_figures_name_their_files(tmp_path: Path) -> None:
    card, out = str(small_card(tmp_path)), str(tmp_path / "out")
    swept = said(
        "figure", "sweep", card, TOY, "--parameter", "offset", "--values", "0,0.1", "--prompt", "a plane", "--out", out
    )
    followed = said("figure", "trajectory", card, SEE_THROUGH, "--images", "1", "--set", "steps=1", "--out", out)
    for shown in (swept, followed):
        record, plot = map(Path, shown.split())
        assert json.loads(record.read_text(encoding="utf-8"))["kind"] in ("sweep", "trajectory")
        assert plot.is_file()


@pytest.mark.slow
def test_ablate_prints_a_table_and_ends_with_what_failed(tmp_path: Path) -> None:
    card, out = str(cheap_card(tmp_path)), str(tmp_path / "out")
    asked = ("ablate", card, TOY, "--parameter", "broken", "--seeds", "0", "--out", out)
    shown = said(*asked, "--values", "false")
    assert shown.splitlines()[0].split()[:2] == ["broken", "kid"]
    assert len([line for line in shown.splitlines() if Path(line).is_file()]) == 4
    with pytest.raises(GeneratorError, match="1 run failed: true, seed 0: Toy"):
        said(*asked, "--values", "true,false")


def test_what_does_not_pair_up_is_refused(tmp_path: Path) -> None:
    card = str(cheap_card(tmp_path))
    with pytest.raises(UsageError, match="--values: expected one for each --parameter, got 1 for 2"):
        said("ablate", card, TOY, "--parameter", "offset", "--parameter", "mode", "--values", "0")
    with pytest.raises(LdbenchError, match="unknown model 'toi'"):
        said("search", card, "toi", "--out", str(tmp_path / "out"))
