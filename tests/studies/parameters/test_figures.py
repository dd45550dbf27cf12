"""Figs. 2 and 3: files exist, show something, hold the right numbers, and are the same bytes twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.errors import LdbenchError
from ldbench.run.settings import Settings
from ldbench.studies.parameters.sweep import sweep
from ldbench.studies.parameters.trajectory import trajectory
from ldbench.studies.parameters.workbench import AnswerFiles
from tests.conftest import small_card
from tests.studies.parameters.toy_answers import SEE_THROUGH, TOY, fits, inked


def twice(drawn: AnswerFiles, again: AnswerFiles) -> None:
    assert (drawn.record, drawn.plot) == (again.record, again.plot)
    with Image.open(drawn.plot) as image:
        assert image.info == {}  # no date, no version


def test_a_sweep_shows_one_noise_a_row(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    drawn = sweep(card, TOY, "offset", "0.1:0.3:0.1", settings, prompts=2)
    before = drawn.plot.read_bytes(), drawn.record.read_bytes()
    twice(drawn, sweep(card, TOY, "offset", "0.1:0.3:0.1", settings, prompts=2))
    assert (drawn.plot.read_bytes(), drawn.record.read_bytes()) == before
    assert fits(tmp_path) == ["1.0"]
    assert inked(drawn.plot) > 0.2
    columns = json.loads(before[1])["columns"]
    assert [column["text"] for column in columns] == ["0.1", "0.2", "0.3"]
    steps = np.diff([column["mean_rgb"] for column in columns], axis=0)
    assert (abs(steps - 0.1) < 0.02).all()  # the same images, brighter by one step each
    assert len(columns[0]["images"]) == 2


@pytest.mark.slow
def test_replaced_weights_and_another_precision_are_fitted_and_drawn_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, level, beside = str(small_card(tmp_path)), tmp_path / "level.txt", tmp_path / "beside.txt"
    settings = Settings(tmp_path / "out", overrides={"level": str(level)})

    def drawn() -> tuple[AnswerFiles, float]:
        answer = sweep(card, f"{Path(TOY).parent}/toy.py:Read", "offset", "0.2,0.3", settings, prompts=2)
        return answer, json.loads(answer.record.read_text(encoding="utf-8"))["columns"][0]["mean_rgb"][0]

    level.write_text("0", encoding="utf-8")
    first, brightness = drawn()
    assert drawn() == (first, brightness)
    assert len(fits(tmp_path)) == 1  # though the fit downloaded a file that the images depend on
    packages = json.loads(first.record.read_text(encoding="utf-8"))["environment"]["packages"]
    assert {"code", "content of level", "content of beside", "resolved bias"} < packages.keys()
    level.write_text("0.5", encoding="utf-8")
    assert drawn()[1] == pytest.approx(brightness / 2, abs=0.005)
    beside.write_text("0.25", encoding="utf-8")
    last, darkest = drawn()
    assert darkest == pytest.approx(brightness / 4, abs=0.005)
    monkeypatch.setenv("TOY_BIAS", "some")
    again, same = drawn()
    assert (again.record != last.record, same) == (True, darkest)
    assert len(fits(tmp_path)) == 4
    assert first.record.exists()  # each content has its own answer


def test_own_prompts_take_the_place_of_cases(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    drawn = sweep(card, TOY, "offset", "0,0.1", settings, own_prompts=["a mountain", "a plane"])
    cases = json.loads(drawn.record.read_text(encoding="utf-8"))["cases"]
    assert [case["prompt"] for case in cases] == ["a mountain", "a plane"]


@pytest.mark.slow
def test_a_trajectory_follows_pixels_and_latents(tmp_path: Path) -> None:
    card, settings = str(small_card(tmp_path)), Settings(tmp_path / "out")
    asked = {"parameter": "offset", "values": "0.1,0.3", "images": 2}
    drawn = trajectory(card, SEE_THROUGH, settings, **asked)  # type: ignore[arg-type]
    before = drawn.plot.read_bytes()
    twice(drawn, trajectory(card, SEE_THROUGH, settings, **asked))  # type: ignore[arg-type]
    assert drawn.plot.read_bytes() == before
    assert inked(drawn.plot) > 0.02
    first, second = json.loads(drawn.record.read_text(encoding="utf-8"))["settings"]
    assert first["label"] == "offset = 0.1"
    assert [step["step"] for step in first["steps"]] == [1, 2, 3, 4, 5, 6, 7, 8]  # more than are drawn
    assert len(first["steps"][0]["latent_channels"]) == 4
    dead = [step["latent_channels"][3]["sd"] for step in first["steps"]]
    assert dead == sorted(dead, reverse=True)  # noise that fades
    assert dead[0] == pytest.approx(0.875, abs=0.05)
    gap = second["steps"][-1]["image_channels"][0]["mean"] - first["steps"][-1]["image_channels"][0]["mean"]
    assert gap == pytest.approx(0.2, abs=0.02)
    quantiles = list(first["steps"][1]["image_channels"][0]["quantiles"].values())
    assert quantiles == sorted(quantiles)


def test_without_a_parameter_the_settings_stand_alone(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "out", overrides={"steps": "2"})
    drawn = trajectory(str(small_card(tmp_path)), SEE_THROUGH, settings, images=2)
    record = json.loads(drawn.record.read_text(encoding="utf-8"))
    assert [each["label"] for each in record["settings"]] == ["as set"]
    assert len(record["settings"][0]["steps"]) == 2
    assert record["compare"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": 0}, "--prompts: expected 1 to 8, got 0"),
        ({"prompts": 9}, "--prompts: expected 1 to 8, got 9"),
        ({"own_prompts": ["a", "a"]}, "--prompt: expected at most 50 different ones"),
        ({"values": "x"}, "expected offset: float = 0.0, got 'x'"),
    ],
)
def test_a_sweep_refuses_in_one_line(change: dict[str, object], message: str, tmp_path: Path) -> None:
    asked: dict[str, object] = {"parameter": "offset", "values": "0,0.1"} | change
    with pytest.raises(LdbenchError, match=message):
        sweep(str(small_card(tmp_path)), TOY, settings=Settings(tmp_path / "out"), **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "parameter", "values", "message"),
    [
        (TOY, None, None, "doesn't show its reverse process"),
        (SEE_THROUGH, "offset", None, "--parameter and --values: expected both or neither"),
        (SEE_THROUGH, None, "0,1", "--parameter and --values: expected both or neither"),
        (SEE_THROUGH, "steps", "0", "expected a moment a step from trajectory, got none"),
    ],
)
def test_a_trajectory_refuses_in_one_line(
    model: str, parameter: str | None, values: str | None, message: str, tmp_path: Path
) -> None:
    settings = Settings(tmp_path / "out")
    with pytest.raises(LdbenchError, match=message):
        trajectory(str(small_card(tmp_path)), model, settings, parameter=parameter, values=values, images=2)
