"""The classifier itself: what it draws, and what it must not touch."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from scipy import ndimage

from ldbench.score.metrics import augmentation, classifier
from ldbench.score.metrics.classifier import train_classifier
from ldbench.task.metric_specs import ClassifierSpec
from tests.score.metrics.marked_classes import marked, watch_stage

SMALL = ClassifierSpec(1, 8, 1e-3, width=16, margin_epochs=1)


def scores_of(recipe: ClassifierSpec, classes: int = 2) -> torch.Tensor:
    """What a classifier that was trained on marked images says of others."""
    images, labels = marked(7, 24, classes)
    index = torch.tensor([int(label[-1]) for label in labels])
    trained = train_classifier(images, index, classes=classes, recipe=recipe, seed=3)
    return trained.scores(marked(8, 70, classes)[0])


@pytest.mark.parametrize(("classes", "objective"), [(3, "cross-entropy"), (2, "auc-margin")])
def test_a_training_that_runs_out_of_memory_gives_the_same_classifier(
    classes: int, objective: str, kept_on_host: list[bool], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe = replace(SMALL, objective=objective)
    expected = scores_of(recipe, classes)

    def watch(network: torch.nn.Module, given: torch.Tensor) -> None:
        if network.training and not kept_on_host:
            raise torch.OutOfMemoryError("told to")

    watch_stage(monkeypatch, watch)
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        assert torch.equal(scores_of(recipe, classes), expected)
    size = 8 // classes * classes
    goes_on = f"out of memory with {size} at a time, goes on with what the backward pass needs on the host"
    trainings = ["classifier", "classifier, AUC margin"][: 1 + (objective == "auc-margin")]
    assert caplog.messages == [f"{training}: {goes_on}" for training in trainings]


def test_scores_are_read_in_batches_that_fit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = scores_of(SMALL)

    def watch(network: torch.nn.Module, given: torch.Tensor) -> None:
        if not network.training and len(given) > 20:
            raise torch.OutOfMemoryError("told to")

    watch_stage(monkeypatch, watch)
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        scores = scores_of(SMALL)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1.5 * classifier._RESOLUTION)
    assert [line.partition("goes on with ")[2] for line in caplog.messages] == ["32", "16"]
    assert all(line.startswith("classifier's scores: ") for line in caplog.messages)


@dataclass
class Asked:
    """A set of images that notes how many rows it was asked for at a time."""

    images: torch.Tensor
    counts: list[int] = field(default_factory=list)

    @property
    def shape(self) -> torch.Size:
        return self.images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Any) -> torch.Tensor:
        found = self.images[rows]
        self.counts.append(len(found))
        return found


def test_images_are_asked_for_a_batch_at_a_time() -> None:
    """So no device holds a whole set, nor does the host."""
    images, labels = marked(7, 200)
    index, asked = torch.tensor([int(label[-1]) for label in labels]), Asked(images)
    trained = train_classifier(asked, index, classes=2, recipe=replace(SMALL, batch_size=40), seed=3)
    assert asked.counts == [40] * 5
    asked.counts.clear()
    trained.scores(asked)
    assert asked.counts == [64, 64, 64, 8]


def test_same_seed_same_scores_and_no_trace_in_the_global_state() -> None:
    images, labels = marked(7, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    before = torch.get_rng_state()

    def run(seed: int) -> torch.Tensor:
        return train_classifier(images, index, classes=2, recipe=SMALL, seed=seed).scores(images)

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
    changed = augmentation.degraded(edge, recipe, torch.Generator().manual_seed(0), repeats=2)
    difference = changed - edge
    strengths = {
        "blur": difference.abs().amax(dim=(1, 2, 3)), "noise": difference.flatten(1).std(dim=1),
        "veil": difference.mean(dim=(1, 2, 3)),
    }[name]
    assert 0 < float(strengths.max()) < 0.35
    assert len({round(float(each), 5) for each in strengths}) > 8  # each its own strength
    if name == "veil":
        assert torch.allclose(strengths[::2], strengths[1::2], atol=1e-6)
    assert torch.equal(changed, augmentation.degraded(edge, recipe, torch.Generator().manual_seed(0), repeats=2))


def test_a_blur_is_a_gaussian() -> None:
    images = torch.rand((3, 3, 20, 20), generator=torch.Generator().manual_seed(0))
    blurred = augmentation.blurred(images, torch.tensor([0.5, 1.0, 1.0]))
    expected = ndimage.gaussian_filter(images[1].numpy(), (0, 1.0, 1.0), mode="nearest", truncate=3)
    assert float((blurred[1] - torch.from_numpy(expected)).abs().max()) < 1e-5
    assert float((augmentation.blurred(images, torch.zeros(3)) - images).abs().max()) < 1e-6


def test_without_degradations_nothing_is_drawn() -> None:
    images, random = torch.rand((4, 3, 8, 8)), torch.Generator().manual_seed(0)
    before = random.get_state()
    assert augmentation.degraded(images, ClassifierSpec(1, 8, 1e-3), random, repeats=2) is images
    assert torch.equal(random.get_state(), before)
