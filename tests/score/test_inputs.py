"""Scoring an editing task: which images each metric meets, in the card's order, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from ldbench.api import NoSettings, Record, Score
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import MetricError, UnknownNameError
from ldbench.plugins.kinds import METRICS
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.attribute_error import AttributeSpec
from ldbench.score.metrics.change import PassSpec
from ldbench.score.metrics.lpips import PerceptualSpec
from ldbench.score.scorer import inputs_of, measured, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.viewing import point_spread
from ldbench.task import card
from ldbench.task.card import Task, Viewing
from ldbench.task.metric_specs import JudgeSpec
from tests.score.small_task import small, truths

CPU = ScoringContext(torch.device("cpu"), 0)
PIXELS: dict[str, Any] = {
    "ratio_error": AttributeSpec("sandbox-brain-ventricle-ratio"), "minimality": NoSettings(),
    "composition": PassSpec(4), "reversibility": PassSpec(4), "error_inside": NoSettings(),
    "error_outside": NoSettings(),
}
MORE: dict[str, Any] = {
    "ssim": NoSettings(), **PIXELS, "source_ssim": NoSettings(), "identity_ssim": NoSettings(),
}
JUDGED: dict[str, Any] = {"target_auc": NoSettings(), "flip_rate": NoSettings()}


@cache
def pixels() -> TaskData:
    return task_data(small(PIXELS), 0)


@cache
def more() -> TaskData:
    return task_data(small(MORE), 0)


def sources(data: TaskData) -> dict[str, torch.Tensor]:
    return {case.id: case.source for case in data.cases if case.source is not None}


def pass_of(data: TaskData, shift: float = 0.0) -> dict[str, torch.Tensor]:
    """The sources of the cases that a further pass is made of, brighter by `shift`."""
    ids = {case.id.removesuffix(".null") for case in data.null_cases()}
    return {name: (image + shift).clamp(0, 1) for name, image in sources(data).items() if name in ids}


def by_name(scores: list[Score]) -> Mapping[str, Score]:
    return {score.metric: score for score in scores}


def test_every_score_points_where_its_metric_says() -> None:
    data = more()
    passes = {"null": pass_of(data), "back": pass_of(data)}
    found = by_name(scores_of(inputs_of(data, sources(data), CPU, passes)).measured)
    assert {name: score.direction for name, score in found.items()} == {
        name: METRICS.load(name).direction for name in MORE
    }


def test_scores_come_in_the_cards_order_and_over_the_evaluation_cases() -> None:
    data = more()
    found = scores_of(inputs_of(data, truths(data), CPU, {"back": pass_of(data), "null": pass_of(data)})).measured
    assert [score.metric for score in found] == list(MORE)
    assert {score.metric: score.n for score in found} == {
        **dict.fromkeys(MORE, 6), "composition": 4, "reversibility": 4
    }
    region = {score.metric for score in found if score.parameters.get("region_threshold") == 0.05}
    assert region == {"identity_ssim", "error_inside", "error_outside"}


def test_each_metric_is_said_before_it_is_computed_and_some_can_be_chosen() -> None:
    said: list[tuple[str, int, int, str]] = []
    watched = replace(CPU, progress=lambda *told: said.append((*told, "")[:4]))
    chosen = scores_of(inputs_of(pixels(), truths(pixels()), watched), ["minimality", "ratio_error"])
    assert [one.metric for one in chosen.measured] == ["ratio_error", "minimality"]
    assert [told for told in said if told[0] == "score"] == [
        ("score", 0, 2, "ratio_error"), ("score", 1, 2, "minimality"), ("score", 2, 2, "")
    ]


def test_truth_and_copy_get_what_each_deserves_even_after_grey_as_rgb() -> None:
    data = more()
    of_both = (scores_of(inputs_of(data, images, CPU)).measured for images in (truths(data), sources(data)))
    oracle, copy = map(by_name, of_both)
    assert [oracle[name].value for name in ("error_inside", "error_outside", "ratio_error")] == [0, 0, 0]
    assert copy["minimality"].value == 0
    assert copy["identity_ssim"].value == copy["source_ssim"].value == pytest.approx(1, abs=1e-12)
    assert min(copy["error_inside"].value, copy["ratio_error"].value, oracle["minimality"].value) > 0


def test_captions_say_what_is_to_be_seen_and_not_what_is_to_be_done() -> None:
    edits = pixels()
    asked = inputs_of(edits, sources(edits), CPU)
    assert asked.captions == tuple(edits.by_id[case_id].target_prompt for case_id in asked.case_ids)
    assert edits.by_id[asked.case_ids[0]].prompt not in asked.captions
    plain = card.load("sandbox-brain-t2i")
    data = task_data(replace(plain, protocol=replace(plain.protocol, cases=6, evaluation_cases=4)), 0)
    asked = inputs_of(data, dict.fromkeys(data.by_id, torch.zeros(3, 64, 64)), CPU)
    assert len(asked.captions) == 4
    assert asked.captions == tuple(data.by_id[case_id].prompt for case_id in asked.case_ids)


def test_a_tint_does_not_count_on_a_grey_task_nor_in_its_passes() -> None:
    data = pixels()
    tint = torch.tensor([0.02, -0.01, -0.01])[:, None, None]
    grey = {name: image * 0.9 + 0.05 for name, image in sources(data).items()}
    some = {name: image for name, image in grey.items() if name in pass_of(data)}

    def scored(colour: torch.Tensor) -> Mapping[str, Score]:
        images, given = ({name: image + colour for name, image in each.items()} for each in (grey, some))
        return by_name(scores_of(inputs_of(data, images, CPU, {"null": given})).measured)

    plain, tinted = scored(torch.zeros(3, 1, 1)), scored(tint)
    for name in ("minimality", "composition", "error_inside"):
        assert tinted[name].value == pytest.approx(plain[name].value, abs=1e-6)


def test_passes_are_compared_with_the_sources_and_may_be_absent() -> None:
    data = pixels()
    passes = {"null": pass_of(data, 0.0), "back": pass_of(data, 0.1)}
    found = by_name(scores_of(inputs_of(data, truths(data), CPU, passes)).measured)
    assert found["composition"].value == 0
    assert 0.05 < found["reversibility"].value <= 0.1 + 1e-6
    without = scores_of(inputs_of(data, truths(data), CPU)).measured
    assert [score.metric for score in without] == [
        name for name in PIXELS if name not in ("composition", "reversibility")
    ]
    assert without == [found[score.metric] for score in without]
    only = scores_of(inputs_of(data, truths(data), CPU, {"back": pass_of(data)})).measured
    assert "reversibility" in by_name(only)
    assert "composition" not in by_name(only)


def test_a_pass_of_other_cases_is_refused() -> None:
    data = pixels()
    some = pass_of(data)
    first = next(iter(some))
    fewer = {name: image for name, image in some.items() if name != first}
    with pytest.raises(MetricError, match=r"pass null: expected the images of 4 cases, got 3, 1 missing and 0 unknown"):
        inputs_of(data, truths(data), CPU, {"null": fewer})
    with pytest.raises(MetricError, match=r"pass back: .* 1 missing and 1 unknown"):
        inputs_of(data, truths(data), CPU, {"back": {**fewer, "nobody": some[first]}})
    with pytest.raises(UnknownNameError, match=r"unknown pass 'nul': did you mean null"):
        inputs_of(data, truths(data), CPU, {"nul": some})


class FewScans(TaskData):
    """Two training scans of each class, for a judge that is trained in a moment."""

    def of_classes(self, split: str) -> list[Record]:
        records = super().of_classes(split)
        if split != "train":
            return records
        return [[one for one in records if one.attributes["diagnosis"] == label][place]
                for place in (0, 1) for label in ("CN", "AD")]


def copies(task: Task, known: bool = True) -> Inputs:
    """The copies of a few cases, with two training scans of each class for the judge."""
    data = pixels()
    few = FewScans(
        task, data.dataset, data.train, data.cases, data.evaluation_ids, data.truth if known else None, data.editing
    )
    return Inputs(device=CPU.device, seed=0, data=few, images=sources(data), passes={})


def scored(metric: str, inputs: Inputs) -> Score:
    return measured(METRICS.load(metric), inputs, inputs.data.task.metrics.get(metric, NoSettings()))


def test_without_truth_identity_is_over_the_whole_image_and_errors_are_refused() -> None:
    metrics = {**PIXELS, "identity_ssim": NoSettings(), "identity_lpips": PerceptualSpec("stlpips-alex")}
    unknown = copies(small(metrics), known=False)
    for name in ("identity_ssim", "identity_lpips"):
        score = scored(name, unknown)
        assert score.parameters["region"] == "whole image"
        assert "region_threshold" not in score.parameters
    for name in ("error_inside", "error_outside", "ratio_error"):
        with pytest.raises(MetricError, match="sandbox-brain-disease: a metric of the card needs true images"):
            scored(name, unknown)


def test_the_card_chooses_estimator_and_network() -> None:
    chosen = copies(small({**PIXELS, "ratio_error": AttributeSpec("sandbox-brain-age")}))
    assert scored("ratio_error", chosen).parameters["unit"] == "years"
    with pytest.raises(UnknownNameError, match="unknown estimator 'nothing'"):
        scored("ratio_error", copies(small({**PIXELS, "ratio_error": AttributeSpec("nothing")})))


def test_both_judged_metrics_share_one_judge_of_the_cards_recipe() -> None:
    chosen = copies(small(JUDGED, judge=JudgeSpec(1, 4, 0.002, width=16, seed=7)))
    auc, flips = (scored(name, chosen) for name in ("target_auc", "flip_rate"))
    assert chosen.judged is chosen.judged
    for score in (auc, flips):
        assert score.extractor == "resnet18-of-16"
        assert score.parameters["learning_rate"] == 0.002
        assert (score.parameters["judge_initialisation"], score.parameters["judge_scans"]) == (7, 4)
    with pytest.raises(MetricError, match=r"judge.spread_seeds: expected 1"):
        scored("flip_rate", copies(small(JUDGED, judge=JudgeSpec(1, 4, 0.001, width=16, spread_seeds=2))))


def test_a_text_task_has_no_sources_to_compare_with() -> None:
    task = replace(card.load("sandbox-brain-t2i"), metrics={"minimality": NoSettings()})
    data = task_data(task, 0)
    images = dict.fromkeys((case.id for case in data.cases), torch.zeros(3, 64, 64))
    with pytest.raises(MetricError, match="a metric of the card needs sources, which text-to-image has not"):
        scores_of(inputs_of(data, images, CPU))


def test_judges_are_kept_beside_the_features(tmp_path: Path) -> None:
    assert ScoringContext(torch.device("cpu"), 0, tmp_path / "features").judge_folder == tmp_path / "judges"
    assert CPU.judge_folder is None


def test_under_viewing_conditions_images_are_blurred_and_region_and_judge_are_not() -> None:
    task = replace(small({}), viewing=Viewing(1.0, 0.02, "test"))
    inputs = copies(task)
    viewed = inputs.viewed
    assert viewed.viewed is viewed
    assert viewed.viewing_parameters == {"viewing_blur": 1.0, "viewing_noise": 0.02}
    assert not inputs.viewing_parameters
    for name in ("generated", "real", "sources", "truths"):
        assert torch.equal(getattr(viewed, name), point_spread(getattr(inputs, name), Viewing(1.0, 0.0, "test")))
    assert inputs.region is not None
    assert viewed.region is not None
    assert torch.equal(viewed.region, inputs.region)
    assert viewed.network_parameters("efficientnet-lite0", 32)["viewing_noise"] == 0.02
    assert "viewing_noise" not in inputs.network_parameters("efficientnet-lite0", 32)


def test_a_generator_has_seen_the_scans_of_all_classes_and_edits_their_answers_too() -> None:
    samples = task_data(replace(card.load("sandbox-brain-t2i"), metrics={}), 0)
    blank = dict.fromkeys((case.id for case in samples.cases), torch.zeros(3, 64, 64))
    images, ids = Inputs(device=CPU.device, seed=0, data=samples, images=blank, passes={}).seen_scans()
    assert (len(images), set(ids)) == (len(ids), {record.id for record in samples.dataset.select("train")})
    assert len(ids) > len(samples.of_classes("train"))
    edits = copies(small({}))
    _, ids = edits.seen_scans()
    assert {"scan", "later"} == {record.role for record in edits.data.dataset.records if record.id in ids}
    assert edits.case_ids == tuple(edits.data.evaluation_ids)


def test_without_viewing_conditions_the_inputs_are_themselves() -> None:
    inputs = copies(small({}))
    assert inputs.viewed is inputs
