"""AUC and its interval against scikit-learn and DeLong's formula; the classifier on images with much or no content."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ldbench.errors import MetricError, UsageError
from ldbench.metrics.auc import auc_interval, auc_score
from ldbench.metrics.classifier import Recipe, predict

QUICK = Recipe(epochs=3, batch_size=16)
SIZE = 32


def marked(seed: int, n: int, classes: int = 2, strength: float = 0.6) -> tuple[torch.Tensor, list[str]]:
    """Noise with a bright square whose place tells the class."""
    random = torch.Generator().manual_seed(seed)
    images = torch.rand((n, 3, SIZE, SIZE), generator=random) * 0.4
    labels = [index % classes for index in range(n)]
    for image, label in zip(images, labels, strict=True):
        image[:, 10:20, 2 + 9 * label : 11 + 9 * label] += strength
    return images.clamp(0, 1), [f"class {label}" for label in labels]


def names(classes: int) -> list[str]:
    return [f"class {label}" for label in range(classes)]


@given(seed=st.integers(0, 2**31), n=st.integers(6, 60), classes=st.integers(2, 4), ties=st.booleans())
def test_value_equals_scikit_learn(seed: int, n: int, classes: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n) % classes)
    scores = random.normal(size=(n, classes)) + np.eye(classes)[labels]
    if ties:
        scores = scores.round()
    if classes == 2:
        expected = roc_auc_score(labels, scores[:, 1])
    else:
        expected = np.mean([roc_auc_score(labels == k, scores[:, k]) for k in range(classes)])
    interval = auc_interval(scores, labels)
    assert interval.value == pytest.approx(expected, abs=1e-12)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_interval_equals_delongs_formula_on_the_logit_scale() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(50) % 2
    score = random.normal(size=50) + labels
    positive, negative = score[labels == 1], score[labels == 0]
    wins = (positive[:, None] > negative).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / 25 + wins.mean(axis=0).var(ddof=1) / 25
    area = wins.mean()
    half = 1.959964 * variance**0.5 / (area * (1 - area))
    low, high = 1 / (1 + np.exp(-(np.log(area / (1 - area)) + np.array([-half, half]))))
    interval = auc_interval(np.stack([-score, score], axis=1), labels)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-6)


def test_interval_keeps_a_width_where_classes_are_separated_or_tied() -> None:
    labels = np.arange(40) % 2
    separated = auc_interval(np.stack([-labels, labels], axis=1), labels)
    assert separated.value == separated.high == 1
    assert 0.85 < separated.low < 0.97
    tied = auc_interval(np.zeros((40, 2)), labels)
    assert tied.value == 0.5
    assert 0.3 < tied.low < 0.4 < 0.6 < tied.high < 0.7


def test_non_finite_scores_are_an_error() -> None:
    with pytest.raises(MetricError, match="diverged"):
        auc_interval(np.array([[0.0, np.nan], [1.0, 0.0]]), np.array([0, 1]))


def test_learns_what_is_plain_to_see() -> None:
    images, labels = marked(1, 64)
    test_images, test_labels = marked(2, 40)
    score = auc_score(images, labels, test_images, test_labels, classes=names(2), recipe=QUICK)
    assert score.value > 0.9
    assert (score.n, score.direction, score.extractor) == (64, "higher", "resnet18")
    assert score.parameters["average"] == "binary"
    assert score.parameters["epochs"] == 3
    assert score.parameters["n_test"] == 40


def test_learns_three_classes_of_unequal_size() -> None:
    images, labels = marked(3, 72, classes=3)
    kept = [index for index, label in enumerate(labels) if label != "class 2" or index < 20]
    test_images, test_labels = marked(4, 45, classes=3)
    score = auc_score(images[kept], [labels[i] for i in kept], test_images, test_labels, classes=names(3), recipe=QUICK)
    assert score.value > 0.85
    assert score.parameters["average"] == "macro one-versus-rest"


@pytest.mark.parametrize("shade", [0.0, 1.0, None])
def test_images_without_content_give_one_half(shade: float | None) -> None:
    test_images, test_labels = marked(6, 40)
    one = test_images.mean(dim=0, keepdim=True) if shade is None else torch.full((1, 3, SIZE, SIZE), shade)
    score = auc_score(
        one.expand(48, -1, -1, -1), [f"class {i % 2}" for i in range(48)], test_images, test_labels,
        classes=names(2), recipe=QUICK,
    )  # fmt: skip
    assert score.value == 0.5
    assert score.ci_low < 0.4 < 0.6 < score.ci_high


def test_same_seed_same_scores_and_no_trace_in_the_global_state() -> None:
    images, labels = marked(7, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    before = torch.get_rng_state()

    def run(seed: int) -> torch.Tensor:
        return predict(images, index, images, classes=2, recipe=Recipe(epochs=1, batch_size=8), seed=seed)

    first = run(3)
    torch.manual_seed(12345)
    assert torch.equal(run(3), first)
    assert not torch.equal(run(4), first)
    torch.set_rng_state(before)
    run(3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("classes", [2, 3])
def test_auc_margin(classes: int) -> None:
    pytest.importorskip("libauc")
    images, labels = marked(8, 60, classes=classes)
    test_images, test_labels = marked(9, 42, classes=classes)
    recipe = Recipe(epochs=3, batch_size=16, margin_epochs=6)
    score = auc_score(
        images, labels, test_images, test_labels, classes=names(classes), recipe=recipe, objective="auc-margin"
    )
    assert score.value > 0.8
    assert score.parameters["objective"] == "auc-margin"


def test_auc_margin_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libauc", None)
    monkeypatch.setitem(sys.modules, "libauc.losses", None)
    images, labels = marked(10, 8)
    with pytest.raises(UsageError, match=r"ldbench\[auc-margin\]"):
        auc_score(images, labels, images, labels, classes=names(2), recipe=Recipe(epochs=1), objective="auc-margin")


def test_bad_input_is_one_line() -> None:
    images, labels = marked(11, 8)
    with pytest.raises(MetricError, match=r"unknown \['class 1'\]"):
        auc_score(images, labels, images, labels, classes=["class 0", "class 2"])
    with pytest.raises(MetricError, match=r"none of \['class 2'\]"):
        auc_score(images, labels, images, labels, classes=names(3))
    with pytest.raises(MetricError, match="one a label"):
        auc_score(images[:5], labels, images, labels, classes=names(2))
    with pytest.raises(MetricError, match=r"pixels in \[0, 1\]"):
        auc_score(images * 3, labels, images, labels, classes=names(2))
    with pytest.raises(MetricError, match="epochs >= 1"):
        auc_score(images, labels, images, labels, classes=names(2), epochs=0)
