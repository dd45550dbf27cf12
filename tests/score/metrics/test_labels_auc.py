"""`labels_auc`: high where generated images hold every label, one half where they hold none, blind to the unknown."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError
from ldbench.score.metrics import label_areas, labels_auc
from ldbench.score.metrics.label_areas import Known
from ldbench.score.metrics.labels_auc import LabelsSpec, labels_auc_score
from ldbench.task.metric_specs import ClassifierSpec, table_of
from tests.score.metrics.marked_labels import NAMES, SIZE, marked

QUICK = LabelsSpec(epochs=3, batch_size=8, learning_rate=3e-3, width=16)


def named(labels: torch.Tensor) -> Known:
    return {name: column.double().numpy() for name, column in zip(NAMES, labels.T, strict=True)}


@pytest.mark.slow
def test_learns_labels_that_come_together_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = marked(3, 48)
    test_images, test_labels = marked(4, 40)
    test_labels[:3, 0] = torch.nan
    sets = (images, named(labels), test_images, named(test_labels))
    score = labels_auc_score(*sets, settings=replace(QUICK, spread_seeds=2), folder=tmp_path)
    assert score.value > 0.9
    assert score.ci_low < score.value <= score.ci_high
    assert (score.n, score.parameters["n_test"], score.parameters["labels"]) == (48, 40, "left, right")
    shown = str(score.parameters["observed_auc_per_label"])
    assert [part.split()[0] for part in shown.split("], ")] == ["left", "right"]
    assert np.mean([float(part.split()[1]) for part in shown.split("], ")]) == pytest.approx(score.value, abs=1e-4)
    assert set(score.contributions) == {"scans"}

    def never(*arguments: object, **named: object) -> None:
        pytest.fail("a training that is kept was done again")

    monkeypatch.setattr(labels_auc, "train_label_classifier", never)
    assert labels_auc_score(*sets, settings=replace(QUICK, spread_seeds=2), folder=tmp_path).value == score.value
    assert score.within is not None
    areas = Mock(side_effect=label_areas.area_of)
    monkeypatch.setattr(label_areas, "area_of", areas)
    all_rows = score.within(np.arange(40))
    assert (all_rows.value, all_rows.ci_low, all_rows.n) == (score.value, score.ci_low, 40)
    assert areas.call_count == 2 * len(NAMES)  # once of each label and training
    with pytest.raises(MetricError, match="expected 10 or more images of a group"):
        score.within(np.arange(12))


def test_one_image_under_every_label_gives_one_half() -> None:
    test_images, test_labels = marked(6, 40)
    one = test_images.mean(dim=0, keepdim=True).expand(44, -1, -1, -1)
    labels = (torch.rand((44, 2), generator=torch.Generator().manual_seed(0)) < torch.tensor([0.3, 0.5])).float()
    score = labels_auc_score(one, named(labels), test_images, named(test_labels), settings=QUICK)
    assert score.value == 0.5
    assert score.ci_low < 0.4 < 0.6 < score.ci_high


def test_an_image_of_which_no_label_is_known_changes_nothing() -> None:
    images, labels = marked(3, 24)
    test_images, test_labels = marked(4, 40)
    settings = replace(QUICK, epochs=1)
    score = labels_auc_score(images, named(labels), test_images, named(test_labels), settings=settings)
    more = torch.cat([images[:9], torch.ones((5, 3, SIZE, SIZE)), images[9:]])
    with_unknown = torch.cat([labels[:9], torch.full((5, 2), torch.nan), labels[9:]])
    again = labels_auc_score(more, named(with_unknown), test_images, named(test_labels), settings=settings)
    assert again == replace(score, within=again.within)


def test_equals_scikit_learns_area_of_the_trained_networks_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    real = labels_auc.train_label_classifier

    def train(*arguments: object, **named: object) -> object:
        trained = real(*arguments, **named)  # type: ignore[arg-type]
        seen.append(trained.scores(test_images))
        return trained

    monkeypatch.setattr(labels_auc, "train_label_classifier", train)
    images, labels = marked(3, 24, strength=0.1)
    test_images, test_labels = marked(4, 44, strength=0.1)
    settings = replace(QUICK, epochs=1, spread_seeds=2)
    score = labels_auc_score(images, named(labels), test_images, named(test_labels), settings=settings)
    assert score.value == pytest.approx(np.mean([roc_auc_score(test_labels, each, average="macro") for each in seen]))


def test_test_images_of_which_nothing_is_known_are_not_counted_and_those_of_a_subject_are_one() -> None:
    images, labels = marked(3, 24)
    test_images, test_labels = marked(4, 40)
    settings = replace(QUICK, epochs=1)
    sets = images, named(labels), torch.cat([test_images, test_images[:7]])
    unknown = torch.cat([test_labels, torch.full((7, 2), torch.nan)])
    score = labels_auc_score(*sets, named(unknown), settings=settings)
    assert (score.n, score.parameters["n_test"]) == (24, 40)
    assert score.within is not None
    assert score.within(np.arange(47)).n == 40
    fives = np.arange(47) // 5  # of eight subjects something is known
    with pytest.raises(MetricError, match=r"in subjects of test scans and in cases, got none \(left: \d subjects of"):
        labels_auc_score(*sets, named(unknown), settings=settings, subjects=fives)
    few = labels_auc_score(*sets, named(unknown), settings=replace(settings, fewest=5), subjects=fives)
    assert few.value == score.value
    with pytest.raises(MetricError, match="expected 10 or more subjects of a group"):
        few.within(np.arange(40))  # type: ignore[misc]


def test_labels_that_too_few_have_do_not_count_and_none_is_refused() -> None:
    images, labels = marked(3, 24)
    test_images, test_labels = marked(4, 40)
    test_labels[:, 1] = (torch.arange(40) < 4).float()
    score = labels_auc_score(images, named(labels), test_images, named(test_labels), settings=replace(QUICK, epochs=1))
    assert score.parameters["labels"] == "left"
    assert score.parameters["labels_left_out"] == "right: 4 test scans have it and 36 have not"
    with pytest.raises(MetricError, match="labels_auc: expected a label that 21 or more have, and as many have not"):
        labels_auc_score(
            images, named(labels), test_images, named(test_labels), settings=replace(QUICK, fewest=21)
        )


def test_cards_hash_every_setting_of_labels_at_defaults_too() -> None:
    assert table_of(QUICK) == asdict(QUICK)
    assert asdict(QUICK).keys() - asdict(ClassifierSpec(1, 8, 1e-3)).keys() == {"fewest"}
    assert replace(QUICK, blur=1.0).recipe == ClassifierSpec(3, 8, 3e-3, width=16, blur=1.0)


@pytest.mark.parametrize(
    ("change", "line"), [({"fewest": 0}, "fewest: expected 1 or more, got 0"), ({"epochs": 0}, "epochs: expected 1")]
)
def test_settings_that_nobody_can_train_by_are_refused(change: dict[str, int], line: str) -> None:
    with pytest.raises(TypedError, match=line):
        replace(QUICK, **change)
