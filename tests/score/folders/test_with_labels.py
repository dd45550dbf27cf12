"""Folders whose images have several labels: the metrics that need these, their laws, and the values of each label."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ldbench.api import ImageSet, MetricAxis
from ldbench.board.folder_differences import differences
from ldbench.board.folder_seeds import over_seeds
from ldbench.data.images import write_image
from ldbench.errors import MetricError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders import classifiers, metrics
from ldbench.score.folders.classifiers import Lesson, judge_recipe, recipe_table
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.lines import lines_of
from ldbench.score.folders.measure import Folders, measure_folders
from ldbench.score.folders.metrics import default_metrics, lacking, named_metrics, of_classes, of_labels, only_named
from ldbench.score.metrics import judge_labels_auc
from ldbench.score.metrics.judge_labels_auc import LabelJudge, label_judge_of
from ldbench.score.metrics.labels_auc import LabelsSpec
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.task import card
from ldbench.task.metric_specs import JudgeSpec
from tests.conftest import small_card
from tests.score.folders.card_sets import sets_of
from tests.score.folders.disc_folders import CONTEXT, SIDE, measure_alone
from tests.score.folders.label_folders import fill_labelled, shown, write_labels

QUICK = {"epochs": "1", "width": "8"}
COUNT = 40
SMALL = {name: {"resize": str(SIDE)} for name in ("fid", "kid", "copied_share")}
BOTH = ("labels_auc", "judge_labels_auc")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images each of real, training and generated images, ten of each combination of two labels."""
    root = tmp_path_factory.mktemp("labels")
    for seed, name in enumerate(("real", "training", "generated")):
        fill_labelled(root / name, COUNT, seed)
    return root


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ScoringContext:
    """Features and judges are kept, so that tests share them."""
    return replace(CONTEXT, cache_folder=tmp_path_factory.mktemp("cache") / "features")


def with_labels(root: Path, generated: str = "generated", tables: Path | None = None, **options: Any) -> Folders:
    """The folders with their tables; those of another folder with `tables` for it."""
    given = {name: root / f"{name}.csv" for name in ("real", "generated", "training")}
    asked: Any = given | ({} if tables is None else {"generated": tables})
    return Folders(root / "real", root / generated, **{"labels": Labelled(asked), **options})


def test_labels_offer_metrics_that_train_and_are_measured_by_name_alone(root: Path) -> None:
    plain, labelled = Folders(root / "real", root / "generated").offered, with_labels(root).offered
    learnt = with_labels(root, training=root / "training").offered
    assert default_metrics(labelled)[0].keys() == default_metrics(plain)[0].keys()
    assert [only_named(each) for each in (plain, labelled)] == [[], ["labels_auc"]]
    assert set(only_named(learnt)) == {*BOTH}
    assert set(of_labels()) == {*BOTH}
    assert not {*of_labels()} & {*of_classes()}
    asked = named_metrics(["judge_accuracy", "auc", *BOTH])
    said = {name: lacking(metric, plain) for name, metric in asked.items()}
    assert said["judge_labels_auc"].endswith("give --training, which a judge learns from, and --labels")
    assert said["judge_accuracy"].endswith("give --training, which a judge learns from, and --classes")
    assert said["labels_auc"].endswith("give --labels, tables that say which labels images have")
    assert all(lacking(asked[name], learnt).endswith("give --classes") for name in ("judge_accuracy", "auc"))


