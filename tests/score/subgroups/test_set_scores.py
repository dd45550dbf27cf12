"""Groups of metrics of sets: what is computed, what is left out, and how often chance alone is called a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Measured, Metric, MetricInputs, NoSettings
from ldbench.data.task_data import task_data
from ldbench.errors import MetricError, PluginError
from ldbench.plugins.kinds import METRICS
from ldbench.records.subgroups import FEWEST_OF_A_SET, Breakdown
from ldbench.score.metrics.fid import fid
from ldbench.score.metrics.frechet_readings import ReadingsSpec
from ldbench.score.metrics.intervals import Subjects
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.ms_ssim import DiversitySpec
from ldbench.score.returned import DefectError
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.inputs import GroupInputs
from ldbench.score.subgroups.set_scores import GroupedRun, Split, draw_rows, rows_by_group, set_splits
from ldbench.task import card
from leaderboards.subgroup_gaps import SETTINGS, SETTINGS_OF_GROUPS, GapSetting, SimulatedInputs, drawn, gap_of, sure

pytestmark = pytest.mark.slow

SIZES = (20, 30, 45)


def run_of(setting: GapSetting | None = None, sizes: tuple[int, ...] = SIZES) -> GroupedRun:
    return drawn(setting or SETTINGS_OF_GROUPS["as bad"], 6, np.random.default_rng(0), sizes)


def rows_of_group(run: GroupedRun, group: int) -> np.ndarray:
    return rows_by_group(run.cases)["sex"][f"group {group}"]


def test_an_unbiased_metric_takes_all_images_of_a_group() -> None:
    run = run_of()
    found = gap_of(run, "kid")
    assert [group.n for group in found.groups] == list(SIZES)
    for index, group in enumerate(found.groups):
        rows = rows_of_group(run, index)
        expected = kid_score(*(part[rows] for part in run.inputs.features("x")), extractor="x")
        assert (group.value, group.ci_low, group.ci_high) == (expected.value, expected.ci_low, expected.ci_high)


class _SharedSubjects(SimulatedInputs):
    """The i-th image of each group belongs to one subject, of the generated ones as of the real ones."""

    def subjects(self, images: str) -> np.ndarray:  # type: ignore[override]
        return np.concatenate([np.arange(size) for size in SIZES])


@pytest.mark.parametrize("name", ["kid", "density", "judge_auc", "fid"])
def test_gaps_of_groups_that_share_subjects_take_the_covariance(name: str) -> None:
    run = run_of()
    shared = replace(run, inputs=_SharedSubjects(**vars(run.inputs)))  # type: ignore[arg-type]
    apart, together = gap_of(run, name), gap_of(shared, name)
    assert together.groups == apart.groups  # within a group no two images share a subject
    assert together.gap == apart.gap
    assert together.gap_high != apart.gap_high
    if name == "fid":
        assert together.gap_high > apart.gap_high


@pytest.mark.parametrize("name", ["fid", "precision", "recall", "density", "coverage", "vendi", "intra_fid"])
def test_others_take_as_many_as_the_smallest_group_has(name: str) -> None:
    found = gap_of(run_of(), name)
    assert [group.n for group in found.groups] == [20, 20, 20]
    assert all((group.chance is not None) == ("fid" in name) for group in found.groups)


def test_pairs_of_case_and_truth_are_drawn_together_and_at_one_size() -> None:
    run = run_of(replace(SETTINGS_OF_GROUPS["as bad"], paired=True))
    assert [group.n for group in gap_of(run, "kid").groups] == [20, 20, 20]
    real, _ = run.inputs.features("x")
    same = replace(run, inputs=replace(run.inputs, generated_md=real))  # type: ignore[type-var]
    assert [group.value for group in gap_of(same, "fid").groups] == pytest.approx([0, 0, 0], abs=1e-9)


def test_chance_is_what_the_distance_has_for_fresh_images() -> None:
    run = run_of(GapSetting(), (40, 40))
    random = np.random.default_rng(1)
    fresh = [fid(*(drawn(GapSetting(), 6, random, (40,)).inputs.features("x"))) for _ in range(60)]
    for group in gap_of(run, "fid").groups:
        assert group.chance == pytest.approx(np.mean(fresh), rel=0.25)


def test_groups_that_are_too_small_are_left_out() -> None:
    assert [group.name for group in gap_of(run_of(sizes=(FEWEST_OF_A_SET - 1, 20, 30)), "kid").groups] == [
        "group 1", "group 2"
    ]
    metric = METRICS.load("kid")
    split = run_of(sizes=(19, 40)).split(Measured("kid", 0, 0, 0, 9, "lower"), metric, SETTINGS["kid"])
    assert split == Split({}, {"sex": "group 0: 19 real images, 20 needed"})


def test_groups_of_several_images_a_subject_are_of_one_image_of_each() -> None:
    run = run_of(SETTINGS_OF_GROUPS["several"], (40, 60, 100))
    subjects, seen = run.inputs.subjects("real"), dict[str, list[np.ndarray]]()
    assert subjects is not None

    def record(how: str) -> Callable[..., Measured]:
        def mine(inputs: Any, settings: NoSettings) -> Measured:
            seen.setdefault(how, []).append(subjects[inputs.real_n])
            return mean_feature(inputs, settings)

        return mine

    for how in ("equal", "excess", "all"):
        metric = Metric(
            "mine", "Mine", "Mine.", "higher", record(how), "features", groups=how,  # type: ignore[arg-type]
        )
        run.split(Measured("mine", 0, 0, 0, 1, "higher"), metric, NoSettings())
    assert all(len(each) == len(np.unique(each)) == 25 for how in ("equal", "excess") for each in seen[how])
    assert [len(each) for each in seen["all"]] == [40, 60, 100]


def test_pairs_of_several_images_a_subject_stay_together() -> None:
    run = run_of(SETTINGS_OF_GROUPS["several"], (40, 60, 100))
    real, _ = run.inputs.features("x")

    class Paired(SimulatedInputs):
        def subjects(self, images: str) -> Subjects:
            return self.real_subjects

    same = Paired(**vars(replace(run.inputs, generated_md=real, paired=True)))  # type: ignore[type-var]
    found = gap_of(replace(run, inputs=same), "fid")  # type: ignore[arg-type]
    assert [group.value for group in found.groups] == pytest.approx([0, 0, 0], abs=1e-9)
    assert [group.n for group in found.groups] == [25, 25, 25]


def test_groups_of_too_few_subjects_are_left_out() -> None:
    metric = METRICS.load("fid")
    run = run_of(SETTINGS_OF_GROUPS["several"], (20, 20 * 2, 19 * 4))
    few = run_of(SETTINGS_OF_GROUPS["several"], (19, 20 * 2, 19 * 4))
    assert [group.name for group in gap_of(run, "fid").groups] == ["group 0", "group 1"]
    split = few.split(Measured("fid", 0, 0, 0, 9, "lower"), metric, SETTINGS["fid"])
    assert split.left_out["sex"] == "group 0: 19 real images of different subjects, 20 needed"


def test_a_metric_of_all_classes_needs_each_of_them_in_a_group() -> None:
    run = run_of(sizes=(30, 30, 30))
    alone = replace(run.inputs, labels=("CN",) * 30 + run.inputs.labels[30:])  # type: ignore[type-var]
    found = gap_of(replace(run, inputs=alone), "intra_fid")
    assert [group.name for group in found.groups] == ["group 1", "group 2"]
    few = run_of(sizes=(16, 40, 40))
    assert [group.name for group in gap_of(few, "judge_auc").groups] == ["group 1", "group 2"]  # 8 a class


def mean_feature(inputs: MetricInputs, settings: NoSettings) -> Measured:
    generated = inputs.features("x")[1][:, 0].astype(float)
    error = float(generated.std() / len(generated) ** 0.5)
    value = float(generated.mean())
    return Measured("mine", value, value - 2 * error, value + 2 * error, len(generated), "higher")


def mine(
    compute: Callable[..., Any], groups: Any = "all", within: Any = None, value: Any = None
) -> Mapping[str, Breakdown]:
    metric = Metric("mine", "Mine", "Mine.", "higher", compute, "features", groups=groups, value=value)
    return run_of().split(Measured("mine", 0, 0, 0, 1, "higher", within=within), metric, NoSettings()).by


def test_a_third_partys_metric_says_how_and_has_groups() -> None:
    assert [group.n for group in mine(mean_feature)["sex"].groups] == list(SIZES)
    assert [group.n for group in mine(mean_feature, "equal")["sex"].groups] == [20, 20, 20]
    assert [group.chance is None for group in mine(mean_feature, "excess")["sex"].groups] == [False] * 3
    assert mine(mean_feature, None) == {}


def test_a_group_that_a_metric_refuses_is_left_out_and_a_defect_is_not() -> None:
    def refuses(inputs: MetricInputs, settings: NoSettings) -> Measured:
        if len(inputs.labels) == 30:
            raise MetricError("mine: expected other images")
        return mean_feature(inputs, settings)

    assert [group.n for group in mine(refuses)["sex"].groups] == [20, 45]
    with pytest.raises(MetricError, match=r"mine: raised ZeroDivisionError.*test_set_scores.py"):
        mine(lambda inputs, settings: 1 / 0)
    with pytest.raises(PluginError, match="all_generated: expected a metric that asks for cases"):
        mine(lambda inputs, settings: inputs.all_generated())
    with pytest.raises(MetricError, match=r"mine: raised TypeError.*test_set_scores.py"):
        mine(mean_feature, "units", within=lambda rows: rows[None](None))


@pytest.mark.parametrize(("returned", "got"), [
    (0.5, "an ldbench.api.Measured of each group, got float"),
    (Measured("mine", 0, 0, 0, 20, "lower", contributions={"cases": np.full(20, np.nan)}),
     "one finite number a unit as contributions of cases, got nan for place 0, nan for place 1"),
])
def test_what_a_group_is_measured_as_is_held_against_the_contract(returned: Any, got: str) -> None:
    with pytest.raises(DefectError, match=f"mine: expected {got}"):
        mine(mean_feature, "units", within=lambda rows: returned)


@pytest.mark.parametrize("returned", [math.nan, None, "sharp", np.ones(2)])
def test_a_value_after_an_exchange_is_one_finite_number(returned: Any) -> None:
    with pytest.raises(DefectError, match="mine: expected one finite number of its `value`, got "):
        mine(mean_feature, "excess", value=lambda inputs, settings: returned)


@pytest.mark.parametrize(("scans", "side"), [("reference", "real"), ("test", "scans")])
def test_units_are_grouped_by_the_scans_that_a_metric_has_values_of(scans: Any, side: str) -> None:
    run, asked = run_of(), []

    def within(rows: np.ndarray) -> Measured:
        asked.append(rows.tolist())
        return Measured("mine", len(rows), len(rows) - 1, len(rows) + 1, len(rows), "higher")

    metric = Metric("mine", "Mine", "Mine.", "higher", mean_feature, "scans", groups="units", scans=scans)
    score = Measured("mine", 0, 0, 0, 1, "higher", within=within, contributions={"scans": np.zeros(95)})
    halves = [{"sex": name} for name in ("a", "b") for _ in range(20)]
    run = replace(run, **{"real": halves[::-1], "scans": halves[::-1], side: halves})  # type: ignore[arg-type]
    assert [group.name for group in run.split(score, metric, NoSettings()).by["sex"].groups] == ["a", "b"]
    assert asked == [list(range(20)), list(range(20, 40))]


def test_a_defect_among_groups_costs_that_metrics_groups_and_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    task = card.load("sandbox-brain-aging")
    metrics: dict[str, Any] = {"counterfactual_error": NoSettings(), "effect_error": NoSettings()}
    data = task_data(replace(task, protocol=replace(task.protocol, cases=40, evaluation_cases=40), metrics=metrics), 0)
    darker, said = {case.id: 0.98 * case.source for case in data.cases if case.source is not None}, []
    inputs = inputs_of(data, darker, ScoringContext(torch.device("cpu"), 0, progress=lambda *told: said.append(told)))
    scores, whole = scores_of(inputs).measured, GroupedRun.split

    def split(run: GroupedRun, score: Measured, metric: Metric, settings: Any) -> Split:
        if metric.name == "effect_error":
            raise PluginError("effect_error asks for what groups have not")
        return whole(run, score, metric, settings)

    monkeypatch.setattr(GroupedRun, "split", split)
    found = set_splits(inputs, scores)
    assert [name for name, one in found.items() if one.by] == ["counterfactual_error"]
    assert set(found["effect_error"].left_out.values()) == {"effect_error asks for what groups have not"}
    assert ("groups of effect_error", 1, 1, "left out: effect_error asks for what groups have not") in said


def test_a_runs_scores_by_group_are_those_of_the_groups_cases_alone() -> None:
    task = card.load("sandbox-brain-aging")
    metrics: dict[str, Any] = {
        "frd": NoSettings(), "readings_fid": ReadingsSpec(("sandbox-brain-ventricle-ratio",)),
        "counterfactual_error": NoSettings(), "relative_ratio_error": task.metrics["relative_ratio_error"],
        "ms_ssim_diversity": DiversitySpec(), "minimality": NoSettings(),
    }
    data = task_data(replace(task, protocol=replace(task.protocol, cases=60, evaluation_cases=60), metrics=metrics), 0)
    darker = {case.id: 0.98 * case.source for case in data.cases if case.source is not None}
    inputs = inputs_of(data, darker, ScoringContext(torch.device("cpu"), 0))
    scores = scores_of(inputs).measured
    found = {name: split.by for name, split in set_splits(inputs, scores).items() if split.by}
    assert list(found) == list(metrics)[:5]  # the last one is a mean over cases
    rows = rows_by_group(inputs.attributes)["sex"]
    for name, of_group in rows.items():
        group = GroupInputs(inputs, of_group, of_group)
        for metric in ("counterfactual_error", "relative_ratio_error"):
            alone = METRICS.load(metric).compute(group, metrics[metric])
            assert isinstance(alone, Measured)
            assert found[metric]["sex"].group(name).value == pytest.approx(alone.value)
            assert found[metric]["sex"].group(name).ci_high == pytest.approx(alone.ci_high)
    smallest = min(map(len, rows.values()))
    assert {(group.n, group.chance is None) for group in found["frd"]["sex"].groups} == {(smallest, False)}
    again = scores_of(inputs).measured
    assert {score.metric: score.value for score in again} == {one.metric: one.value for one in scores}


@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=4), classes=st.integers(1, 3), one_size=st.booleans()
)
def test_draws_are_parts_of_the_groups_of_the_same_makeup(sizes: list[int], classes: int, one_size: bool) -> None:
    rows = np.random.default_rng(0).permutation(sum(sizes))
    groups = {str(i): np.sort(part) for i, part in enumerate(np.split(rows, np.cumsum(sizes)[:-1]))}
    strata = np.array([str(row % classes) for row in range(len(rows))])
    found = draw_rows(groups, strata, one_size)
    for name, drawn_rows in found.items():
        assert set(drawn_rows) <= set(groups[name])
        assert (np.diff(drawn_rows) > 0).all()
        assert one_size or len(drawn_rows) == len(groups[name])
    counts = {tuple((strata[part] == str(one)).sum() for one in range(classes)) for part in found.values()}
    assert not one_size or len(counts) == 1


def test_large_groups_are_cut() -> None:
    groups = {name: np.arange(5000) for name in "ab"}
    sizes = [{len(rows) for rows in draw_rows(groups, np.zeros(5000, str), one).values()} for one in (False, True)]
    assert sizes == [{1000}, {200}]


@pytest.mark.parametrize("classes", [20, 67, 300])
def test_groups_of_many_classes_have_ten_images_of_each(classes: int) -> None:
    groups = {name: np.arange(12 * classes) for name in "ab"}
    strata = np.array([f"class {row % classes}" for row in range(12 * classes)])
    for rows in draw_rows(groups, strata, one_size=True).values():
        assert set(np.unique(strata[rows], return_counts=True)[1].tolist()) == {10}


@pytest.mark.parametrize("setting", ["perfect", "as bad", "spread"])
@pytest.mark.parametrize("name", ["fid", "kid", "precision", "density"])
def test_chance_is_seldom_called_a_gap(setting: str, name: str) -> None:
    draws = 20 if name == "fid" else 60
    assert len(sure(SETTINGS_OF_GROUPS[setting], name, draws, 6, SIZES)) <= 0.05 * draws + 2


def test_a_distance_alone_would_call_spread_a_gap() -> None:
    """Why chance is taken off: the images of one group vary more, and no group is served worse."""
    metric, called = METRICS.load("fid"), {"equal": 0, "excess": 0}
    for draw in range(6):
        run = drawn(SETTINGS_OF_GROUPS["spread"], 40, np.random.default_rng(draw), (30, 30, 30))
        score = metric.compute(run.inputs, SETTINGS["fid"])
        assert isinstance(score, Measured)
        for groups in called:
            how = replace(metric, groups=groups)  # type: ignore[arg-type]
            called[groups] += run.split(score, how, SETTINGS["fid"]).by["sex"].gap_low > 0
    assert called == {"equal": 6, "excess": 0}


def test_where_a_group_has_more_images_a_subject_chance_is_seldom_called_a_gap() -> None:
    called = np.zeros(2, int)
    for draw in range(20):
        run = drawn(SETTINGS_OF_GROUPS["several"], 16, np.random.default_rng(draw), (96, 96, 96))
        unknown = replace(run, inputs=replace(run.inputs, real_subjects=None))  # type: ignore[type-var]
        called += [gap_of(each, "fid").gap_low > 0 for each in (run, unknown)]
    assert called[0] <= 1
    assert called[1] >= 5


@pytest.mark.parametrize("name", ["fid", "kid", "mmd", "recall", "readings_fid"])
def test_a_group_that_is_worse_is_found(name: str) -> None:
    worse = GapSetting((0.0, 0.0, 1.2), (1.0, 1.0, 0.4))
    assert sure(worse, name, 8, 6, (40, 40, 40)).count("group 2") >= 6
