"""The search on a generator whose best value is known: found, resumed, fitted once, blind to the test split."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from ldbench.errors import GeneratorError, LdbenchError, ResultError
from ldbench.plugins import model_ref
from ldbench.records.run_folder import RunFolder
from ldbench.run.settings import Settings
from ldbench.studies.parameters.search import search
from tests.conftest import small_card
from tests.studies.parameters.toy_answers import SEE_THROUGH, TOY, fits

from .toy import SeeThrough

pytestmark = pytest.mark.slow

OFFSETS = "-0.1:0.3:0.1"


def test_the_known_best_value_is_found_without_a_test_image(tmp_path: Path, splits_read: set[str]) -> None:
    found = search(
        str(small_card(tmp_path)), TOY, "offset", OFFSETS, Settings(tmp_path / "out", batch_size=5), images=12
    )
    assert splits_read == {"train"}
    assert found.setting == "offset=0.1"
    assert found.curve.best_low == found.curve.best_high == 0.1
    assert found.real is not None
    assert 0 < found.curve.points[found.curve.best].distance < found.real  # its images copy the training images
    record = json.loads(found.record.read_text(encoding="utf-8"))
    assert record["real_distance"] == found.real
    assert record["best"] == {"at_edge": False, "high": 0.1, "low": 0.1, "set": "offset=0.1", "value": 0.1}
    assert [point["value"] for point in record["curve"]] == [-0.1, 0.0, 0.1, 0.2, 0.3]
    assert record["compared"].endswith("no test image was read")
    assert record["model"]["parameters"]["offset"] == 0.0
    assert found.plot.stat().st_size > 5000
    assert fits(tmp_path) == ["1.0"]  # one fit for five values


def test_prompts_of_all_training_images_leave_a_distance_to_expect_of_new_ones(tmp_path: Path) -> None:
    found = [
        search(str(small_card(tmp_path)), TOY, "offset", "0,0.1", Settings(tmp_path / "out"), images=images).real
        for images in (30, 60)
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert 0 < found[1] < found[0]


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    card = str(small_card(tmp_path))
    cut, whole = Settings(tmp_path / "cut", batch_size=4), Settings(tmp_path / "whole", batch_size=4)
    search(card, TOY, "offset", "0,0.1", cut, images=6)
    first = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in cut.out.rglob("*.png")}
    again = search(card, TOY, "offset", "0,0.1", cut, images=6)
    assert fits(cut.out) == ["1.0"]  # nothing was missing, so nothing was fitted
    longer = search(card, TOY, "offset", "0,0.1,0.2", cut, images=9)
    kept = [path for path, (time, _) in first.items() if path.exists() and path.stat().st_mtime_ns == time]
    assert len([path for path in kept if path.parent.name == "images"]) == 8  # the whole batches of both values
    uninterrupted = search(card, TOY, "offset", "0,0.1,0.2", whole, images=9)
    assert longer.curve == uninterrupted.curve
    assert longer.plot.read_bytes() == uninterrupted.plot.read_bytes()
    assert again.record.read_text(encoding="utf-8") != longer.record.read_text(encoding="utf-8")


def test_an_edited_generator_is_fitted_anew_and_none_of_its_old_images_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings, toy = str(small_card(tmp_path)), Settings(tmp_path / "out"), tmp_path / "toy.py"
    text = Path(__file__).with_name("toy.py").read_text(encoding="utf-8")

    def searched() -> str:
        return search(card, f"{toy}:Toy", "offset", "0,0.1,0.2", settings, images=6).setting

    monkeypatch.setattr(model_ref, "sha256_file", lambda path: "0" * 64)  # a package's version stays when it is edited
    toy.write_text(text, encoding="utf-8")
    assert searched() == searched() == "offset=0.1"
    # of another length: Python takes a file of equal size and second for the one that it has compiled
    toy.write_text(text.replace("- 0.1 + self.offset", "- 0.20 + self.offset"), encoding="utf-8")
    assert searched() == "offset=0.2"
    assert fits(tmp_path) == ["1.0"] * 2


def test_a_damaged_image_is_made_again(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    before = search(card, TOY, "offset", "0,0.1", settings, images=4)
    damaged = next(settings.out.rglob("images/*.png"))
    os.truncate(damaged, 50)
    assert search(card, TOY, "offset", "0,0.1", settings, images=4).curve == before.curve


def test_a_parameter_that_fit_reads_is_fitted_once_a_value(tmp_path: Path) -> None:
    card = str(small_card(tmp_path))
    settings = Settings(tmp_path / "out", overrides={"offset": "0.1"})
    found = search(card, TOY, "contrast", "0.5,1,1.2", settings, images=8)
    assert found.setting == "contrast=1"
    assert fits(tmp_path) == ["0.5", "1.0", "1.2"]


@pytest.mark.parametrize("distance", ["latents", "latent-mean", "mean-image"])
def test_other_distances_find_it_too(distance: str, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "out")
    found = search(
        str(small_card(tmp_path)), SEE_THROUGH, "offset", "0,0.1,0.2", settings, distance=distance, images=12
    )
    assert found.setting == "offset=0.1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameter": "ofset"}, "unknown parameter of Toy 'ofset': did you mean offset"),
        ({"values": "0.1"}, "at least 2 values of offset"),
        ({"values": "0,nan"}, "expected offset: float = 0.0, got 'nan'"),
        ({"images": 1}, "--images: expected 2 or more, for an interval, got 1"),
        ({"images": 100_000}, "--images: expected at most"),
        ({"distance": "l2"}, "--distance: expected one of channels"),
        ({"distance": "latents"}, "shows no latents"),
        ({"model_name": "copy-source", "parameter": "x"}, "copy-source can't do text-to-image"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_fitted(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    asked: dict[str, object] = {"model_name": TOY, "parameter": "offset", "values": "0,0.1", "images": 4} | change
    with pytest.raises(LdbenchError, match=message) as caught:
        search(str(small_card(tmp_path)), settings=Settings(tmp_path / "out"), **asked)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert fits(tmp_path) == []


def test_a_generator_that_fails_leaves_what_was_made(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    with pytest.raises(GeneratorError, match="generate raised ZeroDivisionError: told to"):
        search(card, TOY, "broken", "true,false", settings, images=4)
    assert len(list(settings.out.rglob("images/*.png"))) == 4


def test_two_searches_in_one_place_are_kept_apart(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    held = RunFolder(settings.out / "small" / "toy.py-Toy")
    with held.claimed(), pytest.raises(ResultError, match="another run is at work"):
        search(card, TOY, "offset", "0,0.1", settings, images=4)


def test_latents_of_another_shape_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SeeThrough, "encode", lambda self, images, context: torch.zeros(len(images), 4))
    with pytest.raises(GeneratorError, match=r"expected finite latents \(N, C, h, w\), got shape"):
        search(
            str(small_card(tmp_path)), f"{SeeThrough.__module__}:SeeThrough", "offset", "0,0.1",
            Settings(tmp_path / "out"), distance="latents", images=4,
        )