@pytest.mark.parametrize("axis", ["condition", "fidelity"])
def test_a_metric_of_labels_that_trains_nothing_is_measured_where_these_are_said(
    axis: MetricAxis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(METRICS.load("ms_ssim_diversity"), name="own", axis=axis, needs=frozenset({"labels"}))
    monkeypatch.setattr(metrics, "_installed", lambda: ([own], {}))
    assert default_metrics(with_labels(root).offered)[0].keys() == {"own"}
    assert default_metrics(Folders(root / "real", root / "generated").offered)[0] == {}


def test_a_judge_reads_labels_that_images_show_and_says_how_well_it_tells_those_of_real_ones(
    root: Path, context: ScoringContext, tmp_path: Path
) -> None:
    flipped = write_labels(tmp_path / "flipped.csv", [(1 - disc, 1 - bar) for disc, bar in shown(COUNT)])
    enough = {"epochs": "16", "width": "8"}
    asked = with_labels(root, training=root / "training", by_label=True)
    settings = {"labels_auc": {**enough, "spread_seeds": "1"}, "judge": enough}
    right, wrong = (
        measure_alone(each, context, BOTH, settings=settings)
        for each in (asked, replace(asked, labels=with_labels(root, tables=flipped).labels))
    )
    assert right.refused == wrong.refused == {}
    for name in BOTH:
        assert right.values[name] > 0.9 > 0.1 > wrong.values[name]
        by_label = {label: {each.metric: each.value for each in scores} for label, scores in right.by_label.items()}
        assert right.values[name] == pytest.approx((by_label["disc"][name] + by_label["bar"][name]) / 2)
    judge = right.scores[1].parameters
    assert judge["judge_real_auc"] == wrong.scores[1].parameters["judge_real_auc"] > 0.9
    [said] = [line for line in lines_of(right) if line.startswith("the judge")]
    assert said == (
        f"the judge tells the labels of the real images with an AUC of {judge['judge_real_auc']:.2f} "
        f"({judge['judge_real_auc_per_label']}); 0.5 is guessing"
    )
    assert "labels: disc 20 of 40, bar 20 of 40 (real); disc 20 of 40, bar 20 of 40 (generated); " in "\n".join(
        lines_of(right)
    )
    assert (right.options["labels_auc:epochs"], right.options["judge:blur"]) == (16, 0.75)
    assert str(right.options["labels"]).startswith(f"real={root / 'real.csv'},generated={root / 'generated.csv'},")


def test_by_label_is_what_folders_of_those_images_have(root: Path, context: ScoringContext, tmp_path: Path) -> None:
    found = measure_alone(
        with_labels(root, training=root / "training", by_label=True), context, list(SMALL), settings=SMALL,
        per_image=tmp_path / "images.csv",
    )
    header, *lines = (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("image,disc,bar,copied_share,nearest_real,")
    assert [tuple(map(int, line.split(",")[1:3])) for line in lines] == shown(COUNT)
    for name in ("real", "generated"):
        (tmp_path / name).mkdir()
        for file, (disc, _) in zip(sorted((root / name).iterdir()), shown(COUNT), strict=True):
            if disc:
                shutil.copy(file, tmp_path / name)
    alone = measure_alone(
        Folders(tmp_path / "real", tmp_path / "generated", root / "training"), context, list(SMALL), settings=SMALL
    )
    assert list(found.by_label) == ["disc", "bar"]
    for of_label, score in zip(found.by_label["disc"], alone.scores, strict=True):
        assert of_label.metric == score.metric
        assert (of_label.value, of_label.ci_low, of_label.ci_high) == pytest.approx(
            (score.value, score.ci_low, score.ci_high)
        )
    record = json.loads(json.dumps(found.record))
    assert record["labels"]["generated"] == {name: {"with": 20, "known": 40} for name in ("disc", "bar")}
    assert record["by_label"].keys() == {"disc", "bar"}
    assert record["only_named"] == []


def test_rare_labels_and_other_shares_are_said(root: Path, context: ScoringContext, tmp_path: Path) -> None:
    few = write_labels(
        tmp_path / "few.csv", [(int(disc and index < 6), "") for index, (disc, _) in enumerate(shown(COUNT))]
    )
    asked = with_labels(root, tables=few, by_label=True)
    found = measure_alone(asked, context, ["fid", "labels_auc"], settings={
        "fid": SMALL["fid"], "labels_auc": {**QUICK, "spread_seeds": "1", "fewest": "3"},
    })
    rare, shares, *_ = (note for note in found.notes if "label" in note or "have" in note)
    assert rare.startswith("0 generated images are few for label bar: the value of fid within a label depends on how m")
    # of no generated image is bar known, so it has no share among them
    assert shares.startswith("50% of the real images and 8% of the generated ones have disc, of those where it is know")
    assert [score.metric for score in found.by_label["disc"]] == ["fid", "labels_auc"]
    assert found.by_label["bar"] == ()
    left_out = "labels left out: of labels_auc (bar: 0 cases have it and 0 have not)"
    assert left_out in list(lines_of(found))
    both = measure_folders(
        replace(asked, labels=Labelled({
            **asked.labels.given, "generated": root / "generated.csv",  # type: ignore[union-attr, dict-item]
        })),
        context, ["labels_auc"], settings={"labels_auc": {**QUICK, "spread_seeds": "1"}},
    )
    same_folder = replace(both[0], images={**both[0].images, "generated": found.images["generated"] | {"folder": "b"}})
    reasons = {each.metric: each.reason for each in differences([replace(found, options=both[0].options), same_folder])
               .left_out}
    assert reasons["labels_auc"].startswith("its interval counts the real images alone")
    another_seed = replace(same_folder, images={**same_folder.images, "generated": {"folder": "b", "sha256": "b"}})
    [seeds] = over_seeds({"drift": [replace(found, options=both[0].options), another_seed]}).methods
    assert seeds.left_out["labels_auc"].startswith("it is a mean over other labels, disc and disc, bar; give tho")


def test_several_generators_have_one_judge_and_a_difference_by_its_areas(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = list[int]()

    def counted(recipe: JudgeSpec, images: ImageSet, *given: Any, **options: Any) -> LabelJudge:
        judged.append(len(images))
        return label_judge_of(recipe, images, *given, **options)

    monkeypatch.setattr(judge_labels_auc, "label_judge_of", counted)
    other = fill_labelled(tmp_path / "other", COUNT, 5)
    asked = with_labels(root, training=root / "training", further=(other,))
    both = measure_folders(asked, CONTEXT, ["judge_labels_auc"], settings={"judge": QUICK})
    assert judged == [COUNT]
    [found] = differences(both).found
    one, two = (each.values["judge_labels_auc"] for each in both)
    assert found.difference == pytest.approx(two - one)
    assert found.ci_low < found.difference < found.ci_high


def test_a_draw_takes_the_labels_of_its_images_and_a_choice_of_labels_leaves_the_others(
    root: Path, context: ScoringContext
) -> None:
    labels = with_labels(root).labels
    assert labels is not None
    drawn = measure_alone(with_labels(root, images=12, labels=replace(labels, names=("bar",))), context, ["frd"])
    assert drawn.labels["real"].keys() == {"bar"}
    assert drawn.labels["real"]["bar"]["known"] == 12
    assert drawn.labels["real"]["bar"]["with"] < 12


def test_what_lacks_labels_or_has_classes_too_is_refused_in_a_line(root: Path, context: ScoringContext) -> None:
    folders = Folders(root / "real", root / "generated")
    with pytest.raises(UsageError, match="--by-label: expected labels of the images, got none; add --labels"):
        replace(folders, by_label=True)
    with pytest.raises(UsageError, match="--labels: expected one class an image or several labels, got --classes too"):
        with_labels(root, classes="folders")
    untaught: Any = {name: root / f"{name}.csv" for name in ("real", "generated")}
    asked = with_labels(root, labels=Labelled(untaught), training=root / "training")
    with pytest.raises(MetricError, match="expected labels of the training images, got none; give them in the tables"):
        measure_alone(asked, context, ["judge_labels_auc"], strict=True)
    with pytest.raises(UsageError, match="--set judge:objective: expected cross-entropy, the only one for labels, got"):
        measure_alone(
            replace(asked, real=root / "nowhere"), context, ["judge_labels_auc"],
            settings={"judge": {"objective": "auc-margin"}},
        )


def test_a_recipe_is_that_of_the_card_of_findings_and_shows_no_more_images_than_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_card = card.load("sandbox-chest-findings-t2i")
    assert LabelsSpec(**recipe_table(LabelsSpec, Lesson(64, 400), labels=True)) == of_card.metrics["labels_auc"]
    judge = judge_recipe({}, Lesson(64, 640), labels=True)
    assert of_card.judge == replace(judge, labels_sha256=of_card.judge and of_card.judge.labels_sha256)
    monkeypatch.setattr(classifiers, "_MOST_SHOWN", 6400)
    assert judge_recipe({}, Lesson(512, 640), labels=True).epochs == 10


CARD = """
[metrics.labels_auc]
width = 8
epochs = 2
batch_size = 32
learning_rate = 0.003

[metrics.judge_labels_auc]

[judge]
width = 8
epochs = 2
batch_size = 32
learning_rate = 0.003
blur = 1.5
noise = 0.05
veil = 0.05
"""
FINDINGS = ("sex=female", "diagnosis=AD")


@pytest.mark.slow
def test_scores_are_those_of_a_card_on_the_same_images(tmp_path: Path) -> None:
    path = small_card(tmp_path, cases=24, metrics=CARD)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[data]", f"[data]\nlabels = {json.dumps(FINDINGS)}"), encoding="utf-8")
    data, sets, shows = sets_of(path)
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "set", *FINDINGS])
        for name, images in sets.items():
            (tmp_path / name).mkdir()
            for image_id, image in images.items():
                write_image(image, tmp_path / name / f"{image_id}.png")
                of_image = (label.partition("=") for label in FINDINGS)
                rows.writerow([image_id, name, *(
                    int(shows[name][image_id][attribute] == value) for attribute, _, value in of_image
                )])
    scores = {each.metric: each for each in scores_of(inputs_of(data, sets["generated"], CONTEXT)).measured}
    recipe = {"epochs": "2", "width": "8"}
    found = measure_alone(
        Folders(
            tmp_path / "real", tmp_path / "generated", tmp_path / "training",
            labels=Labelled(tmp_path / "labels.csv"),
        ),
        CONTEXT, list(scores), settings={"labels_auc": {**recipe, "spread_seeds": "1"}, "judge": recipe},
    )
    assert found.refused == {}
    assert len(found.scores) == len(BOTH)
    for score in found.scores:
        expected = scores[score.metric]
        assert (score.value, score.ci_low, score.ci_high) == pytest.approx(
            (expected.value, expected.ci_low, expected.ci_high), rel=1e-6
        )
        assert score.parameters["observed_auc_per_label"] == expected.parameters["observed_auc_per_label"]
