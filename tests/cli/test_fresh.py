"""Fresh sets at the command line: `data render` and `run --fresh`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import UsageError
from tests.command_line import said
from tests.stand_ins.toy_simulator import card as toy_card

DISCS = f"{Path(__file__).parents[1] / 'stand_ins' / 'toy_simulator.py'}:DISCS"


def test_rendering_says_seed_files_digest_and_cards(tmp_path: Path) -> None:
    asked = ("data", "render", DISCS, "--seed", 7, "--card", toy_card(tmp_path), "--out", tmp_path / "out")
    lines = said(*asked, "--test-only").splitlines()
    assert lines[0].endswith("DISCS revision 1, seed 7: test")
    assert any(line.endswith("  data/images.npy") for line in lines)
    assert Path(lines[-1]).is_file()
    with pytest.raises(UsageError, match="got other rendered data"):
        said(*asked)


@pytest.mark.slow
def test_a_fresh_run_prints_both_scores_the_gap_and_a_verdict(tmp_path: Path) -> None:
    arguments = ("run", toy_card(tmp_path), "tests.stand_ins.disc_generators:Tuned", "--device", "cpu", "--fresh", 7)
    text = said(*arguments, "--out", tmp_path / "runs")
    assert "subjects of seed 7" in text
    assert "worse on new subjects: psnr" in text
    assert text.rstrip().endswith("fresh.json")


@pytest.mark.slow
@pytest.mark.parametrize(("splits", "found"), [(["--test-only"], True), ([], False)])
def test_test_subjects_that_were_rendered_before_are_found_and_no_others(
    splits: list[str], found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    card = toy_card(tmp_path)
    said("data", "render", DISCS, "--seed", 7, "--card", card, *splits)
    [rendered] = (tmp_path / "rendered").iterdir()
    before = sorted(rendered.rglob("*"))
    arguments = ("run", card, "tests.stand_ins.disc_generators:Honest", "--device", "cpu", "--fresh", 7)
    [before_it] = [line for line in said(*arguments, "--dry-run").splitlines() if line.startswith("fresh: ")]
    assert ("renders 24 test subjects into runs/fresh/" in before_it) is not found
    assert (f"taken from rendered/{rendered.name};" in before_it) is found
    text = said(*arguments)
    assert "subjects of seed 7" in text
    assert (tmp_path / "runs" / "fresh").exists() is not found
    assert sorted(rendered.rglob("*")) == before


def test_a_dry_run_draws_no_seed_and_says_what_the_call_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ldbench.data.render.drawn_seed", lambda: pytest.fail("a seed was drawn"))
    card = toy_card(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    model = "tests.stand_ins.disc_generators:Honest"
    lines = said("run", card, model, "--device", "cpu", "--fresh", "new", "--dry-run").splitlines()
    [fresh] = [line for line in lines if line.startswith("fresh: ")]
    assert "draws a seed and renders 24 test subjects into runs/fresh/" in fresh
    assert "-seed-SEED; " in fresh
    assert lines[-1] == "missing: nothing"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_seed_that_is_none_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--fresh: expected a seed of 0 or more, or new, got 'old'"):
        said("run", toy_card(tmp_path), "copy-source", "--fresh", "old")


def test_processes_of_a_launcher_are_given_a_seed_as_each_would_draw_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="--fresh new: expected a seed, as each process of a launcher would draw"):
        said("run", toy_card(tmp_path), "copy-source", "--fresh", "new", "--dry-run")
