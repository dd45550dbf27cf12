"""The classifier's network: torchvision's own at its width, and the same with fewer channels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import CardError
from ldbench.score.metrics.classifier import restored_classifier, train_classifier
from ldbench.score.metrics.resnet18 import network_name, resnet18
from ldbench.task import card
from ldbench.task.metric_specs import ClassifierSpec, table_of
from tests.conftest import small_card
from tests.score.metrics.marked_classes import marked

CPU = torch.device("cpu")


def state(width: int, outputs: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return resnet18(outputs, CPU, width).state_dict()


def test_at_its_width_it_is_torchvisions() -> None:
    declare_missing_ops()
    from torchvision import models

    torch.manual_seed(0)
    published = models.resnet18(weights=None).state_dict()
    drawn = state(64)
    assert drawn.keys() == published.keys()
    assert all(torch.equal(drawn[name], published[name]) for name in drawn if not name.startswith("fc."))
    assert drawn["fc.weight"].shape == (3, 512)


def test_narrower_every_layer_has_its_share_of_the_channels() -> None:
    whole, half = state(64), state(32)
    assert half.keys() == whole.keys()
    for name, value in half.items():
        expected = [
            size if (name.startswith("fc.") and axis == 0) or size in (1, 3, 7) else size // 2
            for axis, size in enumerate(whole[name].shape)
        ]
        assert list(value.shape) == expected, name
    assert not half["fc.weight"].any()
    assert float(half["conv1.weight"].std()) == pytest.approx((2 / (32 * 49)) ** 0.5, rel=0.05)  # He et al. 2015
    network = resnet18(2, CPU, 16)
    assert network(torch.rand((2, 3, 32, 32))).shape == (2, 2)


@pytest.mark.parametrize("objective", ["cross-entropy", "auc-margin"])
def test_a_narrow_classifier_learns_and_is_restored(objective: str) -> None:
    images, labels = marked(1, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    recipe = ClassifierSpec(2, 8, 1e-3, objective=objective, margin_epochs=1, width=8)
    trained = train_classifier(images, index, classes=2, recipe=recipe, seed=0)
    copied = restored_classifier(trained.network.state_dict(), classes=2, recipe=recipe)
    assert torch.equal(copied.scores(images), trained.scores(images))
    assert len(trained.scores(images).unique()) > 2


def test_cards_of_before_keep_their_hash_and_too_narrow_is_refused(tmp_path: Path) -> None:
    assert "width" not in table_of(ClassifierSpec(1, 8, 1e-3))
    assert table_of(ClassifierSpec(1, 8, 1e-3, width=32))["width"] == 32
    metrics = "[metrics.auc]\nepochs = 1\nbatch_size = 8\nlearning_rate = 0.001\nwidth = 4\n"
    with pytest.raises(CardError, match=r"metrics\.auc\.width: expected 8 or more, got 4"):
        card.load(str(small_card(tmp_path, metrics=metrics)))


def test_another_width_has_another_name() -> None:
    assert network_name({"epochs": 8}) == network_name({"width": 64}) == "resnet18"
    assert network_name({"width": 32}) == "resnet18-of-32"
