"""The classifier itself: what it draws, and what it must not touch."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from ldbench.score.metrics import classifier
from ldbench.score.metrics.classifier import train_classifier
from ldbench.task.metric_specs import ClassifierSpec

from .test_auc import marked


def test_same_seed_same_scores_and_no_trace_in_the_global_state() -> None:
    images, labels = marked(7, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    before = torch.get_rng_state()

    def run(seed: int) -> torch.Tensor:
        return train_classifier(
            images, index, classes=2, recipe=ClassifierSpec(1, 8, 1e-3), seed=seed
        ).scores(images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
        first = run(3)
    torch.manual_seed(12345)
    assert torch.equal(run(3), first)
    assert not torch.equal(run(4), first)
    torch.set_rng_state(before)
    run(3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["blur", "noise", "veil"])
def test_degradations_are_drawn_up_to_the_recipe_and_runs_are_treated_alike(name: str) -> None:
    recipe = ClassifierSpec(1, 8, 1e-3, shift=0, **{name: 0.8 if name == "blur" else 0.3})
    flat = (0.5 + torch.arange(32.0) / 400)[:, None, None, None].expand(-1, 3, 16, 16).contiguous()
    edge = flat * torch.where(torch.arange(16) < 8, 0.9, 1.2)
    changed = classifier._degraded(edge, recipe, torch.Generator().manual_seed(0), repeats=2)
    difference = changed - edge
    strengths = {
        "blur": difference.abs().amax(dim=(1, 2, 3)), "noise": difference.flatten(1).std(dim=1),
        "veil": difference.mean(dim=(1, 2, 3)),
    }[name]
    assert 0 < float(strengths.max()) < 0.35
    assert len({round(float(each), 5) for each in strengths}) > 8  # each its own strength
    if name == "veil":
        assert torch.allclose(strengths[::2], strengths[1::2], atol=1e-6)
    assert torch.equal(changed, classifier._degraded(edge, recipe, torch.Generator().manual_seed(0), repeats=2))


def test_a_blur_is_a_gaussian() -> None:
    images = torch.rand((3, 3, 20, 20), generator=torch.Generator().manual_seed(0))
    blurred = classifier._blurred(images, torch.tensor([0.5, 1.0, 1.0]))
    expected = ndimage.gaussian_filter(images[1].numpy(), (0, 1.0, 1.0), mode="nearest", truncate=3)
    assert float((blurred[1] - torch.from_numpy(expected)).abs().max()) < 1e-5
    assert float((classifier._blurred(images, torch.zeros(3)) - images).abs().max()) < 1e-6


def test_without_degradations_nothing_is_drawn() -> None:
    images, random = torch.rand((4, 3, 8, 8)), torch.Generator().manual_seed(0)
    before = random.get_state()
    assert classifier._degraded(images, ClassifierSpec(1, 8, 1e-3), random, repeats=2) is images
    assert torch.equal(random.get_state(), before)
