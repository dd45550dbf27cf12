"""Metrics under viewing conditions: what they are computed from, and that scores say so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from ldbench.api import NoSettings, Score
from ldbench.data.task_data import network_files, task_data
from ldbench.errors import CardError
from ldbench.plugins.kinds import METRICS
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.change import PassSpec
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.fid import fid
from ldbench.score.metrics.kid import KernelSpec, kid
from ldbench.score.metrics.lpips import PerceptualSpec
from ldbench.score.metrics.set_distance import Dependence
from ldbench.score.networks.features import extract
from ldbench.score.networks.scan_network import network_of_scans
from ldbench.score.scorer import measured
from ldbench.score.viewing import as_viewed, point_spread
from ldbench.task import card
from ldbench.task.card import Viewing

VIEWING = Viewing(1.0, 0.02, "test")
NETWORK = "efficientnet-lite0"
PAIRED: dict[str, Any] = {
    "source_ssim": NoSettings(), "identity_ssim": NoSettings(), "identity_lpips": PerceptualSpec("stlpips-alex"),
    "minimality": NoSettings(), "composition": PassSpec(4), "error_inside": NoSettings(), "error_outside": NoSettings(),
}


@cache
def edits(viewing: Viewing | None) -> Inputs:
    """Six edits that are their neighbours' sources."""
    task = card.load("sandbox-brain-disease")
    protocol = replace(task.protocol, cases=6, evaluation_cases=6)
    data = task_data(replace(task, protocol=protocol, metrics=PAIRED, viewing=viewing), 0)
    sources = {case.id: case.source for case in data.cases if case.source is not None}
    results = dict(zip(sources, [*list(sources.values())[1:], *list(sources.values())[:1]], strict=True))
    null = {case.id.removesuffix(".null"): results[case.id.removesuffix(".null")] for case in data.null_cases()}
    return Inputs(device=torch.device("cpu"), seed=0, data=data, images=results, passes={"null": null})


def scored(metric: str, inputs: Inputs, settings: Any) -> Score:
    return measured(METRICS.load(metric), inputs, settings).score


@pytest.mark.slow
def test_distances_are_those_of_the_viewed_images() -> None:
    inputs = edits(VIEWING)
    seen = [extract(as_viewed(each, VIEWING), NETWORK, resize=32) for each in (inputs.real, inputs.generated)]
    frechet = scored("viewed_fid", inputs, DistributionSpec(NETWORK, 32))
    kernel = scored("viewed_kid", inputs, KernelSpec(NETWORK, 32))
    assert (frechet.value, kernel.value) == (fid(*seen), kid(*seen, dependence=Dependence(paired=True)))
    for score in (frechet, kernel):
        assert (score.parameters["viewing_blur"], score.parameters["viewing_noise"]) == (1.0, 0.02)
    raw = scored("fid", inputs, DistributionSpec(NETWORK, 32))
    assert raw.value != frechet.value
    assert "viewing_blur" not in raw.parameters


def test_the_distance_in_features_of_the_own_scans_is_fid_of_the_shipped_network() -> None:
    viewed = edits(VIEWING)
    recipe = card.load("sandbox-brain-t2i").scan_network
    assert recipe is not None
    inputs = replace(viewed, data=replace(viewed.data, task=replace(viewed.data.task, scan_network=recipe)))
    network = network_of_scans(recipe, viewed.data.dataset, shipped=network_files(viewed.data.task.data))
    score = scored("scan_fid", inputs, NoSettings())
    seen = [extract(as_viewed(each, VIEWING), network) for each in (inputs.real, inputs.generated)]
    assert score.value == fid(*seen)
    assert 0 <= score.ci_low < score.value < score.ci_high
    assert (score.extractor, score.n) == ("scan-network", 6)
    assert (score.parameters["weights_sha256"], score.parameters["viewing_blur"]) == (recipe.sha256, 1.0)


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_are_compared_after_the_point_spread_alone(name: str) -> None:
    viewed = scored(name, edits(VIEWING), PAIRED[name])
    assert viewed.parameters["viewing_blur"] == 1.0
    plain = edits(None)
    blurred = replace(
        plain, images={name: point_spread(image[None], VIEWING)[0] for name, image in plain.images.items()},
        passes={},
    )
    before = scored(name, plain, PAIRED[name])
    assert "viewing_blur" not in before.parameters
    assert viewed.value != before.value
    if name == "minimality":
        expected = (blurred.generated - point_spread(plain.sources, VIEWING)).abs().mean()
        assert viewed.value == pytest.approx(float(expected), rel=1e-5)


def test_a_card_without_viewing_conditions_can_not_ask_for_viewed_distances() -> None:
    card_text = 'extends = "sandbox-brain-t2i"\nomit = ["metrics", "viewing", "judge"]\n'
    card_text += 'id = "x"\nversion = 1\ntitle = "x"\nsummary = "x"\n'
    table = '[metrics.viewed_fid]\nextractor = "efficientnet-lite0"\nresize = 224\n'
    with pytest.raises(CardError, match="viewing: expected a table, as viewed_fid are taken under it"):
        card.parse(card_text + table, "x.toml")
    viewing = '[viewing]\nblur = 1.0\nnoise = 0.02\nreason = "test"\n'
    assert "viewed_fid" in card.parse(card_text + table + viewing, "x.toml").metrics
