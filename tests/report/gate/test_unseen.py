"""What a gate would not have seen: said where an unchanged row may lose half, and nothing fails because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.records.result import Result
from ldbench.report.gate import lines
from ldbench.report.gate.findings import Gate
from ldbench.report.gate.judge import check
from ldbench.report.gate.tolerance import Tolerances
from tests.report.conftest import TASK, measured

from .conftest import bent, folded


def ours(fid: tuple[float, float, float], auc: tuple[float, float, float], seed: int = 0) -> Result:
    return measured("ours", seed, {}, fid, (0.04, 0.035, 0.045), auc)


def judged(now: list[Result], then: list[Result], tolerances: Tolerances = Tolerances()) -> Gate:  # noqa: B008
    return check(folded(now), folded(then), tolerances)


@pytest.mark.parametrize(
    ("fid", "auc", "told"),
    [
        ((100.0, 60.0, 149.0), (0.8, 0.7, 0.9), ""),
        ((100.0, 60.0, 151.0), (0.8, 0.7, 0.9), "fid up to 151 would pass"),
        ((100.0, 40.0, 149.0), (0.8, 0.3, 0.9), ""),  # auc alone: the board is ranked by fid
        ((100.0, 60.0, 151.0), (0.8, 0.3, 0.9), "fid up to 151, auc down to 0.30 would pass"),
        ((100.0, 60.0, 151.0), (0.8, 0.0, 0.9), "fid up to 151, any auc would pass"),
        ((0.0, 0.0, 3.0), (0.8, 0.7, 0.9), ""),
    ],
)
def test_more_than_half_of_the_value_is_wide(
    fid: tuple[float, float, float], auc: tuple[float, float, float], told: str
) -> None:
    gate = judged([ours(fid, auc)], [ours(fid, auc)])
    assert gate.passed
    unsure = [f"{told}: run more seeds for both, or take more cases"] if told else []
    assert [one.detail for one in gate.of("unsure")] == unsure
    assert [one.row for one in gate.of("same")] == ["ours"] * 3


def test_a_ruined_model_that_passes_is_shown_with_what_would_have_been_seen() -> None:
    then = [ours((fid, fid - 70.0, fid + 70.0), (0.8, 0.7, 0.9), seed) for seed, fid in enumerate((116., 136., 156.))]
    gate = judged([replace(bent(then, "ours", "fid", 79.0)[0], seed=9)], then)
    text = lines.text(gate).splitlines()
    assert len(text) == 2
    assert text[0].startswith("unsure  sandbox-brain-t2i: ours: fid up to ")
    assert text[0].endswith(" would pass: run the baseline's seeds, or take more cases")
    assert text[1].startswith("check passed: 1 unsure, 3 same; ")
    same = next(one for one in gate.of("same") if one.metric == "fid")
    assert same.allowed is not None
    assert f": fid up to {136 + same.allowed:.0f}, kid up to " in text[0]
    assert same.detail == f"seeds 0, 1, 2 then, 9 now; fid up to {136 + same.allowed:.0f} would pass"


def test_what_would_pass_is_told_of_the_worse_side_and_of_a_tolerance_that_is_wider_still() -> None:
    one = ours((100.0, 90.0, 160.0), (0.8, 0.7, 0.9))
    assert judged(bent([one], "ours", "fid", -5.0), [one]).of("unsure")[0].detail.startswith("fid up to 160 would pass")
    wider = judged([one], [one], Tolerances(0.0, {"fid": 70.0}))
    assert wider.of("unsure")[0].detail.startswith("fid up to 170 would pass")
    narrow = ours((100.0, 90.0, 110.0), (0.8, 0.7, 0.9))
    assert not judged([narrow], [narrow], Tolerances(0.0, {"fid": 70.0})).of("unsure")  # somebody chose it


def test_a_row_that_does_not_compete_has_no_loss() -> None:
    reference = measured("real", 0, {"reference": True}, (100.0, 0.0, 200.0), (0.04, 0.035, 0.045), (0.8, 0.7, 0.9))
    gate = judged([reference], [reference])
    assert {one.verdict for one in gate.findings} == {"same"}
    assert {one.detail for one in gate.findings} == {""}
    assert gate.findings[0].task == TASK.id


def test_another_lone_seed_is_said_first() -> None:
    one = ours((100.0, 90.0, 110.0), (0.8, 0.7, 0.9))
    [unsure] = judged([replace(one, seed=4)], [one]).of("unsure")
    assert unsure.detail.startswith("seeds 0 then, 4 now; one seed each says nothing of the seeds, so only ")
    assert "; fid up to " in unsure.detail
