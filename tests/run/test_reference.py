"""Statistics of real images in the place of the images: the same values, intervals and differences, or one line."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ldbench.api import Metric, MetricInputs, Network, NoSettings, Score
from ldbench.board.folder_differences import differences
from ldbench.errors import ImageError, LdbenchError, MetricError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.run.measure import measure, measure_each
from ldbench.run.reference import save_reference
from ldbench.score.folders.scores import FolderScores
from ldbench.score.reference import metrics as reference_metrics
from tests.data.volumes.small_volumes import write
from tests.score.folders.disc_folders import SIDE, fill

pytestmark = pytest.mark.slow

SMALL = {"fid": {"resize": str(SIDE)}, "viewed_fid": {"resize": str(SIDE)}}
REAL, GENERATED = 200, 24


@dataclass(frozen=True)
class Sets:
    real: Path
    first: Path
    second: Path
    file: Path


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    root = tmp_path_factory.mktemp("sets")
    real = fill(root / "real", REAL, 0)
    file = root / "real.safetensors"
    save_reference(real, file, metrics=["fid", "frd"], settings={"fid": SMALL["fid"]}, device="cpu")
    return Sets(real, fill(root / "a", GENERATED, 1), fill(root / "b", GENERATED, 2), file)


def check_equal(found: FolderScores, expected: FolderScores) -> None:
    """The same scores, to the round-off of other sums."""
    assert [one.metric for one in found.scores] == [one.metric for one in expected.scores]
    for one, other in zip(found.scores, expected.scores, strict=True):
        assert _numbers(one) == pytest.approx(_numbers(other), rel=1e-9)
        assert (one.parameters, one.n, one.extractor) == (other.parameters, other.n, other.extractor)
    assert found.options == expected.options
    assert found.images["real"] == {**expected.images["real"], "folder": found.images["real"]["folder"]}


def _numbers(score: Score) -> tuple[float, float, float]:
    return score.value, score.ci_low, score.ci_high


def test_values_intervals_and_differences_are_those_beside_the_folder(sets: Sets) -> None:
    generated = [sets.first, sets.second]
    asked: dict[str, Any] = {"metrics": ["fid", "frd"], "device": "cpu"}
    expected = measure_each(sets.real, generated, settings={"fid": SMALL["fid"]}, **asked)
    found = measure_each(sets.file, generated, **asked)
    for one, other in zip(found, expected, strict=True):
        check_equal(one, other)
        assert one.images["real"]["folder"] == str(sets.file)
    there, here = differences(expected), differences(found)
    assert [each.metric for each in here.found] == ["fid", "frd"]
    assert (here.left_out, here.pairs) == (there.left_out, there.pairs)
    for one, other in zip(here.found, there.found, strict=True):
        numbers, others = ([each.difference, each.ci_low, each.ci_high, each.p] for each in (one, other))
        assert numbers == pytest.approx(others, rel=1e-6)  # of what nearly cancels
    mixed = differences([expected[0], found[1]]).found
    assert [each.difference for each in mixed] == pytest.approx([each.difference for each in there.found], rel=1e-6)


@pytest.mark.slow
def test_the_conditions_and_subjects_of_the_file_hold(tmp_path: Path) -> None:
    real, generated = fill(tmp_path / "real", 230, 0, side=40), fill(tmp_path / "generated", 30, 1, side=48)
    for file in sorted(real.iterdir())[:30]:
        shutil.copy(file, real / f"{file.stem}-again.png")  # a second image of 30 subjects
    Image.open(generated / "image-000.png").resize((48, 40)).save(generated / "image-000.png")
    conditions: dict[str, Any] = {"side": 32, "fit": "stretch", "channels": "grey-as-rgb", "blur": 1.0, "noise": 0.02}
    asked: dict[str, Any] = {"subject_pattern": "image-[0-9]+", "device": "cpu"}
    saved = save_reference(real, tmp_path / "real.safetensors", settings=SMALL, **conditions, **asked)
    assert (saved.record.images, saved.record.subjects) == (260, 230)
    assert list(saved.record.metrics) == ["fid", "frd", "viewed_fid"]
    named = {**asked, "metrics": list(saved.record.metrics)}
    expected = measure(real, generated, settings=SMALL, **conditions, **named)
    found = measure(saved.file, generated, **named)
    check_equal(found, expected)
    assert "subjects are the units" in str(expected.scores[0].parameters["interval"])
    there, here = ([each for each in one.notes if "resized" in each] for one in (expected, found))
    assert there == here != []
    with pytest.raises(MetricError, match=r"fid: expected generated images of 20 subjects or more, .*, got 3; score"):
        measure(saved.file, generated, **conditions, **{**named, "subject_pattern": "image-0[012]"})


def test_without_names_all_are_measured_that_look_at_no_real_image(sets: Sets, tmp_path: Path) -> None:
    table = tmp_path / "images.csv"
    found = measure(sets.file, sets.first, training=sets.second, device="cpu", per_image=table)
    assert found.values.keys() == {"fid", "frd", "vendi", "ms_ssim_diversity", "authpct"}
    assert found.refused == {}
    [note] = [each for each in found.notes if "cannot be had" in each]
    assert note.startswith(f"{sets.file} has statistics of the real images, which ")
    for name in ("kid", "copied_share", "fld", "coverage"):
        assert name in note
    header = table.read_text(encoding="utf-8").splitlines()[0]
    assert header == "image,authpct,nearest_training,distance_to_training"
    small: Any = {"metrics": ["vendi"], "settings": {"vendi": {"resize": str(SIDE)}}, "device": "cpu"}
    beside = measure(sets.real, sets.first, **small)
    again = measure(sets.file, sets.first, per_image=table, **small)
    assert table.read_text(encoding="utf-8").startswith("image,nearest_real,distance_to_real\nimage-000,,\n")
    assert again.values == beside.values
    assert not [each for each in again.notes if "cannot be had" in each]


def test_no_note_tells_to_take_what_cannot_be_had(sets: Sets) -> None:
    beside, found = (
        measure(place, sets.first, metrics=["frd"], device="cpu").notes for place in (sets.real, sets.file)
    )
    assert [each for each in beside if "images=" in each]
    assert not [each for each in found if "images=" in each or "kid" in each]


def test_drawing_takes_generated_images_alone(sets: Sets) -> None:
    found = measure(sets.file, sets.first, metrics=["frd"], images=22, device="cpu")
    assert [found.images[name]["images"] for name in ("real", "generated")] == [REAL, 22]
    assert "drawn_from" not in found.images["real"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"network": "inception-v3"}, "^network='inception-v3': expected efficientnet-lite0, whose features"),
        ({"side": 64}, "^side=64: expected that of the real images in .*, 32 x 32 pixels; leave it out, or ask"),
        ({"channels": "grey-as-rgb"}, "^channels='grey-as-rgb': expected that of the real images in .*, rgb; leave"),
        ({"blur": 1.0}, "^blur, noise: expected those of the real images in .*, none, got blur 1 and noise 0; l"),
        ({"paired": True}, r"^paired: expected a folder of real images, got statistics of some \(.*real.safeten"),
        (
            {"classes": "folders"},
            r"^classes: expected a folder of real images, got statistics of some \(.*\), which have no classes, so "
            "intra_fid, judge_accuracy, judge_auc, judge_calibration, auc cannot be measured beside them; name the f",
        ),
        ({"metrics": ["auc"]}, "^metrics='auc': expected a folder of real images, got statistics of some"),
        ({"metrics": ["kid"]}, "^metrics='kid': expected one that .* has statistics for, fid, frd, or one that looks"),
        ({"metrics": ["readings_fid"]}, "fid, frd, or one that looks .*; name the folder of the real images$"),
        ({"metrics": ["viewed_fid"]}, "say how the images are seen"),
        ({"metrics": ["ssim"]}, "give paired=True"),
        ({"metrics": ["fid"], "settings": {"fid": {"resize": "64"}}}, "expected features of efficientnet-lite0 at 32"),
        ({"metrics": ["fid"], "settings": {"fid": {"extractor": "inception-v3", "resize": "299"}}}, "at 32 px, which"),
    ],
)
def test_what_contradicts_the_file_is_one_line_before_images_are_read(
    sets: Sets, tmp_path: Path, options: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        measure(sets.file, tmp_path / "nowhere", device="cpu", **options)
    assert "\n" not in str(caught.value)


def test_what_is_the_same_is_no_contradiction(sets: Sets) -> None:
    found = measure(
        sets.file, sets.first, metrics=["frd"], side=SIDE, fit="pad", channels="rgb", network="efficientnet-lite0",
        device="cpu",
    )
    beside = measure(sets.real, sets.first, metrics=["frd"], side=SIDE, fit="pad", device="cpu")
    check_equal(found, beside)


def test_images_of_another_size_and_too_few_are_refused(sets: Sets, tmp_path: Path) -> None:
    larger = fill(tmp_path / "larger", 24, 1, side=40)
    with pytest.raises(ImageError, match=r"expected 32 x 32 pixels, as .*real.safetensors has, got 40 x 40; bring all"):
        measure(sets.file, larger, metrics=["frd"], device="cpu")
    assert measure(sets.file, larger, metrics=["frd"], side=32, device="cpu").values.keys() == {"frd"}
    with pytest.raises(MetricError, match=r"frd: expected at least 20 generated samples"):
        measure(sets.file, fill(tmp_path / "few", 19, 1), metrics=["frd"], device="cpu")


def test_a_network_that_is_another_one_here_is_one_line(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reference_metrics._parameters
    monkeypatch.setattr(
        reference_metrics, "_parameters", lambda *given: {**real(*given), "weights_sha256": "another", "code": "sha"}
    )
    with pytest.raises(MetricError, match=r"fid: expected efficientnet-lite0 as .*weights_sha256 .*, code None, got w"):
        measure(sets.file, sets.first, metrics=["fid"], device="cpu")


def test_code_of_somebody_elses_network_is_kept(monkeypatch: pytest.MonkeyPatch, sets: Sets) -> None:
    monkeypatch.setattr(reference_metrics, "foreign_code", lambda network: {"code": network.name})
    seen = reference_metrics._parameters(_Seen(), "radiomics", 32)  # type: ignore[arg-type]
    assert seen == {"resize": 32, "code": "radiomics"}


class _Seen:
    def network_parameters(self, network: str | Network, resize: int) -> dict[str, Any]:
        return {"resize": resize}


def _looks(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    return inputs.lazy.real[:].mean(dim=(1, 2, 3)).double().numpy()


def _takes(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    _, generated = inputs.features("radiomics", SIDE)
    return generated[:, 0].astype(np.float64)


def _tests(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    return np.array([float(len(inputs.test_scans()[1]))] * 3)


@pytest.mark.parametrize("compute", [_looks, _takes, _tests])
def test_a_metric_that_asks_for_real_images_is_refused(
    compute: Any, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Metric("mine", "Mine", "Mine.", "higher", compute, "generated images")
    load = METRICS.load
    monkeypatch.setattr(type(METRICS), "load", lambda _, name: mine if name == "mine" else load(name))
    with pytest.raises(LdbenchError, match="expected real images, got statistics of them; name the folder"):
        measure(sets.file, sets.first, metrics=["mine"], device="cpu")


def test_too_few_images_and_other_metrics_make_no_file(
    sets: Sets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "real.safetensors"
    monkeypatch.setattr("ldbench.score.networks.features.extract", None)  # it is said before features are computed
    with pytest.raises(MetricError, match=r"/a: expected 200 real images or more, so that each of 20 groups has 10"):
        save_reference(sets.first, file, metrics=["frd"], device="cpu")
    for options, said in (
        ({"metrics": ["kid"]}, "^metrics='kid': expected fid, viewed_fid, frd, which alone can be had from statistics"),
        ({"metrics": ["readings_fid"]}, "^metrics='readings_fid': expected fid, viewed_fid, .* beside their folder$"),
        ({"metrics": ["viewed_fid"]}, "^metrics='viewed_fid': expected viewing conditions, got none"),
        ({"settings": {"kid": {"resize": "32"}}}, r"^settings\['kid'\]: expected a metric with statistics"),
        ({"side": 4}, "^side: expected 8 pixels or more"), ({"channels": "bgr"}, "^channels: expected rgb"),
        ({"fit": "pad"}, "^fit='pad': expected a side"),
    ):
        with pytest.raises(UsageError, match=said):
            save_reference(tmp_path / "nowhere", file, device="cpu", **options)  # type: ignore[arg-type]
    assert not file.exists()


def test_arrays_are_kept_as_folders_are(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    levels = random.integers(0, 256, (200, 1, 32, 32), np.uint8)
    saved = save_reference(levels, tmp_path / "real.safetensors", metrics="frd", device="cpu")
    generated = random.integers(0, 256, (20, 1, 32, 32), np.uint8)
    found, expected = (
        measure(real, generated, metrics=["frd"], device="cpu") for real in (saved.file, levels)
    )
    check_equal(found, expected)


def test_what_small_groups_tell_is_said(tmp_path: Path, sets: Sets) -> None:
    saved = save_reference(sets.real, tmp_path / "real.safetensors", metrics=["frd"], device="cpu")
    [note] = saved.notes
    assert note.startswith("frd: a group has 10 images, no more than radiomics has features, 41: the file then says")
    assert saved.line.startswith(f"{saved.file}: statistics of 200 images for frd (radiomics); 0.")
    large = np.random.default_rng(0).integers(0, 256, (840, 1, 16, 16), np.uint8)
    assert save_reference(large, tmp_path / "large.safetensors", metrics=["frd"], device="cpu").notes == ()


def test_a_plane_of_volumes_has_statistics_too(tmp_path: Path) -> None:
    for seed, (name, count) in enumerate({"real": 200, "generated": 20}.items()):
        random = np.random.default_rng(seed)
        for number in range(count):
            write(tmp_path / name / f"{number}.nii", random.integers(0, 255, (8, 8, 8)).astype(np.uint8))
    real, generated, file = (tmp_path / name for name in ("real", "generated", "real.safetensors"))
    cut: dict[str, Any] = {"volumes": ["coronal"], "slices": "2:30-70", "window": "0,255"}
    with pytest.raises(UsageError, match="volumes='axial,coronal': expected one plane, got 2; write a file of each"):
        save_reference(real, file, volumes=["axial", "coronal"])
    saved = save_reference(real, file, metrics=["frd"], device="cpu", **cut)
    assert saved.line.startswith(f"{file}: statistics of 200 volumes of 200 subjects for frd (radiomics); ")
    assert "frd: a group has 20 slices, no more than radiomics has features" in saved.notes[0]
    expected = measure(real, generated, metrics=["frd"], device="cpu", **cut)
    check_equal(measure(file, generated, metrics=["frd"], device="cpu"), expected)
    check_equal(measure(file, generated, metrics=["frd"], device="cpu", **cut), expected)
    with pytest.raises(UsageError) as error:
        measure(file, generated, volumes=["coronal"], window="0,255")
    assert str(error.value).endswith(
        f"expected that of the real volumes in {file}, volumes coronal, slices 2:30-70, window 0,255, got volumes "
        "coronal, slices 16:20-80, window 0,255; leave it out, or ask for a file that was made so"
    )
