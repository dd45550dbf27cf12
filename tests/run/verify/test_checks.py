"""The verdict on one score and on what it was measured on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldbench.api import Measured, Score
from ldbench.records.units import Contributions, Units
from ldbench.run.verify.checks import Check, check_score, check_scores, check_units
from ldbench.run.verify.verification import Verification
from ldbench.score.metrics.effectiveness import flip_rate_score

AUC = Score("auc", 0.7, 0.6, 0.8, 100, "higher")
FID = Score("fid", 100.0, 98.0, 102.0, 100, "lower")


@pytest.mark.parametrize(
    ("recorded", "change", "verdict"),
    [
        (FID, {"value": 100.019, "ci_low": 98.019, "ci_high": 102.019}, "equal"),
        (FID, {"value": 100.03, "ci_low": 98.03, "ci_high": 102.03}, "differs"),
        (FID, {"value": 100.5}, "differs"),
        (AUC, {"value": 0.75, "ci_low": 0.66, "ci_high": 0.83}, "reproduced"),
        (AUC, {"value": 0.85, "ci_low": 0.75, "ci_high": 0.95}, "differs"),  # outside of the recorded interval
        (AUC, {"value": 0.75, "ci_low": 0.74, "ci_high": 0.76}, "differs"),  # the recorded value outside of this one
        (AUC, {"value": 0.72}, "differs"),  # its interval stayed where it was: a digit was typed over
        (AUC, {"ci_low": 0.69}, "differs"),  # the training is the same, the interval isn't
        (replace(AUC, value=0.75, ci_low=0.68, ci_high=0.81), {"value": 0.7, "ci_low": 0.6}, "differs"),  # too narrow
        (Score("ssim", 1.0, 1.0, 1.0, 9, "higher"), {"value": 1 - 1e-7, "ci_low": 1 - 1e-7}, "equal"),
        (Score("composition", 0.0, 0.0, 0.0, 9, "lower"), {"value": 1e-6, "ci_high": 1e-6}, "differs"),
    ],
)
def test_the_verdict_on_one_score(recorded: Score, change: dict[str, float], verdict: str) -> None:
    assert check_score(recorded, replace(recorded, **change)).verdict == verdict


@pytest.mark.parametrize(
    ("metric", "noise", "moved", "verdict"),
    [
        ("viewed_fid", 0.02, 0.13, "reproduced"), ("viewed_fid", 0.02, 0.3, "differs"),
        ("viewed_fid", 0.0, 0.13, "differs"), ("fid", None, 0.13, "differs"), ("identity_lpips", 0.02, 0.13, "differs"),
        ("viewed_fid", 0.02, 0.005, "equal"),
    ],
)
def test_viewing_noise_may_be_another_draw_elsewhere(
    metric: str, noise: float | None, moved: float, verdict: str
) -> None:
    parameters = {} if noise is None else {"viewing_noise": noise}
    recorded = Score(metric, 5.5, 5.0, 6.0, 200, "lower", "efficientnet-lite0", parameters)
    step = 0.5 * moved
    now = replace(recorded, value=5.5 + step, ci_low=5.0 + step, ci_high=6.0 + step)
    assert check_score(recorded, now).verdict == verdict
    assert check_score(recorded, replace(now, extractor="inception-v3")).verdict == "differs"


@pytest.mark.parametrize(
    ("weights", "flipped", "verdict"),
    [({"sha256": "f" * 64}, 72, "reproduced"), ({"sha256": "f" * 64}, 74, "differs"), ({}, 74, "reproduced")],
)
def test_a_judge_of_fixed_weights_turns_few_cases(weights: dict[str, str], flipped: int, verdict: str) -> None:
    """Its readings are the same everywhere but for rounding; a judge that is trained anew may read another way."""

    def of_flips(count: int) -> Measured:
        scores = np.stack([np.zeros(100), np.where(np.arange(100) < count, 1.0, -1.0)], axis=1)
        return flip_rate_score(scores, ["b"] * 100, ("a", "b"), {"width": 64, **weights})

    recorded, now = of_flips(flipped), of_flips(70)
    check = check_score(recorded.score, now.score)
    assert check.verdict == verdict
    if verdict == "reproduced":
        ids = {"cases": tuple(map(str, range(100)))}
        of_both = [
            Units(ids, {"flip_rate": Contributions(one.score.value, {"cases": tuple(one.contributions["cases"])})})
            for one in (recorded, now)
        ]
        assert check_units([check], *of_both) == [check]


def test_scores_that_one_side_lacks_differ() -> None:
    found = check_scores([AUC], [FID])
    assert [(check.metric, check.recorded, check.recomputed, check.verdict) for check in found] == [
        ("fid", None, 100.0, "differs"), ("auc", 0.7, None, "differs"),
    ]
    assert "none" in found[0].line(15)
    assert Verification("x", (), (), (), 0.0).verdict == "differs"


def test_units_of_equal_scores_are_equal() -> None:
    checks = [Check("auc", None, 0.7, "differs"), Check("fid", 1.0, 1.0, "equal")]
    now = Units({"cases": ("a", "b")}, {name: Contributions(1.0, {"cases": (3.0, -4.0)}) for name in ("auc", "fid")})
    near = replace(now, metrics={"fid": Contributions(1.0, {"cases": (3.01, -4.01)})})
    assert check_units(checks, near, now) == checks
    assert check_units(checks, None, now) == checks
    for other in (
        replace(now, metrics={}),
        replace(now, ids={"cases": ("b", "a")}),
        replace(now, metrics={"fid": Contributions(1.0, {"cases": (3.1, -4.0)})}),
        replace(now, metrics={"fid": Contributions(1.0, {})}),
    ):
        assert [check.verdict for check in check_units(checks, other, now)] == ["differs", "differs"]


NOW = (3.0, -4.0, 2.0, -1.0)


@pytest.mark.parametrize(
    ("metric", "sent", "verdict"),
    [
        ("viewed_fid", (3.3, -4.1, 1.8, -1.0), "reproduced"), ("viewed_fid", (0.0,) * 4, "differs"),
        ("viewed_fid", (-4.0, 3.0, -1.0, 2.0), "differs"),  # another row's, of the same size
        ("auc", (3.5, -3.0, 1.0, -1.5), "reproduced"), ("auc", (0.0,) * 4, "differs"),
        ("auc", (0.3, -0.4, 0.2, -0.1), "differs"),
    ],
)
def test_units_of_a_reproduced_score_may_be_others_and_not_less(
    metric: str, sent: tuple[float, ...], verdict: str
) -> None:
    ids, alike = {"groups": tuple("abcd")}, [Check(metric, 0.7, 0.71, "reproduced", trained=metric == "auc")]
    now = Units(ids, {metric: Contributions(0.71, {"groups": NOW})})
    recorded = replace(now, metrics={metric: Contributions(0.7, {"groups": sent})})
    assert check_units(alike, recorded, now)[0].verdict == verdict
    assert check_units(alike, None, now) == alike
    older = Units({"groups-4": ids["groups"]}, {metric: Contributions(0.7, {"groups-4": sent})})
    assert check_units(alike, older, now)[0].verdict == verdict  # one list by two names
    for other in (
        replace(now, metrics={}), replace(now, ids={"groups": tuple("abdc")}),
        replace(now, subjects={"groups": (0, 0, 1, 2)}),
    ):
        assert check_units(alike, other, now)[0].verdict == "differs"


def test_units_that_repeat_other_values_contradict_the_result() -> None:
    checks = [
        Check("fid", 1.5, 1.0, "differs"), Check("auc", None, 0.7, "differs", "the result lacks it"),
        Check("kid", 2.0, 2.1, "reproduced", "within"), Check("vendi", 3.0, 3.0, "equal"),
    ]  # fmt: skip
    repeated = {"fid": 1.0, "auc": 0.7, "kid": 2.1, "vendi": 3.0, "more": 4.0}
    added = {"cases": (0.0,)}
    units = Units({"cases": ("a",)}, {name: Contributions(value, added) for name, value in repeated.items()})
    said = "units.json and the result contradict each other:"
    assert [(check.metric, check.verdict, check.note) for check in check_units(checks, units, units)] == [
        ("fid", "differs", f"{said} 1 there"), ("auc", "differs", f"the result lacks it; {said} 0.7 there"),
        ("kid", "differs", f"{said} 2.1 there"), ("vendi", "equal", ""), ("more", "differs", f"{said} 4 there"),
    ]


def test_one_case_that_a_judge_turns_is_no_forgery() -> None:
    ids, alike = {"cases": tuple("abcdefgh")}, [Check("flip_rate", 0.0, 0.125, "reproduced", trained=True)]
    none = Units(ids, {"flip_rate": Contributions(0.0, {"cases": (0.0,) * 8})})
    one = Units(ids, {"flip_rate": Contributions(0.125, {"cases": (0.1094, *(-0.0156,) * 7)})})
    back = [replace(alike[0], recorded=0.125, recomputed=0.0)]
    assert check_units(alike, none, one)[0].verdict == check_units(back, one, none)[0].verdict == "reproduced"


def test_columns_stand_below_each_other_whatever_metrics_are_called() -> None:
    long = replace(FID, metric="relative_ratio_error")
    checks = tuple(check_scores([AUC, long], [AUC, long]))
    _, head, *rows, _ = Verification("x", (), checks, (), 0.0).lines()
    last = zip([head, *rows], ["recomputed", "0.7", "100"], strict=True)
    assert len({line.rindex(cell) + len(cell) for line, cell in last}) == 1
