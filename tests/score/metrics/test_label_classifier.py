"""The classifier of labels: it learns several at once, learns nothing where there is nothing, and heeds the unknown."""

from __future__ import annotations

import math

import pytest
import torch

from ldbench.score.metrics.label_classifier import (
    label_loss,
    restored_label_classifier,
    train_label_classifier,
)
from ldbench.task.metric_specs import ClassifierSpec
from tests.score.metrics.marked_labels import marked

RECIPE = ClassifierSpec(1, 8, 1e-3, width=16)


def known(seed: int = 0, n: int = 12, labels: int = 3) -> torch.Tensor:
    values = (torch.rand((n, labels), generator=torch.Generator().manual_seed(seed)) < 0.4).float()
    values[0], values[1] = 1, 0
    return values


def test_same_seed_same_scores_restored_ones_too_and_no_trace_in_the_global_state() -> None:
    images, labels = marked(7, 24)
    before = torch.get_rng_state()
    first = train_label_classifier(images, labels, recipe=RECIPE, seed=3)
    scores = first.scores(images)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(12345)
    assert torch.equal(train_label_classifier(images, labels, recipe=RECIPE, seed=3).scores(images), scores)
    assert not torch.equal(train_label_classifier(images, labels, recipe=RECIPE, seed=4).scores(images), scores)
    restored = restored_label_classifier(first.network.state_dict(), labels=2, recipe=RECIPE)
    assert torch.equal(restored.scores(images), scores)


@pytest.mark.parametrize("count", [17, 33])
def test_no_batch_is_left_with_one_image(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch norm can't be computed of one image's single value, which a remainder of one would be."""
    from ldbench.score.metrics import label_classifier

    sizes, real = [], label_classifier.augmented

    def noted(images: torch.Tensor, recipe: ClassifierSpec, random: torch.Generator, repeats: int) -> torch.Tensor:
        assert repeats == len(images)  # all are treated alike
        sizes.append(len(images))
        return real(images, recipe, random, repeats)

    monkeypatch.setattr(label_classifier, "augmented", noted)
    images, labels = marked(7, count)
    train_label_classifier(images, labels, recipe=RECIPE, seed=0)
    assert sum(sizes) == count
    assert max(sizes) <= RECIPE.batch_size
    assert max(sizes) - min(sizes) <= 1


def test_what_nobody_knows_pulls_at_nothing() -> None:
    logits = torch.randn((12, 3), generator=torch.Generator().manual_seed(0), requires_grad=True)
    values = known()
    values[5], values[:, 2] = torch.nan, 1  # an image of which nothing is known, and a label without a second answer
    label_loss(logits, values).backward()
    assert logits.grad is not None
    assert not logits.grad[5].any()
    assert not logits.grad[:, 2].any()
    assert logits.grad[0, :2].all()


def test_both_answers_weigh_the_same_and_what_is_common_to_a_batch_counts_nothing() -> None:
    logits, values = torch.zeros((12, 3), requires_grad=True), known()
    loss = label_loss(logits, values)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2))
    assert logits.grad is not None
    for label in range(3):
        has = values[:, label] == 1
        assert float(logits.grad[has, label].sum()) == pytest.approx(-1 / 12, abs=1e-7)
        assert float(logits.grad[~has, label].sum()) == pytest.approx(1 / 12, abs=1e-7)
    moved = torch.randn((12, 3), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(label_loss(moved + 5, values), label_loss(moved, values))


def test_one_image_under_every_label_moves_the_last_layer_by_nothing() -> None:
    """Round-off times what the features have in common moved it by 1e-7 in some steps, and scores in some hundreds."""
    one = marked(7, 1)[0].expand(24, -1, -1, -1)
    recipe = ClassifierSpec(2, 8, 3e-3, width=16)
    network = train_label_classifier(one, known(n=24), recipe=recipe, seed=0).network
    assert float(network.get_submodule("fc").weight.detach().abs().max()) < 1e-10
