"""The direction of an edit: a difference of means, zero for the null edit, its own for each case of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.editing.direction import edit_directions

from ldbench.api import Case, Edit
from tests.baselines.discs import CPU
from tests.baselines.edits import GROW, SHRINK


@pytest.fixture(scope="module")
def model(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), CPU)


def case(edit: Edit | None) -> Case:
    return Case("case", "", {}, edit=edit)


def test_it_is_the_difference_of_the_sentences_means(model: LatentDiffusion) -> None:
    (found,) = edit_directions(model, [case(GROW)])
    means = [
        torch.stack([model.embed([text])[0] for text in side]).mean(0)
        for side in (GROW.target_sentences, GROW.source_sentences)
    ]
    torch.testing.assert_close(found, means[0] - means[1], atol=1e-5, rtol=0)
    assert found.shape == (model.prompt_length, 32)
    assert float(found.abs().max()) > 1e-3


def test_the_null_edit_has_direction_zero(model: LatentDiffusion) -> None:
    assert not edit_directions(model, [case(None)]).any()


def test_the_way_back_is_the_opposite_and_each_case_has_its_own(model: LatentDiffusion) -> None:
    other = Edit("grey", "dark", "light", ("a dark disc",), ("a light disc",))
    cases = [case(GROW), case(None), case(SHRINK), case(other), case(GROW)]
    grow, none, shrink, light, again = edit_directions(model, cases)
    torch.testing.assert_close(shrink, -grow)
    assert torch.equal(again, grow)
    assert not none.any()
    assert not torch.allclose(light, grow, atol=1e-4)
    torch.testing.assert_close(light, edit_directions(model, [case(other)])[0], atol=1e-5, rtol=0)


def test_one_sentence_a_side_leads_to_the_target_caption(model: LatentDiffusion) -> None:
    edit = Edit("age", 70, 77, ("a disc of 70",), ("a disc of 77",))
    edited = model.embed(["a disc of 70"]) + edit_directions(model, [case(edit)])
    torch.testing.assert_close(edited, model.embed(["a disc of 77"]), atol=1e-5, rtol=0)
