"""AUC of classifiers trained on images with much, little or no content, and what the score says of them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ldbench.api import Measured, Score
from ldbench.errors import MetricError, UsageError
from ldbench.records.from_table import TypedError
from ldbench.records.identity import definition
from ldbench.score.metrics import auc, classifier_key
from ldbench.score.metrics.auc import auc_score
from ldbench.score.networks import kept_state
from ldbench.task.metric_specs import ClassifierSpec
from tests.score.metrics.marked_classes import SIZE, marked, names

pytestmark = pytest.mark.slow

WHOLE = ClassifierSpec(epochs=3, batch_size=16, learning_rate=1e-3)  # the cards' network
QUICK = replace(WHOLE, width=16)
TINY = replace(QUICK, epochs=1, batch_size=8, seed=4, spread_seeds=2)


def measured(
    folder: Path | None, recipe: ClassifierSpec = TINY, train: int = 1, test: int = 2, classes: int = 2, **more: object
) -> Measured:
    """A score of few images of low contrast, so that trainings differ; `more` replaces what it is given."""
    (images, labels), (test_images, test_labels) = (marked(seed, 12 * classes, classes, 0.2) for seed in (train, test))
    given = {"images": images, "labels": labels, "test_images": test_images, **more}
    return auc_score(
        given["images"], given["labels"], given["test_images"], test_labels, classes=names(classes), recipe=recipe,  # type: ignore[arg-type]
        folder=folder,
    )  # fmt: skip


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seed of every training that happens."""
    seen: list[int] = []
    real = auc.train_classifier

    def counted(*arguments: object, **settings: object) -> object:
        seen.append(settings["seed"])  # type: ignore[arg-type]
        return real(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(auc, "train_classifier", counted)
    return seen


class Foreign:
    """A set of another package, which knows how many of its images were asked for at once."""

    def __init__(self, images: torch.Tensor) -> None:
        self._images, self.most, self.shape = images, 0, images.shape

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> torch.Tensor:
        found = self._images[rows]
        self.most = max(self.most, len(found))
        return found


@pytest.mark.parametrize("pixel", [2.0, float("nan")])
def test_pixels_of_a_foreign_set_are_checked_by_rows(pixel: float) -> None:
    images, labels = marked(1, 150)
    images[-1, 0, 0, 0] = pixel
    foreign = Foreign(images)
    with pytest.raises(MetricError, match=rf"training pixels in \[0, 1\], got .*{pixel}"):
        auc_score(foreign, labels, images[:40], labels[:40], classes=names(2), recipe=QUICK)
    assert 0 < foreign.most <= 64


def test_learns_what_is_plain_to_see() -> None:
    images, labels = marked(1, 64)
    test_images, test_labels = marked(2, 40)
    score = auc_score(images, labels, test_images, test_labels, classes=names(2), recipe=WHOLE)
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


@pytest.mark.parametrize(("shade", "trainings"), [(0.0, 1), (1.0, 1), (None, 2)])
def test_images_without_content_give_one_half(shade: float | None, trainings: int) -> None:
    test_images, test_labels = marked(6, 40)
    one = test_images.mean(dim=0, keepdim=True) if shade is None else torch.full((1, 3, SIZE, SIZE), shade)
    score = auc_score(
        one.expand(48, -1, -1, -1), [f"class {i % 2}" for i in range(48)], test_images, test_labels,
        classes=names(2), recipe=replace(QUICK, spread_seeds=trainings),
    )  # fmt: skip
    assert score.value == 0.5
    assert score.parameters.get("observed_spread_sd", 0) == 0
    assert score.ci_low < 0.4 < 0.6 < score.ci_high


def test_trainings_differ_by_the_seeds_asked_for_and_their_spread_is_in_the_score() -> None:
    images, labels = marked(12, 24, strength=0.15)
    test_images, test_labels = marked(13, 40, strength=0.15)

    def score(seed: int, spread_seeds: int) -> Score:
        return auc_score(
            images, labels, test_images, test_labels, classes=names(2),
            recipe=ClassifierSpec(1, 8, 1e-3, width=16, seed=seed, spread_seeds=spread_seeds),
        )  # fmt: skip

    both = score(4, 2)
    alone = [score(seed, 1) for seed in (4, 5)]
    values = [each.value for each in alone]
    assert both.value == pytest.approx(np.mean(values), abs=1e-12)
    assert both.parameters["observed_spread_sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    assert both.parameters["observed_auc_per_seed"] == ", ".join(f"{value:.4f}" for value in values)
    assert float(both.parameters["observed_spread_sd"] or 0) > 0
    assert (both.parameters["seed"], both.parameters["spread_seeds"]) == (4, 2)
    assert "trainings" in str(both.parameters["interval"])
    assert "held fixed" in str(alone[0].parameters["interval"])
    assert not any(name.startswith("observed") for name in alone[0].parameters)


def test_what_was_seen_of_the_spread_does_not_keep_two_models_apart() -> None:
    spread = {"observed_spread_sd": 0.1, "observed_auc_per_seed": "0.5000, 0.6000"}
    scores = [Score("auc", 0.5, 0.4, 0.6, 8, "higher", "resnet18", {"epochs": 1, **more}) for more in (spread, {})]
    assert definition(scores[0]) == definition(scores[1])


def test_progress_runs_once_through_all_trainings() -> None:
    images, labels = marked(14, 8)
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        seen.append((stage, done, total))

    auc_score(
        images, labels, images, labels, classes=names(2), recipe=ClassifierSpec(2, 8, 1e-3, width=16, spread_seeds=2),
        progress=progress,
    )  # fmt: skip
    assert seen == [("classifier", done, 4) for done in (1, 2, 3, 4)]


def test_kept_scores_give_the_same_to_the_bit_without_a_training(tmp_path: Path, trainings: list[int]) -> None:
    for classes in (2, 3):
        plain, first, again = (measured(folder, classes=classes) for folder in (None, tmp_path, tmp_path))
        assert plain == first == again
        assert trainings == [4, 5] * 2
        trainings.clear()
    assert len(list(tmp_path.iterdir())) == 4
    alone = measured(tmp_path, replace(TINY, seed=5, spread_seeds=1))  # a training is kept, not a score
    assert alone == measured(None, replace(TINY, seed=5, spread_seeds=1))
    assert trainings == [5]


def test_any_other_input_trains_anew(
    tmp_path: Path, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(TINY, spread_seeds=1)
    images, labels = marked(1, 24, strength=0.2)
    brighter = images.clone()
    brighter[-1, 2, -1, -1] += 1e-6  # less than a grey level: an average over channels has such pixels
    others = [
        {}, {"images": brighter}, {"test_images": marked(2, 24, strength=0.2)[0].flip(0)},
        {"labels": labels[::-1]}, {"recipe": replace(recipe, shift=0)}, {"recipe": replace(recipe, seed=9)},
        {"classes": 3},
    ]  # fmt: skip
    for count, other in enumerate(others, start=1):
        for _ in range(2):
            measured(tmp_path, **{"recipe": recipe, **other})  # type: ignore[arg-type]
            assert len(trainings) == count
    for count, (owner, name) in enumerate(
        (
            (torch, "get_num_threads"), (torch.backends.cpu, "get_cpu_capability"), (kept_state, "arithmetic_of"),
            (kept_state, "digest_of"), (classifier_key, "training_table"),
        ), start=len(others) + 1,
    ):
        monkeypatch.setattr(owner, name, lambda *_: 99)
        measured(tmp_path, recipe)
        assert len(trainings) == count
    monkeypatch.setattr(torch, "__version__", "99")
    measured(tmp_path, recipe)
    assert len(trainings) == count + 1


def test_damaged_scores_are_not_trusted(tmp_path: Path, trainings: list[int]) -> None:
    recipe = replace(TINY, spread_seeds=1)
    expected = measured(tmp_path, recipe)
    (path,) = tmp_path.iterdir()
    whole, kept = path.read_bytes(), load_file(path)["scores"].clone()
    flipped = bytearray(whole)
    flipped[-1] ^= 64
    for count, broken in enumerate((b"", whole[:-8], bytes(flipped)), start=2):
        path.write_bytes(broken)
        assert measured(tmp_path, recipe) == measured(tmp_path, recipe) == expected
        assert len(trainings) == count
    assert torch.equal(load_file(path)["scores"], kept)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_auc_margin(classes: int) -> None:
    images, labels = marked(8, 60, classes=classes)
    test_images, test_labels = marked(9, 42, classes=classes)
    recipe = replace(WHOLE, width=32, objective="auc-margin", margin_epochs=6)
    score = auc_score(images, labels, test_images, test_labels, classes=names(classes), recipe=recipe)
    assert score.value > 0.8
    assert score.parameters["objective"] == "auc-margin"


def test_auc_margin_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libauc", None)
    monkeypatch.setitem(sys.modules, "libauc.losses", None)
    images, labels = marked(10, 8)
    recipe = ClassifierSpec(1, 32, 1e-3, objective="auc-margin")
    with pytest.raises(UsageError, match=r"pip install libauc"):
        auc_score(images, labels, images, labels, classes=names(2), recipe=recipe)


def test_bad_input_is_one_line() -> None:
    images, labels = marked(11, 8)
    with pytest.raises(MetricError, match=r"\['class 0', 'class 2'\], got \['class 1'\]"):
        auc_score(images, labels, images, labels, classes=["class 0", "class 2"], recipe=QUICK)
    with pytest.raises(MetricError, match=r"none of \['class 2'\]"):
        auc_score(images, labels, images, labels, classes=names(3), recipe=QUICK)
    with pytest.raises(MetricError, match="one a label"):
        auc_score(images[:5], labels, images, labels, classes=names(2), recipe=QUICK)
    with pytest.raises(MetricError, match=r"pixels in \[0, 1\]"):
        auc_score(images * 3, labels, images, labels, classes=names(2), recipe=QUICK)
    for name in ("epochs", "spread_seeds"):
        with pytest.raises(TypedError, match=f"{name}: expected 1 or more, got 0"):
            replace(QUICK, **{name: 0})


def test_a_group_of_scans_has_the_areas_of_the_same_classifiers(trainings: list[int]) -> None:
    scan_labels = marked(2, 48)[1]
    rows = np.arange(0, 44)[np.arange(44) % 4 < 2]
    images, labels = marked(1, 24, strength=0.2)
    whole = auc_score(
        images, labels, marked(2, 48, strength=0.2)[0], scan_labels, classes=names(2), recipe=TINY, folder=None
    )
    alone = auc_score(
        images, labels, marked(2, 48, strength=0.2)[0][rows.tolist()], [scan_labels[row] for row in rows],
        classes=names(2), recipe=TINY, folder=None,
    )
    trained = len(trainings)
    assert whole.within is not None
    found = whole.within(rows)
    assert (found.n, found.direction) == (22, "higher")
    assert found.degrees == alone.degrees is not None
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((alone.value, alone.ci_low, alone.ci_high))
    with pytest.raises(MetricError, match="auc: expected 10 or more cases of each class in a group, got 0"):
        whole.within(np.arange(0, 48, 2))
    assert len(trainings) == trained
