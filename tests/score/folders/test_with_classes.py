"""Folders whose images have classes: the metrics that need these, their laws, and what trains when."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ldbench.board.folder_differences import differences
from ldbench.data.images import write_image
from ldbench.errors import MetricError, UsageError
from ldbench.score.folders import classifiers
from ldbench.score.folders.classifiers import Lesson, judge_recipe, recipe_table
from ldbench.score.folders.lines import lines_of
from ldbench.score.folders.measure import Folders, measure_folders
from ldbench.score.folders.metrics import default_metrics, only_named
from ldbench.score.folders.scores import FolderScores
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.task import card
from ldbench.task.metric_specs import ClassifierSpec, JudgeSpec
from tests.conftest import small_card
from tests.score.folders.card_sets import sets_of
from tests.score.folders.disc_folders import CLASSES, CONTEXT, SIDE, fill_classes, measure_alone, one

pytestmark = pytest.mark.slow

QUICK = {"epochs": "1", "width": "8"}
SETTINGS = {
    "intra_fid": {"resize": str(SIDE)}, "fid": {"resize": str(SIDE)}, "auc": {**QUICK, "spread_seeds": "1"},
    "judge": QUICK,
}
JUDGED = ("judge_accuracy", "judge_auc", "judge_calibration")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, 12 images each, of real, training and generated images."""
    root = tmp_path_factory.mktemp("classes")
    for seed, name in enumerate(("real", "training", "generated")):
        fill_classes(root / name, 12, seed)
    return root


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ScoringContext:
    """Features and judges are kept, so that tests share them."""
    return replace(CONTEXT, cache_folder=tmp_path_factory.mktemp("cache") / "features")


def with_classes(root: Path, generated: str = "generated", **options: Any) -> Folders:
    return Folders(root / "real", root / generated, **{"classes": "folders", **options})


def measured(asked: Folders, context: ScoringContext, *metrics: str) -> FolderScores:
    used = {*metrics, *(["judge"] if set(metrics) & set(JUDGED) else [])}
    given = {name: each for name, each in SETTINGS.items() if name in used}
    return measure_alone(asked, context, metrics, settings=given)


def test_classes_add_metrics_and_those_that_train_are_measured_by_name_alone(root: Path) -> None:
    plain, classed = Folders(root / "real", root / "generated").offered, with_classes(root).offered
    learnt = with_classes(root, training=root / "training").offered
    assert default_metrics(classed)[0].keys() - default_metrics(plain)[0].keys() == {"intra_fid"}
    assert [only_named(each) for each in (plain, classed)] == [[], ["auc"]]
    assert set(only_named(learnt)) == {"auc", *JUDGED}
    assert not default_metrics(learnt)[0].keys() & {"auc", *JUDGED}


def test_a_folder_beside_a_copy_of_itself_has_no_distance_and_shuffled_classes_have_one(
    root: Path, context: ScoringContext, tmp_path: Path
) -> None:
    shutil.copytree(root / "real", tmp_path / "copy")
    copy = one(measured(with_classes(root, str(tmp_path / "copy")), context, "intra_fid"))
    assert copy.value == pytest.approx(0, abs=1e-2)
    for label, other in zip(CLASSES, reversed(CLASSES), strict=True):
        (tmp_path / "half" / label).mkdir(parents=True)
        for place, file in enumerate(sorted((root / "generated" / label).iterdir())):
            source = root / "generated" / (other if place % 2 else label) / file.name
            shutil.copy(source, tmp_path / "half" / label / file.name)
    right, half = (
        measured(with_classes(root, place), context, "intra_fid", "fid").values
        for place in ("generated", str(tmp_path / "half"))
    )
    assert half["intra_fid"] > 1.5 * right["intra_fid"]
    assert half["fid"] == pytest.approx(right["fid"], rel=1e-6)


