"""What is said of folders that share images, of small ones, and of ones that were prepared unequally."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from PIL import Image

from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.notes import black, few, repeated, shared, uneven, unlike
from ldbench.score.folders.scores import FolderScores
from ldbench.score.folders.sets import FolderSet
from ldbench.task.card import ViewingConditions
from tests.score.folders.disc_folders import CONTEXT, fill, measure_alone

pytestmark = pytest.mark.slow

PIXELS = {"real": "abc", "generated": "ccdt", "training": "ta"}


def sets(pixels: dict[str, str]) -> dict[str, FolderSet]:
    return {
        name: FolderSet(
            name[0], StoredImages([str(index) for index in range(len(one))], lambda _: torch.zeros(0)),
            Preparation(len(one)), pixels=tuple(each.encode() for each in one),
        )
        for name, one in pixels.items()
    }


def test_images_in_two_folders_are_counted_each_time() -> None:
    generated, copies, real = shared(sets(PIXELS))
    assert generated.startswith("2 of 4 generated images are, pixel by pixel, real images too (g, r): ")
    assert copies.startswith("1 of 4 generated images are, pixel by pixel, training images too (g, t): ")
    assert real.startswith("1 of 3 real images are, pixel by pixel, training images too (r, t): ")
    assert list(shared(sets({"real": "a", "generated": "b"}))) == []


def test_generated_images_that_equal_another_one_are_counted() -> None:
    (line,) = repeated(sets({"real": "aa", "generated": "bbcdd"}))
    assert line.startswith("4 of 5 generated images are, pixel by pixel, equal to another one of them (g): intervals")
    assert list(repeated(sets(PIXELS | {"generated": "cdt"}))) == []


def test_images_of_zeros_and_ones_are_black(tmp_path: Path) -> None:
    real = prepared(tmp_path, "real")
    levels = torch.stack([torch.eye(32, dtype=torch.uint8).roll(shift, 1)[None] for shift in range(20)])
    (line,) = (line for line in of_two(real, levels).notes if "above" in line)
    assert line.startswith("no pixel of the 20 generated images (generated images in an array (20, 1, 32, 32)")
    assert "multiply them by 255" in line
    assert not any("above" in line for line in of_two(real, levels * 255).notes)
    both = sets(PIXELS)
    both["real"].prepared.brightest, both["training"].prepared.brightest = 255, 2
    (line,) = black(both)
    assert line.startswith("no pixel of the 4 generated images (g) is above 1 of 255")


def test_few_images_matter_to_the_metrics_that_say_so() -> None:
    metrics = [METRICS.load(name) for name in ("fid", "kid", "precision", "ssim")]
    (line,) = few(metrics, sets(PIXELS))
    assert line.startswith("3 images are few: the value of fid, precision depends on their number")
    assert list(few(metrics[1:2], sets(PIXELS))) == []
    assert list(few(metrics, sets({"real": "a" * 20, "generated": "a" * 20}))) == []


def test_sets_of_unlike_numbers_matter_to_the_same_metrics() -> None:
    metrics = [METRICS.load(name) for name in ("fid", "kid", "coverage")]
    (line,) = uneven(metrics, sets({"real": "a" * 61, "generated": "b" * 30}))
    assert line.startswith("there are 61 real images and 30 generated ones: the value of fid, coverage depends on both")
    assert line.endswith("draw as many of both by --images 30")
    assert list(uneven(metrics, sets({"real": "a" * 60, "generated": "b" * 30}))) == []
    assert list(uneven(metrics[1:2], sets({"real": "a" * 90, "generated": "b" * 30}))) == []


def test_fewer_images_than_features_matter_to_frechet_distances(tmp_path: Path) -> None:
    real, generated = prepared(tmp_path, "real"), prepared(tmp_path, "generated")
    folders = Folders(real, generated, viewing=ViewingConditions(1, 0))
    names = ["fid", "viewed_fid", "kid", "frd"]
    small = {name: {"resize": "32"} for name in names if name != "frd"}
    radiomics, networks = sorted(measure_alone(folders, CONTEXT, names, settings=small).notes, key=len)
    assert radiomics.startswith("20 images are fewer than the 41 features of radiomics: the covariances of frd are not")
    assert networks.startswith(
        "20 images are fewer than the 1280 features of efficientnet-lite0: the covariances of fid, viewed_fid are not"
    )
    assert of_two(real, generated).notes == ()


def prepared(root: Path, name: str, how: object = None, side: int = 32) -> Path:
    """Twenty images of this name, saved by `how(image, path without suffix)`."""
    source = fill(root / f"source-{name}", 20, crc32(name.encode()), side)
    if how is None:
        return source
    (root / name).mkdir()
    for file in sorted(source.iterdir()):
        with Image.open(file) as image:
            how(image, root / name / file.stem)  # type: ignore[operator]
    return root / name


def jpeg(quality: int) -> object:
    return lambda image, path: image.save(path.with_suffix(".jpg"), quality=quality)


def tinted(image: Image.Image, path: Path) -> None:
    levels = np.stack([np.asarray(image)] * 3, axis=-1)
    levels[..., 2] = np.clip(levels[..., 2].astype(int) + 1, 0, 255)
    Image.fromarray(levels).save(path.with_suffix(".png"))


def rgb(image: Image.Image, path: Path) -> None:
    image.convert("RGB").save(path.with_suffix(".png"))


def of_two(real: Path, generated: Path | torch.Tensor, **options: object) -> FolderScores:
    folders = Folders(real, generated, **options)  # type: ignore[arg-type]
    return measure_alone(folders, CONTEXT, ["kid"], settings={"kid": {"resize": "32"}})


def test_sets_that_were_prepared_alike_get_no_word(tmp_path: Path) -> None:
    assert of_two(prepared(tmp_path, "real"), prepared(tmp_path, "generated")).notes == ()
    assert of_two(prepared(tmp_path, "r2", jpeg(90)), prepared(tmp_path, "g2", jpeg(91))).notes == ()
    assert of_two(prepared(tmp_path, "r3", side=48), prepared(tmp_path, "g3", side=48), side=32).notes == ()
    assert of_two(prepared(tmp_path, "r4", tinted), prepared(tmp_path, "g4", tinted)).notes == ()
    assert of_two(prepared(tmp_path, "r5"), prepared(tmp_path, "g5", rgb)).notes == ()  # three equal channels: grey


def test_formats_and_qualities_that_differ_are_one_note(tmp_path: Path) -> None:
    real = prepared(tmp_path, "real")
    (note,) = of_two(real, prepared(tmp_path, "jpeg", jpeg(75))).notes
    assert note.startswith("0 of 20 real images and 20 of 20 generated ones are JPEG files: ")
    assert note.endswith("save both sets in one format")
    (note,) = of_two(tmp_path / "jpeg", prepared(tmp_path, "worse", jpeg(40))).notes
    assert note.startswith("JPEG files have a quality of about 75 in real images and of 40 in generated ones")


def test_a_side_that_resizes_one_set_or_sets_of_unlike_sizes_is_one_note(tmp_path: Path) -> None:
    real, large = prepared(tmp_path, "real"), prepared(tmp_path, "large", side=64)
    (note,) = of_two(real, large, side=32).notes
    assert note.startswith(
        "0 of 20 real images and 20 of 20 generated ones were resized to --side 32, from 32 and 64 pixels at the median"
    )
    (note,) = of_two(real, large, side=16).notes
    assert note.startswith("20 of 20 real images and 20 of 20 generated ones were resized to --side 16, from 32 and 64")


def test_a_faint_tint_of_one_set_is_one_note_and_grey_as_rgb_its_remedy(tmp_path: Path) -> None:
    real = prepared(tmp_path, "real")
    coloured = prepared(tmp_path, "coloured", tinted)
    (note,) = of_two(real, coloured).notes
    assert note.startswith("0 of 20 real images and 20 of 20 generated ones have colour, be it a faint tint: ")
    assert "give --channels grey-as-rgb" in note
    grey = of_two(real, coloured, channels="grey-as-rgb")
    assert grey.notes == ()
    assert grey.options["channels"] == "grey-as-rgb"


def test_training_images_are_held_against_real_ones_too(tmp_path: Path) -> None:
    real, generated = prepared(tmp_path, "real"), prepared(tmp_path, "generated")
    (note,) = of_two(real, generated, training=prepared(tmp_path, "training", jpeg(75))).notes
    assert note.startswith("0 of 20 real images and 20 of 20 training ones are JPEG files: ")


def test_a_few_files_of_another_kind_are_no_difference() -> None:
    both = sets({"real": "a" * 20, "generated": "b" * 20})
    both["generated"].prepared.qualities = Counter({75: 2})
    both["generated"].prepared.coloured = 2
    assert list(unlike(both, None, "rgb")) == []


def test_grey_images_have_the_same_scores_averaged_or_not(tmp_path: Path) -> None:
    real, generated = prepared(tmp_path, "real"), prepared(tmp_path, "generated", rgb)
    plain, averaged = (of_two(real, generated, channels=each) for each in ("rgb", "grey-as-rgb"))
    assert (averaged.scores, averaged.images) == (plain.scores, plain.images)
