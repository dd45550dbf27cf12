"""What the committed boards of editing tasks must say if the metrics mean what they claim, whatever rows they have."""

from __future__ import annotations

import pytest

from .committed import TASKS, beats, boards, found, ranked, scores

pytestmark = pytest.mark.slow

BOUNDS = ("copy-source", "autoencoder", "other-subject", "gain-only", "oracle")
EDITS = [task for task in TASKS if "-t2i" not in task]
BOUNDED = [
    task for task in EDITS
    if task in ("sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex")
]  # fmt: skip
JUDGED = [task for task in BOUNDED if task != "sandbox-brain-aging"]


@pytest.mark.parametrize("task", BOUNDED)
def test_every_bound_stands_below_the_ranked_rows(task: str) -> None:
    rows = {row.model.name: row for row in boards()[task].rows}
    assert set(BOUNDS) <= rows.keys()
    assert not any(rows[name].competes for name in BOUNDS)


@pytest.mark.parametrize("task", EDITS)
def test_no_row_that_competes_saw_the_truth(task: str) -> None:
    assert not any(row.model.sees_truth or row.model.name in BOUNDS for row in ranked(task))


@pytest.mark.parametrize("task", BOUNDED)
def test_the_truth_is_the_best_there_is_against_the_truth(task: str) -> None:
    for metric in ("counterfactual_error", "side_effect", "effect_error", "error_inside", "error_outside"):
        values = scores(task, metric)
        assert values["oracle"].value == pytest.approx(0, abs=1e-9)
        assert all(score.value > values["oracle"].value for name, score in values.items() if name not in BOUNDS)


@pytest.mark.parametrize("task", BOUNDED)
def test_a_copy_has_an_error_of_one_and_no_side_effect(task: str) -> None:
    for metric in ("counterfactual_error", "effect_error"):
        copy = scores(task, metric)["copy-source"]
        assert copy.ci_low <= 1 <= copy.ci_high
        assert copy.value == pytest.approx(1, abs=1e-6)
    assert scores(task, "side_effect")["copy-source"].value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("task", BOUNDED)
def test_a_copy_is_perfect_on_identity_and_no_edit_is(task: str) -> None:
    for metric, perfect in (("identity_ssim", 1), ("identity_lpips", 0), ("minimality", 0), ("composition", 0)):
        values = scores(task, metric)
        assert values["copy-source"].value == perfect
        assert all(score.value != perfect for name, score in values.items() if name not in BOUNDS)


@pytest.mark.parametrize("task", BOUNDED)
def test_neither_encoding_nor_somebody_else_makes_an_edit(task: str) -> None:
    values = scores(task, "counterfactual_error")
    assert values["autoencoder"].ci_high > 0.95
    assert not beats(values["other-subject"], values["copy-source"])
    assert scores(task, "side_effect")["other-subject"].ci_low > 1


@pytest.mark.parametrize("task", BOUNDED)
def test_another_gain_is_nearer_to_the_truth_than_a_copy_and_leaves_the_anatomy_as_it_is(task: str) -> None:
    assert beats(scores(task, "counterfactual_error")["gain-only"], scores(task, "counterfactual_error")["copy-source"])
    if task != "sandbox-chest-sex":  # which hardly changes the ratio, so that any reading's error is large beside it
        assert scores(task, "relative_ratio_error")["gain-only"].value == pytest.approx(1, abs=0.05)
    assert scores(task, "composition")["gain-only"].value == 0


def test_the_error_of_every_run_is_made_of_its_two_parts() -> None:
    for path, result in found():
        values = {score.metric: score.value for score in result.scores}
        if "counterfactual_error" in values:
            parts = values["effect_error"] ** 2 + values["side_effect"] ** 2
            assert values["counterfactual_error"] ** 2 == pytest.approx(parts, rel=1e-6, abs=1e-12), path


@pytest.mark.parametrize("task", JUDGED)
def test_the_judge_sees_the_truth_as_edited_and_a_copy_as_not(task: str) -> None:
    for metric in ("flip_rate", "target_auc"):
        values = scores(task, metric)
        assert beats(values["oracle"], values["copy-source"]), metric
    distance = scores(task, "target_distance")  # fifty cases a class of four: intervals of two rows may touch
    assert distance["oracle"].value < distance["copy-source"].value == pytest.approx(1, abs=1e-6)
