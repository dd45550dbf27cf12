"""The rule of the gate: worse by more than interval and tolerance fails, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import ParameterValue
from ldbench.errors import ResultError, UnknownNameError
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import UnfinishedRun
from ldbench.report.gate.findings import Gate, GateFinding
from ldbench.report.gate.judge import check
from ldbench.report.gate.tolerance import Tolerances
from tests.report.conftest import TASK, measured

from .conftest import BASELINE, PAPER, Boards, bent, folded

EXACT = Tolerances(0.0)


def judged(
    results: list[Result], baseline: Boards, tolerances: Tolerances = EXACT, allow_missing: bool = False,
    unfinished: Sequence[UnfinishedRun] = (),
) -> Gate:
    return check(folded(results), baseline, tolerances, allow_missing, unfinished)


def begun(model: ModelRef, seed: int, task: str = TASK.id, error: str = "") -> UnfinishedRun:
    folder = RunFolder.of(Path("runs"), task, model, seed).path
    return UnfinishedRun(folder, task, model.name, seed, 3, 8, error, "ldbench run")


def only(gate: Gate) -> GateFinding:
    """The one failing finding."""
    assert len(gate.failing) == 1, gate.failing
    return gate.failing[0]


def test_the_same_results_pass_and_reported_rows_are_not_looked_at(baseline: Boards) -> None:
    gate = judged(BASELINE, baseline)
    assert gate.passed
    assert [one.verdict for one in gate.findings] == ["same"] * 9
    assert {one.row for one in gate.findings} == {"ours", "theirs", "real"}


@pytest.mark.parametrize(
    ("metric", "by", "verdict"),
    [
        ("fid", 6.5, "worse"), ("fid", 5.5, "same"), ("fid", -4.5, "same"), ("fid", -5.5, "better"),
        ("auc", -0.06, "worse"), ("auc", -0.04, "same"), ("auc", 0.03, "same"), ("auc", 0.05, "better"),
    ],
)
def test_the_interval_decides_on_its_worse_side_alone(metric: str, by: float, verdict: str, baseline: Boards) -> None:
    gate = judged(bent(BASELINE, "ours", metric, by), baseline)
    found = next(one for one in gate.findings if (one.row, one.metric) == ("ours", metric))
    assert found.verdict == verdict
    assert gate.passed == (verdict != "worse")
    assert found.worse_by == pytest.approx(by if metric == "fid" else -by)
    others = [one.verdict for one in gate.findings if (one.row, one.metric) != ("ours", metric)]
    assert others == ["same"] * 8


def test_a_finding_says_row_metric_then_now_by_how_much_and_allowed(baseline: Boards) -> None:
    found = only(judged(bent(BASELINE, "ours", "auc", -0.06), baseline))
    assert (found.task, found.row, found.metric) == (TASK.id, "ours", "auc")
    assert (found.then, found.now) == pytest.approx((0.87, 0.81))
    assert (found.worse_by, found.allowed) == pytest.approx((0.06, 0.05))


@pytest.mark.parametrize(
    ("tolerances", "passes"),
    [
        (Tolerances(0.1), False), (Tolerances(0.2), True), (Tolerances(0.0, {"fid": 7.0}), False),
        (Tolerances(0.0, {"fid": 9.0}), True), (Tolerances(0.2, {"fid": 7.0}), False),
        (Tolerances(0.0, {"kid": 9.0}), False),
    ],
)
def test_a_tolerance_wider_than_the_interval_takes_its_place(
    tolerances: Tolerances, passes: bool, baseline: Boards
) -> None:
    assert judged(bent(BASELINE, "ours", "fid", 8.0), baseline, tolerances).passed == passes


@pytest.mark.slow
@settings(max_examples=40)
@given(by=st.floats(-40, 40), relative=st.floats(0, 0.5))
def test_the_rule_holds_for_any_shift_and_tolerance(by: float, relative: float) -> None:
    gate = judged(bent(BASELINE, "ours", "fid", by), folded(BASELINE), Tolerances(relative))
    now = 60.0 + by
    assert gate.passed == (not (now - 60.0 > 6.0 and now - 60.0 > relative * 60.0))


@pytest.mark.parametrize("by", [1.5, -1.5])
def test_a_reference_that_moves_either_way_fails(by: float, baseline: Boards) -> None:
    found = only(judged(bent(BASELINE, "real", "fid", by), baseline))
    assert (found.row, found.verdict) == ("real", "moved")
    assert judged(bent(BASELINE, "real", "fid", by / 2), baseline).passed


@pytest.mark.parametrize(("by", "moved"), [(3e-14, False), (1e-6, True)])
def test_round_off_of_a_perfect_score_is_no_change(by: float, moved: bool) -> None:
    perfect = measured("real", 0, {"reference": True}, (0.0, 0.0, 0.0), (1e-14, 1e-14, 1e-14), (1.0, 1.0, 1.0))
    bents = bent([perfect], "real", "kid", by)
    assert judged(bents, folded([perfect]), Tolerances()).passed != moved


def test_a_missing_row_fails_unless_allowed(baseline: Boards) -> None:
    found = only(judged(BASELINE[1:], baseline))
    assert (found.row, found.metric, found.verdict) == ("ours", "", "missing")
    allowed = judged(BASELINE[1:], baseline, allow_missing=True)
    assert allowed.passed
    assert [one.row for one in allowed.of("missing")] == ["ours"]


def test_a_missing_metric_fails_unless_allowed(baseline: Boards) -> None:
    short = [replace(BASELINE[0], scores=BASELINE[0].scores[:2]), *BASELINE[1:]]
    found = only(judged(short, baseline))
    assert (found.row, found.metric, found.verdict) == ("ours", "auc", "missing")
    assert judged(short, baseline, allow_missing=True).passed


def test_a_run_that_failed_fails_even_where_rows_may_be_missing(baseline: Boards) -> None:
    crashed = replace(BASELINE[0], status="failed", error="out of\nmemory", scores=[])
    found = only(judged([crashed, *BASELINE[1:]], baseline, allow_missing=True))
    assert (found.row, found.verdict, found.detail) == ("ours", "failed", "seed 0: out of memory")
    second_seed = only(judged([replace(crashed, seed=7), *BASELINE], baseline))
    assert second_seed.detail == "seed 7: out of memory"
    assert judged([replace(crashed, seed=7), *BASELINE], folded([replace(crashed, seed=7), *BASELINE])).passed


@pytest.mark.parametrize("results", [BASELINE, BASELINE[1:]])
@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_run_that_was_begun_and_has_no_result_fails_and_says_what_goes_on(
    results: list[Result], allow_missing: bool, baseline: Boards
) -> None:
    newer = replace(BASELINE[0].model, version="0.2.0")
    gate = judged(results, baseline, allow_missing=allow_missing, unfinished=[begun(newer, 7, error="out of memory")])
    found = only(gate)
    assert (found.row, found.verdict) == ("ours", "unfinished")
    assert found.detail == "seed 7: 3 of 8 images; out of memory; goes on with `ldbench run`"
    assert len(gate.of("same")) == 3 * len(results)


def test_unfinished_runs_that_are_none_of_the_baseline_are_said_and_pass(baseline: Boards) -> None:
    ours = BASELINE[0].model
    runs = [begun(replace(ours, parameters={"delta": 0.1}), 0), begun(replace(ours, name="x"), 1), begun(ours, 2, "y")]
    gate = judged(BASELINE, baseline, unfinished=runs)
    assert gate.passed
    assert [(one.task, one.row) for one in gate.of("unfinished")] == [(TASK.id, "ours"), (TASK.id, "x"), ("y", "ours")]


def test_only_failed_runs_of_a_task_are_failures_not_another_card(baseline: Boards) -> None:
    crashed = [replace(one, status="failed", error="boom", scores=[], split_hash=None) for one in BASELINE]
    assert [one.verdict for one in judged(crashed, baseline).findings] == ["failed"] * 3


def test_a_row_that_the_baseline_lacks_is_said_and_passes(baseline: Boards) -> None:
    new = measured("newcomer", 0, {}, (300.0, 290.0, 310.0), (0.5, 0.4, 0.6), (0.5, 0.4, 0.6))
    gate = judged([*BASELINE, new, PAPER], baseline)
    assert gate.passed
    assert [one.row for one in gate.of("new")] == ["newcomer"]


def test_a_new_release_is_compared_with_the_one_before(baseline: Boards) -> None:
    newer = [replace(one, model=replace(one.model, version="0.2.0")) for one in BASELINE]
    assert judged(newer, baseline).passed
    found = only(judged(bent(newer, "ours", "fid", 9.0), baseline))
    assert (found.verdict, found.detail) == ("worse", "version 0.1.0 then, 0.2.0 now")


def test_a_run_that_failed_in_the_release_before_is_no_news() -> None:
    failed = replace(BASELINE[0], status="failed", error="boom", scores=[], seed=7)
    newer = [replace(one, model=replace(one.model, version="0.2.0")) for one in (failed, *BASELINE)]
    assert judged(newer, folded([failed, *BASELINE])).passed
    assert not judged(newer, folded(BASELINE)).passed


def test_two_releases_in_the_baseline_are_not_guessed_between(baseline: Boards) -> None:
    older = replace(BASELINE[0], model=replace(BASELINE[0].model, version="0.0.9"))
    newer = replace(BASELINE[0], model=replace(BASELINE[0].model, version="0.2.0"))
    gate = judged([newer, *BASELINE[1:]], folded([older, *BASELINE]))
    assert [one.verdict for one in gate.findings if "ours" in one.row] == ["missing", "missing", "new"]
    assert gate.failing[0].detail.endswith('version="0.0.9" then, "0.2.0" now')


def test_other_parameters_are_another_row(baseline: Boards) -> None:
    other = replace(BASELINE[0], model=replace(BASELINE[0].model, parameters={"delta": 0.1}))
    gate = judged([other, *BASELINE[1:]], baseline)
    told = [(one.verdict, one.row, one.detail) for one in gate.findings if one.verdict != "same"]
    but = "no result of this row, but of ours (delta=0.1): delta=(absent) then, 0.1 now"
    assert told == [("missing", "ours", but), ("new", "ours (delta=0.1)", "not in the baseline")]


@pytest.mark.parametrize(
    ("now", "but"),
    [
        ([{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 1, "c": 0}], "but of ours (c=0): c=1 then, 0 now"),
        ([{"a": 0, "b": "x", "c": 0, "d": 0}], 'a=1 then, 0 now; b=1 then, "x" now; c=1 then, 0 now and 1 more'),
    ],
)
def test_the_nearest_row_of_other_parameters_is_named_and_not_compared(
    now: list[dict[str, ParameterValue]], but: str
) -> None:
    def run(parameters: dict[str, ParameterValue], version: str) -> Result:
        return replace(BASELINE[0], model=ModelRef("ours", "ours", version, parameters))

    then = folded([run({"a": 1, "b": 1, "c": 1}, "1"), BASELINE[1]])
    gate = judged([*(run(one, "2") for one in now), BASELINE[1]], then)
    assert only(gate).verdict == "missing"
    assert only(gate).detail.endswith(but)
    assert [one.row for one in gate.of("same")] == ["theirs"] * 3


def test_a_row_that_was_one_with_another_is_judged_once_its_images_are_its_own() -> None:
    hashed = [replace(one, images_hash=f"{index:064x}") for index, one in enumerate(BASELINE)]
    copied = replace(hashed[0], model=replace(hashed[0].model, name="copied"))
    merged = folded([*hashed, copied])
    assert [len(row.same_images) for row in merged[TASK.id].rows].count(1) == 1
    assert judged([*hashed, copied], merged).passed
    apart = replace(copied, images_hash="f" * 64)
    assert judged([*hashed, apart], merged).passed
    broken = bent([*hashed, apart], "copied", "fid", 30.0)
    assert [(one.row, one.verdict) for one in judged(broken, merged).failing] == [("copied", "worse")]
    assert judged([*hashed, copied], folded([*hashed, apart])).passed  # one with another today


def test_other_seeds_are_said(baseline: Boards) -> None:
    other = [replace(BASELINE[0], seed=4), *BASELINE[1:]]
    gate = judged(bent(other, "ours", "fid", 900.0), baseline)
    assert only(gate).detail == "seeds 0 then, 4 now"
    [unsure] = gate.of("unsure")
    assert (unsure.row, unsure.metric, unsure.fails) == ("ours", "", False)
    assert unsure.detail.startswith("seeds 0 then, 4 now; one seed each says nothing of the seeds, so only")
    assert judged(bent(other, "ours", "fid", 9.0), baseline).passed  # far less than another seed may do
    assert not judged(BASELINE, baseline).of("unsure")


def test_a_seed_of_the_baseline_again_is_no_alarm_however_many_it_has() -> None:
    """Also where it lies further from their mean than a new seed may."""
    def seed(number: int, fid: float) -> Result:
        return measured("ours", number, {}, (fid, fid - 0.01, fid + 0.01), (0.04, 0.03, 0.05), (0.87, 0.82, 0.91))

    many = [seed(number, 60.0) for number in range(29)]
    loud = seed(29, 90.0)
    then = folded([*many, loud])
    assert judged([loud], then, allow_missing=True).passed
    assert judged([*many[:3], loud], then, allow_missing=True).passed
    assert only(judged([replace(loud, seed=30)], then, allow_missing=True)).metric == "fid"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": replace(TASK, version=2)}, r"version 2 .* now, but the baseline has version 1 "),
        ({"task": replace(TASK, card_hash="0" * 64)}, r"card 000000000000\) now, but .*card 9f3ac1b2d4e5\)"),
        ({"split_hash": "7" * 64}, r"split_hash 777777777777 now, but the baseline has split_hash 555555555555"),
    ],
)
def test_another_card_or_split_is_refused_with_the_difference_named(
    changes: dict[str, TaskRef | str], message: str, baseline: Boards
) -> None:
    with pytest.raises(ResultError, match=message):
        judged([replace(one, **changes) for one in BASELINE], baseline)  # type: ignore[arg-type]


def test_other_settings_of_a_metric_are_refused_with_the_difference_named(baseline: Boards) -> None:
    other = [replace(one, scores=[replace(score, n=999, parameters={"interval": "guess", "blocks": 3})
                                  if score.metric == "kid" else score for score in one.scores]) for one in BASELINE]
    message = r'kid: blocks=3, interval="guess", n=999 now, but the baseline has blocks=\(absent\), interval="U-stat'
    with pytest.raises(ResultError, match=message):
        judged(other, baseline)


def test_a_task_that_is_gone_is_missing_and_no_task_in_common_is_refused(baseline: Boards) -> None:
    elsewhere = [replace(one, task=replace(TASK, id="sandbox-chest-t2i")) for one in BASELINE]
    both = folded([*BASELINE, *elsewhere])
    assert [one.verdict for one in judged(BASELINE, both).failing] == ["missing"] * 3
    assert [one.verdict for one in check(both, baseline, EXACT).of("new")] == ["new"] * 3
    with pytest.raises(ResultError, match=r"expected results of sandbox-brain-t2i as in .* got sandbox-chest"):
        judged(elsewhere, baseline)


def test_a_tolerance_of_an_unknown_metric_is_refused(baseline: Boards) -> None:
    with pytest.raises(UnknownNameError, match="'fidd': did you mean fid"):
        judged(BASELINE, baseline, Tolerances(0.0, {"fidd": 2.0}))
