"""Scores on real sandbox data: the reference rows stand where they must."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.api import Measured, Metric, MetricInputs, NoSettings, Score
from ldbench.board.gather import fold
from ldbench.errors import MetricError
from ldbench.plugins.kinds import METRICS
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from ldbench.run.verify.recompute import verify
from ldbench.score import scorer
from ldbench.score.arithmetic import tf32_operations
from ldbench.score.folders.inputs import FolderInputs
from ldbench.score.lazy_inputs import grey_as_rgb
from ldbench.score.metrics import laterality
from ldbench.score.returned import DefectError
from ldbench.score.scorer import measured
from tests.conftest import CARDS, CHEAP_METRICS, small_card

FEATURES = """
[metrics.fid]
extractor = "efficientnet-lite0"
resize = 64

[metrics.kid]
extractor = "efficientnet-lite0"
resize = 64
"""

NOTHING: Any = FolderInputs(device=torch.device("cpu"), seed=0, images={})
FOUR: Any = FolderInputs(device=torch.device("cpu"), seed=0, images={"generated": dict.fromkeys("abcd")})  # type: ignore[dict-item]


def scores(card: Path, model: str, out: Path) -> dict[str, Score]:
    result, _ = run(str(card), model, Settings(out))
    return {score.metric: score for score in result.scores}


def test_a_tint_does_not_count_on_a_grey_task_and_grey_stays_grey() -> None:
    grey = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    tinted = grey + torch.tensor([0.03, -0.01, -0.02]).view(3, 1, 1)
    torch.testing.assert_close(grey_as_rgb(grey), grey)
    torch.testing.assert_close(grey_as_rgb(tinted), grey)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(ValueError("odd"), "repair the metric"), (torch.OutOfMemoryError("odd"), "take a GPU with more memory, or --de"),
     (RuntimeError("odd: CUBLAS_STATUS_ALLOC_FAILED"), "take a GPU with more memory, or --de")],
)
def test_what_a_metric_raises_is_one_line_with_a_remedy(error: Exception, remedy: str) -> None:
    def compute(inputs: MetricInputs, settings: NoSettings) -> float:
        raise error

    metric = Metric("odd", "Odd", "Odd.", "lower", compute, "nothing")  # type: ignore[arg-type]
    line = rf"odd: raised {type(error).__name__}: {error} \(test_scorer.py:\d+\); {remedy}"
    with pytest.raises(MetricError, match=line):
        measured(metric, NOTHING, NoSettings())


def test_a_mean_is_cut_at_the_bounds_of_a_metric_that_nobody_registered() -> None:
    def compute(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
        return np.array([0.0, 0.0, 0.0, 1.0])

    metric = Metric("odd", "Odd", "Odd.", "lower", compute, "nothing", bounds=(0.0, 1.0))
    found = measured(metric, FOUR, NoSettings())
    assert (found.value, found.ci_low, found.ci_high) == (0.25, 0.0, 1.0)


@pytest.mark.parametrize("returned", [
    np.array([3.0, 4.0, 5.0, 6.0]), np.array([0.0, 2.0, 0.0, 3.0]), Measured("odd", 2.0, 1.5, 2.5, 4, "lower"),
    Measured("odd", 1.5, 0.5, 2.5, 4, "lower", mean=True), Measured("odd", -1.0, -2.0, -0.5, 4, "lower"),
])
def test_a_value_outside_the_bounds_is_the_metrics_fault(returned: Any) -> None:
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: returned, "nothing", bounds=(0.0, 1.0))
    said = r"^odd: expected a value within the metric's bounds \[0, 1\], got -?[\d.]+; repair compute, or the bounds$"
    with pytest.raises(DefectError, match=said):
        measured(metric, FOUR, NoSettings())


@pytest.mark.parametrize("returned", [
    np.full(4, 1 + 1e-9), Measured("odd", -0.001, -0.01, 0.008, 4, "lower"),
])
def test_rounding_and_an_unbiased_estimate_may_pass_the_bounds(returned: Any) -> None:
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: returned, "nothing", bounds=(0.0, 1.0))
    assert measured(metric, FOUR, NoSettings()).n == 4


@pytest.mark.parametrize("returned", [
    [0.1, 0.2, 0.3, 0.4], torch.tensor([0.1, 0.2, 0.3, 0.4]), np.array([True, False, True, True]), (1, 2, 3, 4),
])
def test_one_number_a_case_is_their_mean_whatever_holds_them(returned: Any) -> None:
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: returned, "nothing")
    found = measured(metric, FOUR, NoSettings())
    assert (found.value, found.n) == (pytest.approx(np.mean(np.asarray(returned))), 4)


@pytest.mark.parametrize(("returned", "got"), [
    (torch.ones(4, requires_grad=True), "Tensor that is no array: RuntimeError: Can't call numpy"),
    (torch.ones(4, device="meta"), "Tensor that is no array: "),
    ([0.1, [0.2, 0.3], 0.4, 0.5], "list that is no array: ValueError: "),
    ({"a": 0.1}, "dict; repair"), ("sharp", "str of <U5; repair"), (["a", "b", "c", "d"], "list of <U1; repair"),
    (None, "NoneType; repair"), (Score("odd", 0.5, 0.4, 0.6, 4, "lower"), "Score; repair"),
    (np.ones(4) + 1j, "ndarray of complex128; repair"), ([0.1, None, 0.2, 0.3], "list; repair"),
    (0.5, r"shape \(\); repair"), (np.ones((4, 1)), r"shape \(4, 1\); repair"),
    (np.ones(3), "3 for 4 cases; repair"), ([], "0 for 4 cases; repair"), (np.ones(5), "5 for 4 cases; repair"),
    ([0.1, float("nan"), 0.2, 0.3], "nan for b; repair"),
    ([float("-inf"), float("nan"), 0.2, float("inf")], "-inf for a, nan for b, inf for d; repair"),
    ([float("nan")] * 4, "nan for a, nan for b, nan for c and 1 more; repair"),
])
def test_what_is_no_finite_number_a_case_is_one_line(returned: Any, got: str) -> None:
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: returned, "nothing")
    expected = f"^odd: expected an ldbench.api.Measured or one finite number a case, got {got}"
    with pytest.raises(DefectError, match=expected) as caught:
        measured(metric, FOUR, NoSettings())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("field", "value", "said"), [
    ("n", 4.0, "n: expected an integer, got 4.0"), ("value", torch.tensor(0.5), "value: expected a finite number, "),
    ("extractor", 3, "extractor: expected a string, got 3"), ("parameters", [1], "parameters: expected a table, got"),
    ("parameters", {"k": [1, 2]}, "parameters.k: expected "), ("parameters", {"k": math.nan}, "parameters.k: "),
])
def test_a_score_that_no_result_file_can_hold_is_one_line(field: str, value: object, said: str) -> None:
    wrong: dict[str, Any] = {field: value}
    found = replace(Measured("odd", 0.5, 0.4, 0.6, 4, "lower"), **wrong)
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: found, "nothing")
    with pytest.raises(DefectError, match=f"^odd: Measured.{said}.*; repair the metric$"):
        measured(metric, FOUR, NoSettings())


@pytest.mark.parametrize(("contributions", "got"), [
    ({"cases": np.array([0.1, np.nan, -0.1, 0.0])}, "cases, got nan for place 1; repair"),
    ({"groups": [0.1, math.inf]}, "groups, got inf for place 1; repair"),
    ({"scans": np.ones((3, 1))}, r"scans, got shape \(3, 1\); repair"), ({"scans": 0.5}, r"scans, got shape \(\); re"),
    ({"scans": ["a"]}, "scans, got list of <U1; repair"), ({"scans": [1e70]}, r"scans, got 1e\+70 for place 0; repair"),
])
@pytest.mark.parametrize("of_part", [False, True])
def test_contributions_are_one_finite_number_a_unit(contributions: Any, got: str, of_part: bool) -> None:
    found = replace(Measured("odd", 0.5, 0.4, 0.6, 4, "lower"), contributions=contributions)
    found = replace(found, contributions={}, parts={"label": {"edema": found}}) if of_part else found
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: found, "nothing")
    with pytest.raises(DefectError, match=f"^odd: expected one finite number a unit as contributions of {got}"):
        measured(metric, FOUR, NoSettings())


@pytest.mark.parametrize(("field", "value", "said"), [
    ("contributions", np.ones(4), "a table as Measured.contributions, got ndarray"),
    ("parts", [1], "a table as Measured.parts, got list"),
    ("parts", {"label": [1]}, r"a table as Measured.parts\['label'\], got list"),
    ("parts", {"label": {"edema": 0.5}}, r"a Measured as parts\['label'\]\['edema'\], got float"),
])
def test_what_a_score_is_made_of_has_the_form_of_the_contract(field: str, value: object, said: str) -> None:
    wrong: dict[str, Any] = {field: value}
    found = replace(Measured("odd", 0.5, 0.4, 0.6, 4, "lower"), **wrong)
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: found, "nothing")
    with pytest.raises(DefectError, match=f"^odd: expected {said}; repair the metric$"):
        measured(metric, FOUR, NoSettings())


@pytest.mark.parametrize("added", [[0.1, 0.0, -0.1, 0.0], torch.tensor([0.5, 0.0, -0.5, 0.0]), (1, 0, -1, 0)])
def test_contributions_are_an_array_whatever_holds_them(added: Any) -> None:
    found = replace(Measured("odd", 0.5, 0.4, 0.6, 4, "lower"), contributions={"cases": added})
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: found, "nothing")
    kept = measured(metric, FOUR, NoSettings()).contributions["cases"]
    assert (kept.dtype, kept.tolist()) == (np.float64, np.asarray(added, np.float64).tolist())


def test_a_score_of_numbers_of_numpy_is_stored_as_pythons() -> None:
    half, four = np.float32(0.5), np.int64(4)
    of_numpy = Measured("odd", half, half, half, four, "lower", None, {"k": four})  # type: ignore[arg-type]
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: of_numpy, "nothing")
    score = measured(metric, FOUR, NoSettings()).score
    assert json.loads(json.dumps(asdict(score))) == asdict(Score("odd", 0.5, 0.5, 0.5, 4, "lower", None, {"k": 4}))


def test_values_of_a_further_pass_are_named_by_their_places() -> None:
    metric = Metric(
        "odd", "Odd", "Odd.", "lower", lambda inputs, settings: np.array([0.1, np.nan]), "nothing",
        needs=frozenset({"back"}),
    )
    with pytest.raises(DefectError, match=r"got nan for place 1; repair the metric"):
        measured(metric, FOUR, NoSettings())


def test_a_metric_is_computed_in_full_float32_whoever_asks_for_it() -> None:
    convolutions: Any = torch.backends.cudnn.conv
    rounded: list[list[str]] = []

    def compute(inputs: MetricInputs, settings: NoSettings) -> Measured:
        rounded.append(tf32_operations())
        return Measured("odd", 0.5, 0.4, 0.6, 3, "lower", None, {})

    metric, before = Metric("odd", "Odd", "Odd.", "lower", compute, "nothing"), convolutions.fp32_precision
    convolutions.fp32_precision = "tf32"
    try:
        measured(metric, NOTHING, NoSettings())
        assert (rounded, tf32_operations()) == ([[]], ["convolutions"])
    finally:
        convolutions.fp32_precision = before


LATERALITY = "\n[metrics.laterality]\n"  # brains' halves are too much alike for it


@pytest.mark.slow
def test_a_metric_that_the_images_refuse_takes_no_other_score_with_it(tmp_path: Path) -> None:
    card, said = str(small_card(tmp_path, metrics=CHEAP_METRICS + LATERALITY)), list[str]()
    result, path = run(card, "mean-image", Settings(tmp_path / "runs", say=said.append))
    assert [score.metric for score in result.scores] == [*tomllib.loads(CHEAP_METRICS)["metrics"]]
    assert result.note is not None
    assert result.note.startswith("not scored: laterality: expected 95% of the real test scans")
    assert said == [result.note]
    assert verify(path, task=card).verdict == "equal"
    rows = fold([(str(path), result)])["small"].rows
    assert rows[0].notes == (result.note,)


@pytest.mark.slow
def test_where_no_metric_is_left_the_refusal_is_the_error(tmp_path: Path) -> None:
    card = str(small_card(tmp_path, metrics=LATERALITY))
    with pytest.raises(MetricError, match="laterality: expected 95% of the real test scans"):
        run(card, "mean-image", Settings(tmp_path / "runs"))


@pytest.mark.slow
def test_no_row_is_ranked_for_want_of_the_search_for_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = replace(laterality.LATERALITY, unranks=lambda score: score.value > 0.5)
    kind = SimpleNamespace(load=lambda name: refusing if name == "laterality" else METRICS.load(name))
    monkeypatch.setattr(scorer, "METRICS", kind)
    card = str(small_card(tmp_path, metrics=CHEAP_METRICS + LATERALITY))
    with pytest.raises(MetricError, match="laterality: expected 95% of the real test scans"):
        run(card, "mean-image", Settings(tmp_path / "runs"))
    assert not list((tmp_path / "runs").rglob("result.json"))


def test_a_defect_of_a_metric_leaves_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*arguments: object) -> float:
        raise ValueError("odd")

    monkeypatch.setattr(laterality, "laterality_score", defect)
    card = str(small_card(tmp_path, metrics=CHEAP_METRICS + LATERALITY))
    with pytest.raises(MetricError, match="laterality: raised ValueError: odd"):
        run(card, "mean-image", Settings(tmp_path / "runs"))
    assert not list((tmp_path / "runs").rglob("result.json"))


@pytest.mark.parametrize("found", [np.ones(3), Measured("odd", 1, 1, 1, 3, "lower")])
def test_groups_by_units_need_a_function_that_measures_them(found: Measured) -> None:
    metric = Metric("odd", "Odd", "Odd.", "lower", lambda inputs, settings: found, "nothing", groups="units")
    with pytest.raises(MetricError, match=r"odd: expected a Measured with `within` for groups=\"units\""):
        measured(metric, NOTHING, NoSettings())


@pytest.mark.slow
def test_real_scans_beat_a_mean_image_on_distribution_metrics(tmp_path: Path) -> None:
    card = small_card(tmp_path, cases=40, metrics=FEATURES)
    real, mean = (scores(card, model, tmp_path / "runs") for model in ("real", "mean-image"))
    assert real["fid"].ci_high < mean["fid"].ci_low
    assert real["kid"].ci_high < mean["kid"].ci_low
    assert real["fid"].extractor == "efficientnet-lite0"
    assert real["fid"].n == 40


@pytest.mark.slow
def test_the_oracle_is_perfect_and_a_copy_is_not(tmp_path: Path) -> None:
    text = (CARDS / "sandbox-brain-aging.toml").read_text(encoding="utf-8").replace("cases = 200", "cases = 10")
    text = text.replace('id = "sandbox-brain-aging"', 'id = "small-aging"').replace("resize = 224", "resize = 64")
    text = text.replace("cases = 40", "cases = 10")  # of the null edits and of the edits back
    card = tmp_path / "small-aging.toml"
    card.write_text(text, encoding="utf-8")
    oracle, copy, mean = (scores(card, model, tmp_path / "runs") for model in ("oracle", "copy-source", "mean-image"))
    assert oracle["ssim"].value == pytest.approx(1)
    assert oracle["lpips"].value == pytest.approx(0, abs=1e-6)
    assert oracle["fid"].value == pytest.approx(0, abs=1e-3)
    assert oracle["psnr"].value == 100  # the cap for identical images, stated in the score
    assert copy["ssim"].value < 1
    assert copy["ssim"].ci_low > mean["ssim"].ci_high
    assert copy["lpips"].ci_high < mean["lpips"].ci_low
    assert copy["lpips"].value > 0
