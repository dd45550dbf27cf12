"""Two folders of images: the scores of a task card without one, and one line on what folders cannot give."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ldbench.api import Metric, MetricInputs, NoSettings
from ldbench.data.images import write_image
from ldbench.data.task_data import task_data
from ldbench.errors import ImageError, PluginError, UnknownNameError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.plugins.registry import PluginEntry, PluginKind
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.metrics import default_metrics
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.task import card
from ldbench.task.card import ViewingConditions
from tests.conftest import small_card
from tests.score.folders.disc_folders import CONTEXT, fill, measure_alone, measured, one

pytestmark = pytest.mark.slow

CARD = """
[metrics.fid]
extractor = "efficientnet-lite0"
resize = 64

[metrics.frd]

[metrics.coverage]
extractor = "efficientnet-lite0"
resize = 64

[metrics.copied_share]
extractor = "efficientnet-lite0"
resize = 64

[viewing]
blur = 1.0
noise = 0.02
reason = "a test"
"""


BUILT_IN = {entry.name for entry in METRICS.entries() if entry.distribution == "ldbench"}


def _nearest(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    training, _ = inputs.lazy.seen_scans()
    images, scans = (each[:].flatten(1).double() for each in (inputs.lazy.generated, training))
    return torch.cdist(images, scans).min(dim=1).values.numpy()


NEAREST = Metric(
    "nearest", "Nearest", "Distance to the nearest training image.", "higher", _nearest, "generated images",
    needs=frozenset({"training"}), axis="novelty",
)


@pytest.mark.slow
def test_scores_are_those_of_a_card_on_the_same_images(tmp_path: Path) -> None:
    task = card.load(str(small_card(tmp_path, cases=20, metrics=CARD)))
    data = task_data(task, 0)
    training, test = (
        {one.id: torch.from_numpy(data.dataset.image(one)) for one in split}
        for split in (data.dataset.only("train").records[:40], data.of_classes("test"))
    )
    data = replace(data, train=replace(data.train, records=data.train.records[:40]))
    images = dict(zip((case.id for case in data.cases), training.values(), strict=False))
    for name, of_name in (("real", test), ("generated", images), ("training", training)):
        (tmp_path / name).mkdir()
        for image_id, image in of_name.items():
            write_image(image, tmp_path / name / f"{image_id}.png")
    scores = {one.metric: one for one in scores_of(inputs_of(data, images, CONTEXT)).measured}
    found = measure_alone(
        Folders(tmp_path / "real", tmp_path / "generated", tmp_path / "training", viewing=task.viewing), CONTEXT,
        list(scores), settings={name: {"resize": "64"} for name in ("fid", "coverage", "copied_share")},
    )
    assert found.refused == {}
    for score in found.scores:
        expected = scores[score.metric]
        assert score.value == pytest.approx(expected.value, rel=1e-9)
        assert (score.ci_low, score.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), rel=1e-9)
        assert score.parameters == pytest.approx(expected.parameters)
    assert scores["copied_share"].value == 1


def test_each_question_is_asked_where_the_folders_allow_it(folders: Path) -> None:
    def asked(**options: object) -> set[str]:
        offered = Folders(folders / "real", folders / "generated", **options).offered  # type: ignore[arg-type]
        return default_metrics(offered)[0].keys() & BUILT_IN

    plain = asked()
    assert plain == {
        "fid", "kid", "mmd", "frd", "precision", "density", "recall", "coverage", "vendi", "ms_ssim_diversity",
    }
    assert asked(training=folders / "training") - plain == {"fld", "copied_share", "authpct", "ct"}
    assert asked(paired=True) - plain == {"ssim", "psnr", "lpips"}
    assert asked(viewing=ViewingConditions(1, 0)) - plain == {"viewed_fid", "viewed_kid"}


@pytest.mark.parametrize("installed", [True, False])
def test_a_plug_ins_metric_of_training_images_is_asked_where_there_are_some(
    installed: bool, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> Metric:
        if not installed:
            raise PluginError(f"metric {name!r} can't be loaded: no numpy; install what it imports")
        return NEAREST

    mine = PluginEntry("nearest", "my-package", "1", "mine:NEAREST")
    monkeypatch.setattr(PluginKind, "entries", lambda _: [mine])
    monkeypatch.setattr(PluginKind, "load", lambda _, name: load(name))
    plain = Folders(folders / "real", folders / "generated")
    with_training = replace(plain, training=folders / "training")
    if not installed:  # the others would be measured
        assert "install what it imports" in measure_alone(plain, CONTEXT).refused["nearest"]
        return
    assert measure_alone(plain, CONTEXT).scores == ()
    assert one(measure_alone(with_training, CONTEXT)).metric == "nearest"
    with pytest.raises(UsageError, match="--metric nearest: expected training images, got none; give --training"):
        measure_alone(plain, CONTEXT, ["nearest"])


def test_copies_are_found_beside_training_images(folders: Path) -> None:
    shutil.copytree(folders / "training", folders / "copies")
    training = folders / "training"
    assert one(measured(folders, "copied_share", training=training)).value < 0.3
    assert one(measured(folders, "copied_share", generated="copies", training=training)).value == 1
    assert one(measured(folders, "authpct", generated="copies", training=training)).value == 0


def test_viewing_conditions_hold_for_metrics_that_have_them(folders: Path) -> None:
    seen = one(measured(folders, "coverage", viewing=ViewingConditions(1.0, 0.02)))
    assert (seen.parameters["viewing_blur"], seen.parameters["viewing_noise"]) == (1.0, 0.02)
    assert "viewing_blur" not in one(measured(folders, "coverage")).parameters
    assert "viewing_blur" not in one(measured(folders, "fid", viewing=ViewingConditions(1.0, 0.02))).parameters


def test_pairs_are_taken_by_name(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "real", tmp_path / "real")
    shutil.copytree(folders / "real", tmp_path / "generated")
    (tmp_path / "generated" / "image-000.png").unlink()  # the first, so that places alone would be wrong
    assert one(measured(tmp_path, "ssim", paired=True)).value == pytest.approx(1)
    fill(tmp_path / "generated", 25, 0)
    with pytest.raises(ImageError, match=r"a true image for each one in .*, got none for 1, such as image-024"):
        measured(tmp_path, "ssim", paired=True)


def test_images_in_subfolders_are_images(folders: Path, tmp_path: Path) -> None:
    for name in ("real", "generated"):
        for index, file in enumerate(sorted((folders / name).iterdir())):
            place = tmp_path / name / ("a" if index < 12 else "b")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    flat, nested = one(measured(folders, "frd")), one(measured(tmp_path, "frd"))
    assert (nested.value, nested.n) == (flat.value, flat.n)


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_names_of_files_move_no_value(folders: Path, tmp_path_factory: pytest.TempPathFactory, random: object) -> None:
    renamed = tmp_path_factory.mktemp("renamed")
    files = sorted((folders / "generated").iterdir())
    random.shuffle(files)  # type: ignore[attr-defined]
    for index, file in enumerate(files):
        shutil.copy(file, renamed / f"{index}.png")
    again = measure_alone(Folders(folders / "real", renamed), CONTEXT, ["frd"])
    assert one(again).value == pytest.approx(one(measured(folders, "frd")).value, rel=1e-9)


def test_a_side_brings_images_to_one_size_as_pillow_does(folders: Path, tmp_path: Path) -> None:
    fill(tmp_path / "real", 6, 0, side=48)
    fill(tmp_path / "generated", 6, 0, side=48)
    small = tmp_path / "small"
    small.mkdir()
    for file in sorted((tmp_path / "generated").iterdir()):
        Image.open(file).resize((24, 24), Image.Resampling.LANCZOS).save(small / file.name)
    resized = Folders(tmp_path / "generated", small, side=24, paired=True)
    assert one(measure_alone(resized, CONTEXT, ["psnr"])).value == 100  # the cap for identical images


def test_what_cannot_be_measured_leaves_the_others_alone(folders: Path) -> None:
    asked = Folders(folders / "real", folders / "generated")
    found = measure_alone(asked, CONTEXT, ["frd", "coverage"], settings={"coverage": {"k": "24", "resize": "32"}})
    assert [score.metric for score in found.scores] == ["frd"]
    assert list(found.refused) == ["coverage"]
    assert "expected at least k + 2 = 26 images" in found.refused["coverage"]
    assert found.options == {
        "side": None, "fit": None, "channels": "rgb", "images": None, "paired": False, "seed": 0, "device": "cpu",
    }
    assert found.images["real"]["images"] == 24
    assert found.images["real"]["sha256"] != found.images["generated"]["sha256"]


@pytest.mark.parametrize(
    ("metric", "error", "said"),
    [
        ("judge_accuracy", UsageError, "judge_accuracy: expected a judge, got none; give --training"),
        ("intra_fid", UsageError, "expected images of each class"),
        ("viewed_fid", UsageError, "say how the images are seen, with --blur and --noise"),
        ("ssim", UsageError, "give --paired"),
        ("auc", UsageError, "expected images of each class"),
        ("laterality", UsageError, "give --training"),
        ("copied_share", UsageError, "give --training"),
        ("asked_age_error", UsageError, "or score the images on a task card"),
        ("fidd", UnknownNameError, "fid"),
    ],
)
def test_metrics_that_need_more_are_refused_before_anything_is_read(
    metric: str, error: type[Exception], said: str, folders: Path
) -> None:
    with pytest.raises(error, match=said):
        measured(folders / "nowhere", metric)


def test_settings_are_of_their_metric_and_type(folders: Path) -> None:
    asked = Folders(folders / "real", folders / "generated")
    score = one(measure_alone(asked, CONTEXT, ["coverage"], settings={"coverage": {"k": "3", "resize": "32"}}))
    assert (score.parameters["k"], score.parameters["resize"]) == (3, 32)
    for given_, said in (
        ({"coverage": {"k": "many"}}, "--set coverage:k: expected an integer, got 'many'"),
        ({"coverage": {"kk": "3"}}, "did you mean 'k'"),
        ({"coverage": {"k": "0"}}, "^--set coverage:k: expected 1 or more, got 0"),
        ({"fid": {"resize": "32"}}, "add --metric fid"),
    ):
        with pytest.raises(UsageError, match=said):
            measure_alone(asked, CONTEXT, ["coverage"], settings=given_)


@pytest.mark.parametrize(
    ("metric", "given", "said"),
    [
        ("coverage", {"k": "24", "resize": "32"}, "lower k or score more images"),
        ("kid", {"subset_size": "30", "resize": "32"}, "subset_size 30 and subsets 100; change these settings"),
        ("fid", {"extractor": "inception-v3", "resize": "32"}, "expected resize 299, got 32; give 299"),
        ("lpips", {"extractor": "lpips-vgg"}, "choose one of them"),
    ],
)
def test_what_is_wrong_is_said_without_a_card(metric: str, given: dict[str, str], said: str, folders: Path) -> None:
    asked = Folders(folders / "real", folders / "generated", paired=True)
    refused = measure_alone(asked, CONTEXT, [metric], settings={metric: given}).refused[metric]
    assert said in refused
    assert "card" not in refused


def test_images_that_do_not_fit_are_named(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "real", tmp_path / "real")
    fill(tmp_path / "generated", 3, 0, side=40)
    with pytest.raises(ImageError, match=r"^3 .*-000.*-002.png: expected 32 x 32 pixels, as .*real/.* has, got 40"):
        measured(tmp_path, "frd")
    Image.new("L", (40, 32)).save(tmp_path / "generated" / "wide.png")
    with pytest.raises(ImageError, match=r"wide.png: expected a square image, got 40 x 32"):
        measured(tmp_path, "frd", side=16)
    (tmp_path / "empty").mkdir()
    for name, said in (("empty", "expected images, got none"), ("nowhere", "expected a folder of images, got none")):
        with pytest.raises(ImageError, match=said):
            measured(tmp_path, "frd", generated=name)
    shutil.copy(tmp_path / "real" / "image-000.png", tmp_path / "real" / "image-000.jpg")
    with pytest.raises(ImageError, match="1 name with two files: image-000; keep one of each"):
        measured(tmp_path, "frd")


def test_all_faults_are_told_before_an_image_is_read_in_full(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldbench.data.image_folder.read_levels", None)
    for name in ("real", "generated"):
        shutil.copytree(folders / name, tmp_path / name)
    torn = tmp_path / "real" / "image-003.png"
    torn.write_bytes(torn.read_bytes()[:-40])
    Image.effect_noise((32, 32), 50).save(tmp_path / "real" / "torn.jpg")
    (tmp_path / "real" / "torn.jpg").write_bytes((tmp_path / "real" / "torn.jpg").read_bytes()[:-200])
    Image.new("I;16", (32, 32)).save(tmp_path / "generated" / "deep.png")
    for index in range(4):
        Image.new("L", (40, 32 + index)).save(tmp_path / "generated" / f"large-{index}.png")
    with pytest.raises(ImageError, match=r"^7 images can't be measured: ") as caught:
        measured(tmp_path, "frd")
    text = str(caught.value)
    assert text.endswith(" and 2 more")
    for said in (
        "(1) can't read", "image-003.png", "torn.jpg", "deep.png: expected 8 bits a channel, got 16",
        "`ldbench data prepare folder`", "large-0.png: expected 32 x 32 pixels", "(5) ",
    ):
        assert said in text
    assert "\n" not in text


def test_a_fault_of_many_images_is_said_once_with_the_first_that_have_it(tmp_path: Path) -> None:
    for name, count in (("real", 7), ("generated", 2)):
        (tmp_path / name).mkdir()
        for index in range(count):
            Image.new("I;16" if name == "real" else "L", (40, 32)).save(tmp_path / name / f"{index}.png")
    with pytest.raises(ImageError, match=r"^9 images can't be measured: \(1\) ") as caught:
        measured(tmp_path, "frd", side=32)
    text = str(caught.value)
    assert text.count("expected 8 bits a channel, got 16") == 1
    real = ", ".join(str(tmp_path / "real" / f"{index}.png") for index in range(5))
    assert f"(1) {real} and 2 more: expected 8 bits" in text
    assert text.endswith(" and 2 more")
    shutil.rmtree(tmp_path / "generated")
    shutil.copytree(tmp_path / "real", tmp_path / "generated")
    with pytest.raises(ImageError, match=rf"^14 images can't be measured: {real} and 9 more: expected 8 bits a chan"):
        measured(tmp_path, "frd")


@pytest.mark.parametrize("size", [(40, 32), (32, 41)])
def test_a_fit_makes_squares_of_other_images(size: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    levels = torch.arange(size[0] * size[1]).reshape(size).remainder(251).to(torch.uint8)
    for index in range(3):
        Image.fromarray((levels + index).numpy()).save(tmp_path / "real" / f"{index}.png")
    height, width = size
    large, small = max(size), min(size)
    top, left = (large - height) // 2, (large - width) // 2
    padded = torch.zeros((large, large), dtype=torch.uint8)
    padded[top : top + height, left : left + width] = levels
    top, left = (height - small) // 2, (width - small) // 2
    stretched = np.asarray(Image.fromarray(levels.numpy()).resize((16, 16), Image.Resampling.LANCZOS))
    for fit, side, expected in (
        ("pad", large, padded), ("crop", small, levels[top : top + small, left : left + small]),
        ("stretch", 16, torch.from_numpy(stretched.copy())),
    ):
        shutil.rmtree(tmp_path / "generated", ignore_errors=True)
        (tmp_path / "generated").mkdir()
        Image.fromarray(expected.numpy()).save(tmp_path / "generated" / "0.png")
        for index in (1, 2):
            shutil.copy(tmp_path / "real" / f"{index}.png", tmp_path / "generated")
        found = measured(tmp_path, "psnr", side=side, fit=fit, paired=True)
        assert one(found).value == 100  # the cap for identical images
        assert found.options["fit"] == fit


def test_links_are_followed_and_a_loop_of_them_ends(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "real" / "below").mkdir(parents=True)
    for file in sorted((folders / "real").iterdir())[:12]:
        (tmp_path / "real" / file.name).symlink_to(file)
    (tmp_path / "rest").mkdir()
    for file in sorted((folders / "real").iterdir())[12:]:
        shutil.copy(file, tmp_path / "rest")
    (tmp_path / "real" / "below" / "rest").symlink_to(tmp_path / "rest")
    (tmp_path / "real" / "below" / "loop").symlink_to(tmp_path / "real")
    shutil.copytree(folders / "generated", tmp_path / "generated")
    assert measured(tmp_path, "frd").images["real"]["images"] == 24
    assert one(measured(tmp_path, "frd")).value == pytest.approx(one(measured(folders, "frd")).value, rel=1e-9)


def test_a_folder_inside_another_one_is_refused(folders: Path) -> None:
    with pytest.raises(ImageError, match="expected folders apart, got the generated images inside the real ones"):
        measure_alone(Folders(folders, folders / "generated"), CONTEXT, ["frd"])


def test_a_name_that_is_no_text_is_read(folders: Path, tmp_path: Path) -> None:
    for name in ("real", "generated"):
        shutil.copytree(folders / name, tmp_path / name)
    odd = os.fsencode(tmp_path / "generated") + b"/image-\xff.png"
    shutil.copy(tmp_path / "generated" / "image-000.png", os.fsdecode(odd))
    assert measured(tmp_path, "frd").images["generated"]["images"] == 25


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"images": 2}, "--images: expected 3 or more, got 2"),
        ({"channels": "grey"}, "--channels: expected rgb or grey-as-rgb, got 'grey'"),
        ({"images": 25}, r"--images 25: expected as many real images, got 24 \(.*real\); lower it"),
        ({"fit": "pad"}, "--fit pad: expected a side to bring images to, got none; add --side"),
        ({"fit": "bend", "side": 16}, "--fit: expected pad, crop, stretch, got 'bend'"),
        ({"side": 4}, "--side: expected 8 pixels or more, got 4"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], said: str, folders: Path) -> None:
    with pytest.raises(UsageError, match=said):
        measured(folders, "frd", **options)
