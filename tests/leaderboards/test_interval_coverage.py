"""Simulated intervals cover about what they claim, and those that docs/measurements/intervals.md warns of do not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from ldbench.score.metrics.counterfactual_error import EditSums
from ldbench.score.metrics.intervals import Subjects, numbered
from leaderboards.coverage_of_edits import SIMULATED, STATISTICS, edit_row
from leaderboards.coverage_of_groups import gap_row
from leaderboards.coverage_of_labels import label_row
from leaderboards.coverage_of_planes import plane_row
from leaderboards.coverage_of_subjects import few_row, measures, of_subjects
from leaderboards.interval_coverage import neighbour_rows, rare_class_row

SUBJECTS, DRAWS = 30, 120


def coverage(name: str, images: int, shared: Subjects) -> float:
    measure = measures(SUBJECTS)[name]
    draws = (partial(of_subjects, SUBJECTS, images, np.random.default_rng(seed)) for seed in range(DRAWS))
    scores = [measure(draw, shared) for draw in draws]
    expected = float(np.mean([score.value for score in scores]))
    return float(np.mean([score.ci_low <= expected <= score.ci_high for score in scores]))


def out(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("images", [2, 4, 8])
@pytest.mark.parametrize("name", ["mean", "share", "AUC", "KID"])
def test_intervals_are_of_subjects(name: str, images: int) -> None:
    whose = numbered(np.repeat(np.arange(SUBJECTS), images).tolist())
    assert coverage(name, images, whose) >= 0.89
    if images == 8:
        assert coverage(name, images, None) < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_intervals_of_neighbours_of_other_subjects_hold(name: str) -> None:
    assert coverage(name, 4, numbered(np.repeat(np.arange(SUBJECTS), 4).tolist())) >= 0.89


def test_areas_near_1_of_few_subjects_have_intervals_that_are_too_narrow(capsys: pytest.CaptureFixture[str]) -> None:
    for subjects in (10, 50):
        few_row(subjects, 6, 0.9, 200)
    few, many = (float(line.split("|")[4].split()[0]) for line in out(capsys))
    assert few < 93 < many


def test_frechet_distances_leave_out_whole_subjects() -> None:
    whose = numbered(np.repeat(np.arange(SUBJECTS), 4).tolist())
    assert coverage("FID", 4, whose) >= 0.89 > coverage("FID", 4, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean", "share", "FID", "KID"])
def test_means_over_planes_of_the_same_volumes_are_covered(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    plane_row(name, measures(SUBJECTS)[name], SUBJECTS, 0.7, DRAWS)
    joint, apart = (float(line.split("|")[4].split()[0]) for line in out(capsys))
    assert joint >= 89 > 85 > apart


def test_planes_that_share_nothing_are_independent(capsys: pytest.CaptureFixture[str]) -> None:
    plane_row("mean", measures(SUBJECTS)["mean"], SUBJECTS, 0.0, DRAWS)
    joint, apart = (line.split("|")[7] for line in out(capsys))
    assert float(joint) == pytest.approx(float(apart), abs=0.05)


def test_an_area_over_planes_has_the_widest_interval(capsys: pytest.CaptureFixture[str]) -> None:
    plane_row("AUC", measures(SUBJECTS)["AUC"], SUBJECTS, 0.3, DRAWS)
    joint, apart = (float(line.split("|")[7]) for line in out(capsys))
    assert joint == pytest.approx(3**0.5 * apart, rel=0.1)
    assert joint > 1.2


def test_the_table_has_a_row_a_metric_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    neighbour_rows(30, 8, 6.0, 20, (None, 4.0))
    lines = out(capsys)
    assert [line.split(",")[0] for line in lines] == ["| precision", "| recall", "| density", "| coverage"]
    assert all("shift 6.0, Gaussian against t4 | 30 |" in line for line in lines)
    assert lines[0].endswith("| 0 | 100.0 +- 0.0 | 0.0 | 0.0 | - |")


def test_intervals_of_recall_are_too_narrow_far_off_and_those_of_coverage_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    neighbour_rows(50, 8, 2.5, 60, (None, 4.0))
    covered = {line.split()[1].strip(","): float(line.split("|")[4].split()[0]) for line in out(capsys)}
    assert covered["recall"] < 70 < 90 < covered["coverage"]


def test_mean_areas_over_labels_of_the_same_images_are_covered(capsys: pytest.CaptureFixture[str]) -> None:
    label_row(150, (0.5,) * 8, 1.0, 0.2, 200)
    [line] = out(capsys)
    assert "mean area of 8 labels 1.0 apart, 60 images of the rarest | 150 | 0.7602 |" in line
    assert 90 < float(line.split("|")[4].split()[0]) < 99
    assert 0.86 < float(line.split("|")[7]) < 1.14  # 0.72 if the areas were taken as independent


def test_areas_of_a_rare_class_are_covered_too_seldom_and_those_of_equal_classes_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for positives in (5, 100):
        rare_class_row(positives, 200 - positives, 0.95, 300)
    rare, equal = (float(line.split("|")[4].split()[0]) for line in out(capsys))
    assert rare < 86 < 92 < equal


def test_gaps_of_means_are_called_too_often_where_a_small_group_is_skewed(capsys: pytest.CaptureFixture[str]) -> None:
    for values, sizes in (("normal", (10, 190)), ("lognormal", (10, 190)), ("lognormal", (100, 100))):
        gap_row(values, sizes, 400)
    normal, skewed, equal = (float(line.split("|")[5]) for line in out(capsys))
    assert max(normal, equal) < 8 < skewed


@pytest.mark.parametrize("metric", STATISTICS)
def test_errors_of_edits_are_covered(metric: str, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(5)
    true, rest = random.gamma(2.0, size=200), random.gamma(2.0, size=200)
    effects = 0.6 + 0.2 * random.normal(size=200)
    sums = EditSums(effects**2 * true + rest, effects * true, true)
    edit_row(metric, "an edit", sums, 40, 200)
    [line] = out(capsys)
    assert float(line.split("|")[4].split()[0]) >= 90


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED)
def test_calibration_diversity_and_novelty_are_covered(name: str) -> None:
    measure, settings = SIMULATED[name]
    scores = [measure(np.random.default_rng(seed), 50, settings[-1]) for seed in range(40)]
    mean = float(np.mean([score.value for score in scores]))
    assert np.mean([score.ci_low <= mean <= score.ci_high for score in scores]) >= 0.85