def test_names_of_classes_and_how_they_are_said_move_no_value(
    root: Path, context: ScoringContext, tmp_path: Path
) -> None:
    sets = ("real", "generated", "training")
    for name in sets:
        for label, new in zip(CLASSES, ("no finding", "pleural effusion"), strict=True):
            shutil.copytree(root / name / label, tmp_path / name / new)
    metrics = ("intra_fid", "ms_ssim_diversity", "auc", *JUDGED)
    by_folders = measured(with_classes(root, training=root / "training"), context, *metrics)
    renamed = measured(with_classes(tmp_path, training=tmp_path / "training"), context, *metrics)
    with (tmp_path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["class", "image"])
        rows.writerows([label, f"{label}/image-{place:03}.png"] for label in CLASSES for place in range(12))
    by_table = measured(
        with_classes(root, training=root / "training", classes=tmp_path / "table.csv"), context, *metrics
    )
    assert by_folders.refused == {}
    assert len(by_folders.scores) == len(metrics)
    assert by_table.scores == by_folders.scores
    for before, after in zip(by_folders.scores, renamed.scores, strict=True):
        assert (after.value, after.ci_low, after.ci_high) == (before.value, before.ci_low, before.ci_high)
    assert renamed.classes["training"] == {"no finding": 12, "pleural effusion": 12}


def test_a_judge_reads_classes_that_images_show_and_says_how_sure_it_is_of_real_ones(
    root: Path, context: ScoringContext, tmp_path: Path
) -> None:
    for label, other in zip(CLASSES, reversed(CLASSES), strict=True):
        shutil.copytree(root / "generated" / label, tmp_path / "swapped" / other)
    training = root / "training"
    further = Folders(
        root / "real", root / "generated", training, further=(tmp_path / "swapped",), classes="folders"
    )
    enough = {"epochs": "16", "width": "8"}
    right, swapped = measure_folders(
        further, context, ["auc", *JUDGED], settings={"auc": {**enough, "spread_seeds": "1"}, "judge": enough}
    )
    assert right.refused == swapped.refused == {}
    assert right.values["judge_accuracy"] == 1 - swapped.values["judge_accuracy"] == 1
    assert right.values["judge_auc"] > 0.99 > 0.01 > swapped.values["judge_auc"]
    assert right.values["auc"] > 0.9 > 0.1 > swapped.values["auc"]
    [on_real] = {each.parameters["judge_real_accuracy"] for found in (right, swapped) for each in found.scores[1:]}
    assert float(on_real) > 0.9
    said = f"the judge reads {on_real:.0%} of the real images right"
    assert f"{said}; 50% are right by guessing the largest class" in lines_of(right)
    uneven = replace(right, classes={"real": {"dark": 27, "bright": 3}})
    assert f"{said}; 90% are right by guessing the largest class" in lines_of(uneven)
    of_planes = replace(right, scores=(), by_plane=dict.fromkeys(("axial", "coronal"), right.scores))
    said = f"the judge reads {on_real:.0%} (axial), {on_real:.0%} (coronal) of the real images right"
    assert f"{said}; 50% are right by guessing the largest class" in lines_of(of_planes)
    assert {key: right.options[key] for key in ("classes", "judge:epochs", "judge:blur", "auc:shift")} == {
        "classes": "folders", "judge:epochs": 16, "judge:blur": 0.75, "auc:shift": 1,
    }
    compared = differences([right, swapped])
    assert {each.metric: each.verdict for each in compared.found}["judge_accuracy"] == "worse"
    reasons = {each.metric: each.reason for each in compared.left_out}
    assert reasons["auc"].startswith("its interval counts the real images alone")


