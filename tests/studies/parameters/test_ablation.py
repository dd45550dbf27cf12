"""An ablation: real runs, pooled, resumed, and whole where one of them fails."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.errors import LdbenchError
from ldbench.records.result import ModelRef, Result, TaskRef, read
from ldbench.run.settings import Settings
from ldbench.studies.parameters.ablation import Ablation, Cell, _pooled, ablate
from ldbench.studies.parameters.ablation_files import ablation_table, write_ablation
from ldbench.studies.parameters.values import Grid
from tests.conftest import cheap_card
from tests.studies.parameters.toy_answers import TOY, fits, inked


@pytest.mark.slow
def test_a_grid_of_two_parameters_over_seeds(tmp_path: Path) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "out")
    pairs = [("offset", "0,0.1"), ("contrast", "0.5,1")]
    answer = ablate(card, TOY, pairs, (0, 1), settings)
    assert [cell.values for cell in answer.cells] == [(0.0, 0.5), (0.0, 1.0), (0.1, 0.5), (0.1, 1.0)]
    runs = [settings.out / path for cell in answer.cells for path in cell.results]
    assert len({path for path in runs if path.is_file()}) == 8
    scores = [read(settings.out / path).scores[0].value for path in answer.cells[0].results]
    assert answer.cells[0].scores[0].value == pytest.approx(sum(scores) / 2)
    assert answer.cells[0].scores[0].runs == 2
    times = {path: path.stat().st_mtime_ns for path in runs}
    assert ablate(card, TOY, pairs, (0, 1), settings) == answer
    assert {path: path.stat().st_mtime_ns for path in runs} == times
    paths = write_ablation(answer)
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_ablation(answer)] == before
    assert inked(paths[3]) > 0.01
    assert len(json.loads(before[0])["cells"]) == 4
    rows = list(csv.DictReader(paths[1].read_text(encoding="utf-8").splitlines()))
    named = [(row["offset"], row["contrast"], row["metric"]) for row in rows]
    assert named[:2] == [("0", "0.5", "kid"), ("0", "1", "kid")]
    assert "| offset | contrast | kid ↓ |" in paths[2].read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_that_fails_does_not_take_the_others_along(tmp_path: Path) -> None:
    answer = ablate(str(cheap_card(tmp_path)), TOY, [("broken", "true,false")], (0,), Settings(tmp_path / "out"))
    assert not answer.cells[0].scores
    assert answer.cells[1].scores
    assert "ZeroDivisionError: told to" in answer.failures[0]
    table = ablation_table(answer)
    assert "failed: true, seed 0: Toy" in table
    assert len(write_ablation(answer)) == 4


def test_a_score_that_a_run_lacks_shifts_no_other(tmp_path: Path) -> None:
    whole = {"fid": 30.0, "fld": 5.0, "vendi": 12.0}
    lacking = {"fid": 32.0, "vendi": 14.0}
    for runs in ([whole, lacking], [lacking, whole], [lacking, {**whole, "fid": 32.0}, {**lacking, "fid": 29.0}]):
        pooled = _pooled([_result(seed, scores) for seed, scores in enumerate(runs)], ("fid", "fld", "vendi"))
        assert [score.metric for score in pooled] == ["fid", "fld", "vendi"]
        for score in pooled:
            values = [scores[score.metric] for scores in runs if score.metric in scores]
            assert (score.value, score.runs) == (pytest.approx(sum(values) / len(values)), len(values))
    assert [score.metric for score in _pooled([_result(0, {"vendi": 1.0, "fid": 2.0})], whole)] == ["fid", "vendi"]
    pooled = _pooled([_result(0, whole), _result(1, lacking)], whole)
    cells = (
        Cell(("0",), (0.0,), pooled, ("0.json", "1.json"), ()),
        Cell(("1",), (1.0,), pooled[:1], ("2.json", "3.json"), ()),
        Cell(("2",), (2.0,), (), (), ("2, seed 0: told to",)),
    )
    values = Grid("offset", ("0", "1", "2"), (0.0, 1.0, 2.0))
    answer = Ablation("small", "toy", ("fid", "fld", "vendi"), (values,), (0, 1), cells, tmp_path)
    assert [name for name, _ in answer.metrics] == ["fid", "fld", "vendi"]
    shown = [line.split() for line in ablation_table(answer).splitlines()]
    assert " ".join(shown[-4]).count("(1 of 2 runs)") == 1
    assert " ".join(shown[-3]).endswith("not scored not scored")
    assert " ".join(shown[-2]) == "2 failed failed failed"


def _result(seed: int, scores: dict[str, float]) -> Result:
    measured = [Score(name, value, value - 1, value + 1, 100, "lower") for name, value in scores.items()]
    task, model = TaskRef("small", 2, "text-to-image", "h"), ModelRef("toy", None, None)
    return Result(task, model, "measured", measured, seed=seed)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("offset", "0"), ("offset", "1")], "one parameter, or two different ones"),
        ([("offset", "0"), ("contrast", "1"), ("mode", "a")], "one parameter, or two different ones"),
        ([("ofset", "0")], "did you mean offset"),
        ([("offset", "0:100:1"), ("contrast", "0:100:1")], "at most 1000 runs, got 10201"),
    ],
)
def test_bad_input_starts_no_run(pairs: list[tuple[str, str]], message: str, tmp_path: Path) -> None:
    with pytest.raises(LdbenchError, match=message):
        ablate(str(cheap_card(tmp_path)), TOY, pairs, (0,), Settings(tmp_path / "out"))
    assert fits(tmp_path) == []
    assert not os.path.lexists(tmp_path / "out")


def test_a_value_that_the_generators_needs_refuse_starts_no_run(tmp_path: Path) -> None:
    with pytest.raises(LdbenchError, match="2000"):
        ablate(
            "sandbox-brain-t2i", "sd", [("sampling_steps", "10,2000")], (0,), Settings(tmp_path / "out", device="cpu")
        )
    assert not os.path.lexists(tmp_path / "out")
