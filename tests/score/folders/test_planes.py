"""Volumes that are measured by their slices: the scores of these images, and the mean over planes."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import Measured, Score
from ldbench.board.folder_differences import differences
from ldbench.data.volumes.cut import PLANES, Cut
from ldbench.errors import ImageError, UnknownNameError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.cuts import cut_of
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.plane_means import mean_of_planes
from ldbench.score.folders.planes import measure_planes
from ldbench.score.metrics.intervals import mean_interval, share_of_subjects
from ldbench.score.metrics.roc import areas
from ldbench.score.reference.record import Reference
from tests.data.volumes.small_volumes import SIDE, VOLUMES, balls, write
from tests.score.folders.disc_folders import CONTEXT, measure_alone
from tests.score.folders.volume_folders import ALL, measured
from tests.score.reference.test_file import RECORD


def layers(folder: Path, slices: dict[str, list[NDArray[np.uint8]]]) -> Path:
    """The axial slices of volumes as PNG files, by the names that slices of volumes have."""
    for name, of_volume in slices.items():
        (folder / name).mkdir(parents=True)
        for number, levels in enumerate(of_volume, 1):
            Image.fromarray(levels).save(folder / name / f"axial-{number:02}.png")
    return folder


def cut_to(volumes: Path, folder: Path) -> Path:
    """The same by nibabel alone: layers of the array of each volume, which lies along RAS, as they are looked at."""
    arrays = {path.stem: np.asarray(nib.load(path).dataobj) for path in sorted(volumes.iterdir())}
    return layers(folder, {name: [each[:, :, z].T[::-1] for z in range(SIDE)] for name, each in arrays.items()})


def test_scores_are_those_of_the_slices_as_images_of_subjects(volumes: Path, tmp_path: Path) -> None:
    real, generated = (cut_to(volumes / name, tmp_path / name) for name in ("real", "generated"))
    whose = [f"sub-{row // SIDE}" for row in range(VOLUMES * SIDE)]
    as_images = Folders(real, generated, paired=True, subjects={"real": whose, "generated": whose})
    expected = measure_alone(as_images, CONTEXT, ["frd", "ssim"], strict=True)
    found = measured(volumes / "real", volumes / "generated", "frd", "ssim", paired=True)
    assert found.scores == expected.scores
    for name in ("real", "generated"):
        for told in ("sha256", "images", "subjects"):
            assert found.images[name][told] == expected.images[name][told]
    alone = measure_alone(replace(as_images, subjects=None), CONTEXT, ["ssim"], strict=True)
    assert width(found.scores[1]) > 1.5 * width(alone.scores[0])


def width(score: Score) -> float:
    return score.ci_high - score.ci_low


def test_how_arrays_lie_changes_nothing_but_a_warning(volumes: Path, tmp_path: Path) -> None:
    turned = balls(tmp_path / "turned", 1, axes="PIL")
    expected = measured(volumes / "real", volumes / "generated", "frd")
    found = measured(volumes / "real", turned, "frd")
    assert found.scores == expected.scores
    assert found.images["generated"]["sha256"] == expected.images["generated"]["sha256"]
    assert len(found.notes) == len(expected.notes) + 1
    assert "axes of most real volumes lead to RAS, those of most generated ones to PIL" in "".join(found.notes)


def test_the_mean_over_planes_is_that_of_the_volumes_means(volumes: Path, tmp_path: Path) -> None:
    table = tmp_path / "images.csv"
    cut = Cut(PLANES, 3, 20, 80, "0,255")
    asked = Folders(volumes / "real", volumes / "generated", paired=True, volumes=cut)
    [found] = measure_planes(asked, CONTEXT, ["ssim"], strict=True, per_image=table)
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    assert [row["image"] for row in rows] == [
        f"sub-{volume}/{plane}-0{number}" for plane in PLANES for volume in range(VOLUMES) for number in (1, 2, 3)
    ]
    assert rows[0] | {"volume": "sub-0", "plane": "axial", "slice": "3"} == rows[0]
    of_volumes = [
        np.mean([float(row["ssim"]) for row in rows if row["volume"] == f"sub-{volume}"]) for volume in range(VOLUMES)
    ]
    [score], expected = found.scores, mean_interval(of_volumes, "ssim")
    assert (score.value, score.ci_low, score.ci_high) == pytest.approx((expected.value, expected.low, expected.high))
    assert score.parameters["planes"] == "axial,coronal,sagittal"
    values = {plane: score.value for plane, [score] in found.by_plane.items()}
    assert list(values) == list(PLANES)
    assert np.mean(list(values.values())) == pytest.approx(score.value)
    assert found.images["real"] | {"images": 9 * VOLUMES, "subjects": VOLUMES} == found.images["real"]


def test_planes_that_show_the_same_are_no_more_than_one(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        random = np.random.default_rng(seed)
        for number in range(VOLUMES):
            of_any = random.integers(0, 60, (SIDE,) * 3)
            alike = sum(of_any.transpose(axes) for axes in permutations(range(3))).astype(np.uint8)
            write(tmp_path / name / f"{number}.nii", np.minimum(alike, 255))
    one, three = (
        measured(tmp_path / "real", tmp_path / "generated", "frd", cut=replace(ALL, planes=planes))
        for planes in (("axial",), PLANES)
    )
    [alone], [mean] = one.scores, three.scores
    assert (mean.value, mean.ci_low, mean.ci_high, mean.n) == pytest.approx(
        (alone.value, alone.ci_low, alone.ci_high, alone.n)
    )


def test_generators_are_compared_by_their_mean_over_planes(volumes: Path, tmp_path: Path) -> None:
    noisy = balls(tmp_path / "noisy", 1, noise=60.0)
    cut = Cut(("axial", "sagittal"), 4, window="0,255")
    asked = Folders(volumes / "real", volumes / "generated", paired=True, further=(noisy,), volumes=cut)
    folders = measure_planes(asked, CONTEXT, ["ssim"], strict=True)
    compared = differences(folders)
    [found] = compared.found
    assert found.difference == pytest.approx(folders[1].values["ssim"] - folders[0].values["ssim"])
    assert (found.verdict, compared.pairs) == ("worse", {str(noisy): VOLUMES})


def test_copies_are_looked_for_among_the_slices_of_training_volumes(volumes: Path, tmp_path: Path) -> None:
    copied = balls(tmp_path / "copied", 1)
    asked = Folders(
        volumes / "real", volumes / "generated", copied, volumes=Cut(("axial", "coronal"), 4, window="0,255")
    )
    [found] = measure_planes(asked, CONTEXT, ["copied_share"], strict=True, network="radiomics")
    [score] = found.scores
    assert (score.value, score.ci_high, score.n) == (1, 1, 4 * VOLUMES)
    assert score.ci_low == share_of_subjects(1, 0, 4 * VOLUMES, VOLUMES).low


def score_of(value: float, spread: float, interval: Literal["t", "share"] = "t") -> Measured:
    low, high = value - spread, value + 2 * spread
    contributions = {"cases": np.array([-1.0, 1.0, -1.0, 1.0]) * spread} if spread < 0.1 else {}
    return Measured("coverage", value, low, high, 4, "higher", None, {"k": 5}, contributions, interval=interval)


def test_a_mean_of_which_nobody_knows_what_volumes_add_has_the_widest_interval() -> None:
    metric, units = METRICS.load("coverage"), {"cases": ["a", "a", "b", "b"], "scans": ["a"] * 4}
    of_planes = {"axial": score_of(0.5, 0.1), "sagittal": score_of(0.7, 0.2)}
    found = mean_of_planes(metric, of_planes, dict.fromkeys(of_planes, units))
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.6, 0.45, 0.9))
    assert found.parameters["interval"] == "95 % of the mean over planes; as if all planes erred alike"
    assert found.contributions == {}


def test_the_mean_of_shares_is_a_share() -> None:
    metric, units = METRICS.load("coverage"), {"cases": ["a", "b", "c", "d"], "scans": ["a"] * 4}
    of_planes = {"axial": score_of(1.0, 0.0, "share"), "sagittal": score_of(1.0, 0.0, "share")}
    found = mean_of_planes(metric, of_planes, dict.fromkeys(of_planes, units))
    expected = share_of_subjects(1.0, 0.0, 4, 4)
    assert (found.ci_low, found.ci_high) == (expected.low, 1.0)
    assert found.ci_low < 0.7
    of_planes = {"axial": score_of(0.5, 0.01, "share"), "sagittal": score_of(0.7, 0.01, "share")}
    found = mean_of_planes(metric, of_planes, dict.fromkeys(of_planes, units))
    expected = share_of_subjects(0.6, 4e-4, 4, 4)  # of the images of one plane, though the volumes seem to agree
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("chances", "mean", "copied"), [((1e-5, 0.3), 2e-5, True), ((0.9, 0.8), 1.0, False)])
def test_copies_in_one_plane_are_copies_of_the_volumes(
    chances: tuple[float, float], mean: float, copied: bool
) -> None:
    metric, units = METRICS.load("copied_share"), {"cases": ["a", "a", "b", "b"], "scans": ["c"]}
    of_planes = {
        plane: Measured("copied_share", 0.5, 0.4, 0.6, 4, "lower", None, {"observed_chance": chance}, interval="share")
        for plane, chance in zip(("axial", "sagittal"), chances, strict=True)
    }
    found = mean_of_planes(metric, of_planes, dict.fromkeys(of_planes, units))
    assert found.parameters["observed_chance"] == pytest.approx(mean)
    assert metric.unranks
    assert metric.unranks(found) == copied


def test_the_mean_of_what_is_learnt_keeps_the_chance_of_training() -> None:
    labels_n, whose = np.repeat([0, 1], 20), [str(row // 4) for row in range(40)]
    units, random = {"cases": ["a", "b"], "scans": whose}, np.random.default_rng(0)
    noise_n = random.normal(size=40)
    for shifts in ((0.5, 1.5, 2.5), (9.0, 9.0, 9.0)):  # trainings that differ, and classes that all tell apart
        scores_sn = np.stack([noise_n + shift * labels_n for shift in shifts])
        seen = areas(np.stack([-scores_sn, scores_sn], axis=2), labels_n, np.arange(40) // 4)
        own = seen.interval()
        score = Measured(
            "auc", own.value, own.low, own.high, 40, "higher", None, {}, {"scans": seen.contributions_n},
            degrees=seen.degrees, interval="own",
        )
        planes = dict.fromkeys(("axial", "coronal"), score)
        found = mean_of_planes(METRICS.load("auc"), planes, dict.fromkeys(planes, units))
        assert (found.value, found.ci_low, found.ci_high) == pytest.approx((own.value, own.low, own.high))
        assert set(found.contributions) == {"scans"}


@pytest.mark.parametrize(
    ("planes", "slices", "window", "said"),
    [
        ((), "8", None, "--slices 8: expected planes to cut along, got none; name them with --volumes"),
        ((), None, "0,1", "--window 0,1: expected planes to cut along, got none; name them with --volumes"),
        (["axail"], None, None, "unknown plane 'axail': did you mean axial? name them with --volumes"),
        (["axial", "axial"], None, None, "--volumes axial,axial: expected different planes, got one twice; drop it"),
        (["axial"], "0", None, "--slices: expected how many and between which % of the extent, such as 16:20-80 or 16"),
        (["axial"], "8:80-20", None, "--slices: expected how many and between which"),
        (["axial"], "8:20-101", None, "--slices: expected how many and between which"),
        (["axial"], None, "file", "--window: expected percentile or LOW,HIGH, got 'file', which no volume states"),
        (["axial"], None, "3", "--window: expected window file, percentile or LOW,HIGH with LOW below HIGH, got '3'"),
    ],
)
def test_what_no_volume_is_cut_by_is_one_line(
    planes: list[str], slices: str | None, window: str | None, said: str
) -> None:
    with pytest.raises((UsageError, UnknownNameError)) as refused:
        cut_of(planes, slices, window)
    assert str(refused.value).startswith(said)


def test_a_cut_is_what_options_say() -> None:
    assert cut_of([], None, None) is None
    assert cut_of(["axial"], None, None) == Cut(("axial",), 16, 20, 80, "percentile")
    assert cut_of(["sagittal", "axial"], "9:12.5-90", "-160,240") == Cut(("sagittal", "axial"), 9, 12.5, 90, "-160,240")
    assert cut_of(["axial"], 5, "percentile") == Cut(("axial",), 5)


def test_what_only_images_have_is_refused(volumes: Path, tmp_path: Path) -> None:
    real, generated = volumes / "real", volumes / "generated"
    (tmp_path / "images").mkdir()
    Image.new("L", (SIDE, SIDE)).save(tmp_path / "images" / "sub-0.png")
    few = balls(tmp_path / "few", 2)
    (few / "sub-3.nii").unlink()
    within = {"cut": replace(ALL, planes=PLANES), "classes": "folders", "by_class": True}
    of_labels = {"cut": replace(ALL, planes=PLANES), "labels": Labelled({}), "by_label": True}
    pictures = tmp_path / "images"
    with pytest.raises(UsageError, match="--volumes axial: expected a folder of real volumes, got statistics of"):
        Reference("real.safetensors", RECORD, {}).cut(ALL)
    for given, options, said in (
        (generated, {"images": 3}, "--images 3: expected images to draw of, got volumes; leave it out, and name"),
        (generated, of_labels, "--by-label: expected one plane, got axial,coronal,sagittal; name one with --volumes"),
        (generated, within, "--by-class: expected one plane, got axial,coronal,sagittal; name one with --volumes"),
        (np.zeros((4, 1, 8, 8), np.uint8), {}, "--volumes axial: expected a folder of generated volumes, got an array"),
        (pictures, {}, f"{pictures}: expected NIfTI volumes, got none that ends in .nii.gz, .nii; name another folder"),
        (generated, {"cut": Cut(PLANES)}, f"12 volumes can't be measured: {real}/sub-0.nii"),
    ):
        with pytest.raises((UsageError, ImageError)) as refused:
            measured(real, given, "frd", **options)  # type: ignore[arg-type]
        assert str(refused.value).startswith(said)
    with pytest.raises(ImageError, match=r"expected a true volume for each one .* got none for 1, such as sub-3"):
        measured(few, generated, "ssim", paired=True)
    with pytest.raises(ImageError, match="expected images, got 6 NIfTI volumes; --volumes axial cuts volumes"):
        measure_alone(Folders(real, generated), CONTEXT, ["frd"])