def test_within_a_class_is_what_its_folders_have_alone(root: Path, context: ScoringContext) -> None:
    training = root / "training"
    asked = with_classes(root, training=training, by_class=True)
    metrics = ("fid", "kid", "fld", "ms_ssim_diversity", "intra_fid", "copied_share", "judge_accuracy", "judge_auc")
    settings = {name: each for name, each in SETTINGS.items() if name not in ("auc",)} | {
        name: {"resize": str(SIDE)} for name in ("kid", "fld", "copied_share")
    }
    found = measure_alone(asked, context, metrics, settings=settings)
    alone = measure_alone(
        Folders(root / "real" / CLASSES[1], root / "generated" / CLASSES[1], training), context, metrics[:3],
        settings={name: settings[name] for name in metrics[:3]},
    )
    assert list(found.by_class) == list(CLASSES)
    of_class = {score.metric: score for score in found.by_class[CLASSES[1]]}
    assert list(of_class) == [name for name in metrics if name != "judge_auc"]
    for score in alone.scores:
        same = of_class[score.metric]
        assert (same.value, same.ci_low, same.ci_high) == pytest.approx((score.value, score.ci_low, score.ci_high))
    values = [score.value for each in found.by_class.values() for score in each if score.metric == "intra_fid"]
    assert found.values["intra_fid"] == pytest.approx(np.mean(values))
    assert of_class["intra_fid"].value == pytest.approx(of_class["fid"].value)
    assert json.loads(json.dumps(found.record))["by_class"].keys() == set(CLASSES)
    with pytest.raises(UsageError, match="--by-class: expected classes of the images, got none; add --classes"):
        Folders(root / "real", root / "generated", by_class=True)


def test_small_classes_and_other_shares_are_said(root: Path, context: ScoringContext, tmp_path: Path) -> None:
    shutil.copytree(root / "generated", tmp_path / "few")
    for file in sorted((tmp_path / "few" / "dark").iterdir())[3:]:
        file.unlink()
    asked = with_classes(root, str(tmp_path / "few"))
    few, shares, *others = measured(asked, context, "intra_fid", "fid").notes[1:]
    assert few.startswith("3 generated images are few for class dark: the value of intra_fid depends on how many")
    assert shares.startswith(
        "50% of the real images and 80% of the generated ones are of class bright: the value of fid is worse for that"
    )
    assert others == []
    within = measured(replace(asked, by_class=True), context, "fid", "intra_fid").notes[1]
    assert within.startswith("3 generated images are few for class dark: the value of fid, intra_fid within a class")
    both = measure_folders(
        replace(asked, further=(root / "generated",), images=15), context, ["intra_fid"],
        settings={"intra_fid": SETTINGS["intra_fid"]},
    )
    [left_out] = differences(both).left_out
    assert left_out.reason.startswith("its value depends on the number of images of each class")
    (tmp_path / "few" / "dark" / "image-002.png").unlink()
    refused = measured(asked, context, "intra_fid").refused["intra_fid"]
    assert "expected 3 or more images of class dark in both sets, got 2" in refused


