"""How values were measured, in notes: metrics that were measured alike in one, numbers of images of both sets."""

from __future__ import annotations

import pytest

from ldbench.api import ParameterValue, Score
from ldbench.report.tables.metric_notes import few_notes, metric_notes


def score(metric: str, **parameters: ParameterValue) -> Score:
    return Score(metric, 0.5, 0.4, 0.6, 30, "lower", "network", {"interval": "jackknife", **parameters})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "n = 30"), ({"n_real": 12}, "n = 30 beside 12 real"), ({"n_test": 12}, "n = 30 beside 12 real"),
        ({"n_training": 40}, "n = 30 beside 40 of training"),
        ({"n_training": 40, "n_fresh": 12}, "n = 30 beside 12 real and 40 of training"),
        ({"viewing_blur": 1.0, "viewing_noise": 0.0}, "n = 30, seen with blur 1.0 and noise 0"),
    ],
)
def test_numbers_and_viewing_conditions_are_those_of_the_score(
    parameters: dict[str, ParameterValue], said: str
) -> None:
    assert metric_notes([score("fid", **parameters)]) == [f"fid \u2193: network, {said}, interval: jackknife"]


def test_metrics_that_were_measured_alike_share_a_line_and_settings_part_them() -> None:
    scores = [score("fid"), score("kid", n_real=9), score("frd"), score("coverage")]
    assert metric_notes(scores, {"coverage": {"k": 3, "resize": 64}}) == [
        "fid \u2193, frd \u2193: network, n = 30, interval: jackknife",
        "kid \u2193: network, n = 30 beside 9 real, interval: jackknife",
        "coverage \u2193: network, n = 30, k=3, resize=64, interval: jackknife",
    ]


def test_few_images_on_either_side_are_said_of_metrics_that_depend_on_their_number() -> None:
    many = [score("fid"), score("fid", n_real=20), score("lpips", n_real=3), score("of-another-package")]
    assert few_notes(many) == []
    few = [score("fid", n_real=19), score("kid", n_real=3), score("coverage", n_real=3), score("lpips")]
    [note] = few_notes(few)
    assert note.startswith("Fewer than 20 images: the value of fid, coverage depends on their number; compare it")