def test_what_lacks_classes_is_refused_in_a_line(root: Path, context: ScoringContext, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in (root / "training" / "dark").iterdir():
        shutil.copy(file, flat)
    asked = with_classes(root, training=flat)
    with pytest.raises(MetricError, match="expected a class of each training image, got none; put each in a subfolder"):
        measure_alone(asked, context, ["judge_auc"], strict=True)
    for name, given, said in (
        ("judge_auc", {"judge": {"epoch": "3"}}, "--set judge:epoch: unknown key; did you mean 'epochs'"),
        ("judge_auc", {"judge": {"spread_seeds": "3"}}, "--set judge:spread_seeds: expected 1, one judge for all"),
        ("auc", {"judge": QUICK}, "--set judge: expected a metric that asks a judge, got none"),
        ("auc", {"auc": {"epochs": "0"}}, "--set auc:epochs: expected 1 or more, got 0"),
    ):
        with pytest.raises(UsageError, match=said):
            measure_alone(replace(asked, real=root / "nowhere"), context, [name], settings=given)


def test_a_recipe_fits_the_side_and_shows_no_more_images_than_are_enough() -> None:
    chest = JudgeSpec(
        epochs=48, batch_size=32, learning_rate=0.001, blur=1.5, noise=0.05, veil=0.05, width=32
    )
    assert judge_recipe({}, Lesson(64, 800)) == chest == replace(
        card.load("sandbox-chest-t2i").judge or chest, sha256=None
    )
    of_card = card.load("sandbox-brain-t2i").metrics["auc"]
    assert ClassifierSpec(**recipe_table(ClassifierSpec, Lesson(64, 600))) == of_card
    large = judge_recipe({}, Lesson(512, 2660))
    assert (large.shift, large.blur, large.epochs) == (16, 12.0, 24)
    assert judge_recipe({}, Lesson(512, 61_000)).epochs == 4
    assert judge_recipe({"epochs": "7"}, Lesson(512, 61_000)).epochs == 7


def test_a_recipe_is_the_same_whatever_is_measured_beside_a_set(
    root: Path, context: ScoringContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_classes(tmp_path / "larger", 24, 2)
    monkeypatch.setattr(classifiers, "_MOST_SHOWN", 12 * 24)  # twelve epochs of the smaller set
    few = with_classes(root)
    settings = {"auc": {"width": "8", "spread_seeds": "1"}}
    [alone] = measure_folders(few, context, ["auc"], settings=settings)
    both = measure_folders(replace(few, further=(tmp_path / "larger",)), context, ["auc"], settings=settings)
    assert alone.options["auc:epochs"] == 12
    assert (both[0].scores, both[0].options) == (alone.scores, alone.options)
    assert [each.options["auc:epochs"] for each in both] == [each.scores[0].parameters["epochs"] for each in both]
    assert both[1].options["auc:epochs"] == 6
    [said] = [note for note in both[1].notes if "epochs" in note]
    assert said in both[0].notes
    assert said not in alone.notes
    assert said.endswith("give --set auc:epochs=6 to train alike")
    assert differences(both).left_out[0].reason.startswith("its interval counts the real images alone")
    with pytest.raises(UsageError, match="expected the options of"):
        differences([both[0], replace(both[1], options={**both[1].options, "side": 8})])


CARD = """
[metrics.intra_fid]
extractor = "efficientnet-lite0"
resize = 64

[metrics.ms_ssim_diversity]

[metrics.judge_accuracy]

[metrics.judge_calibration]

[metrics.auc]
width = 8
epochs = 1
batch_size = 32
learning_rate = 0.001

[judge]
width = 8
epochs = 1
batch_size = 32
learning_rate = 0.001
blur = 1.5
noise = 0.05
veil = 0.05
"""


@pytest.mark.slow
def test_scores_are_those_of_a_card_on_the_same_images(tmp_path: Path) -> None:
    path = small_card(tmp_path, cases=24, metrics=CARD)
    path.write_text(path.read_text(encoding="utf-8").replace('["CN", "AD"]', '["AD", "CN"]'), encoding="utf-8")
    data, sets, shows = sets_of(path)
    with (tmp_path / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "class", "set"])
        for name, images in sets.items():
            (tmp_path / name).mkdir()
            for image_id, image in images.items():
                write_image(image, tmp_path / name / f"{image_id}.png")
                rows.writerow([image_id, shows[name][image_id]["diagnosis"], name])
    scores = {each.metric: each for each in scores_of(inputs_of(data, sets["generated"], CONTEXT)).measured}
    found = measure_alone(
        Folders(tmp_path / "real", tmp_path / "generated", tmp_path / "training", classes=tmp_path / "classes.csv"),
        CONTEXT, list(scores), settings={
            "intra_fid": {"resize": "64"}, "auc": {**QUICK, "spread_seeds": "1"}, "judge": QUICK,
        },
    )
    assert found.refused == {}
    assert len(found.scores) == 5
    for score in found.scores:
        expected = scores[score.metric]
        assert (score.value, score.ci_low, score.ci_high) == pytest.approx(
            (expected.value, expected.ci_low, expected.ci_high), rel=1e-6
        )
