"""What `ldbench run` says of a run that was finished before, and where; settings of one of several models."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import GeneratorError, UnknownNameError, UsageError
from ldbench.records import result as results
from ldbench.run import pipeline
from ldbench.run.settings import Settings
from tests.command_line import raising, said
from tests.conftest import cheap_card
from tests.stand_ins.sources import GREY


def test_a_finished_run_is_said_to_be_read_back_and_results_stay_alone_on_standard_output(tmp_path: Path) -> None:
    arguments = ["run", str(cheap_card(tmp_path)), "mean-image", "--out", str(tmp_path / "runs"), "--device", "cpu"]
    first, second = (raising(*arguments) for _ in range(2))
    created = results.read(next((tmp_path / "runs").rglob("result.json"))).created
    assert first.stdout == second.stdout
    assert "read back" not in first.stderr
    assert f"mean-image on {arguments[1]}: read back: finished run of {created}\n" in second.stderr


@pytest.mark.parametrize("metric", [(), ("--metric", "kid")])
def test_old_scores_of_a_file_that_was_edited_are_said_to_be_old_before_and_after_them(
    metric: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "grey.py").write_text(GREY, encoding="utf-8")
    arguments = ["run", cheap_card(tmp_path), f"{tmp_path / 'grey.py'}:Grey", "--out", tmp_path / "runs"]
    before = raising(*arguments, "--device", "cpu")
    assert "edited" not in before.output
    (tmp_path / "grey.py").write_text(GREY.replace("0.5", "0.25"), encoding="utf-8")
    after = raising(*arguments, "--device", "cpu", *metric)
    assert after.stdout == before.stdout
    first, last = (line for line in after.stderr.splitlines() if "grey.py was edited since" in line)
    assert first == last
    assert last.endswith(
        "so these are scores of the old code; for scores of this code remove the folder or choose another --out"
    )
    assert str(next((tmp_path / "runs").rglob("seed-0"))) in last
    table, said = after.output.index("kid"), after.output.index
    assert said("edited since") < table < after.output.rindex("edited since")


def test_one_of_several_models_has_settings_of_its_own(tmp_path: Path) -> None:
    arguments = ["run", str(cheap_card(tmp_path)), "real", "collapse", "--out", str(tmp_path / "runs"), "--dry-run"]
    named = said(*arguments, "--set", "collapse:images=4")
    assert "model collapse" in named
    assert named.count("missing: nothing") == 2
    with pytest.raises(UnknownNameError, match=r"'images'.* write --set MODEL:key=value"):
        raising(*arguments, "--set", "images=4")


@pytest.mark.parametrize("stage", ["prepare", "run"])
def test_the_others_go_on_after_a_model_that_fails(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(pipeline, stage)

    def failing(task: str, model: str, settings: Settings) -> object:
        if model == "collapse":
            raise GeneratorError("no images\nat all")
        return whole(task, model, settings)

    monkeypatch.setattr(pipeline, stage, failing)
    arguments = ["run", str(cheap_card(tmp_path)), "mean-image", "collapse", "real", "--device", "cpu"]
    ended = raising(*arguments, "--out", tmp_path / "runs")
    assert ended.exit_code == 2
    assert [line for line in ended.stderr.splitlines() if line.startswith("error: ")] == [
        "error: collapse: no images at all"
    ]
    assert len(list((tmp_path / "runs").rglob("result.json"))) == 2
    assert ended.stdout.count("result.json") == 2
    with pytest.raises(GeneratorError, match="no images"):  # alone, it ends as any command does
        raising(*arguments[:2], "collapse", "--out", tmp_path / "one")


def test_the_others_go_on_after_an_unforeseen_error_of_one_model_and_its_traceback_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pipeline.sample_sheet

    def broken(images: Path, *args: object, **named: object) -> None:
        if "collapse" in str(images):
            raise RuntimeError("a device\nwent away")
        whole(images, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "sample_sheet", broken)
    arguments = ["run", str(cheap_card(tmp_path)), "mean-image", "collapse", "real", "--device", "cpu"]
    ended = raising(*arguments, "--out", tmp_path / "runs")
    (kept,) = (tmp_path / "runs").rglob("error.txt")
    assert ended.exit_code == 2
    assert f"error: collapse: RuntimeError: a device went away; traceback: {kept}\n" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "in broken" in kept.read_text("utf-8")
    assert ended.stdout.count("result.json") == 2
    with pytest.raises(RuntimeError, match="went away"):  # alone, a defect of the suite ends as one
        raising(*arguments[:2], "collapse", "--out", tmp_path / "one")


WANDERER = """
import os
from dataclasses import dataclass
from typing import ClassVar
import torch
from ldbench.api import Generator

@dataclass
class Wanderer(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def fit(self, train, context):
        os.chdir("/")
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")

    def generate(self, requests, context):
        assert torch.is_grad_enabled()
        images = torch.full((len(requests), *context.image_shape), 0.5)
        assert (images.dtype, images.device.type) == (torch.float32, "cpu")
        (context.folder / "mark").write_text("here")
        os.chdir("/")
        (context.folder / "mark").read_text()
        return images
"""


def test_a_generator_that_moves_the_process_about_harms_no_stage_and_no_other_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wanderer.py").write_text(WANDERER, encoding="utf-8")
    arguments = ["run", cheap_card(tmp_path).name, "wanderer.py:Wanderer", "real", "--device", "cpu", "--out", "runs"]
    said(*arguments)
    assert len(list((tmp_path / "runs").rglob("result.json"))) == 2
    assert Path.cwd() == tmp_path


def test_two_files_of_one_name_are_refused_where_their_code_differs_and_one_file_by_two_paths_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, grey in (("v1", "0.5"), ("v2", "0.25")):
        Path(folder).mkdir()
        Path(folder, "model.py").write_text(GREY.replace("0.5", grey), encoding="utf-8")
    arguments = ["run", cheap_card(tmp_path).name, "v1/model.py:Grey", "--device", "cpu", "--out", "runs"]
    clash = "v1/model.py:Grey and v2/model.py:Grey: expected a name each, got model.py:Grey for both, with other code"
    with pytest.raises(UsageError, match=clash):
        raising(*arguments, "v2/model.py:Grey")
    assert not Path("runs").exists()
    said(*arguments, "./v1/model.py:Grey", "--dry-run")


def test_several_seeds_of_several_models_are_run_and_one_that_fails_is_named_with_its_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pipeline.run

    def failing(task: str, model: str, settings: Settings) -> object:
        if (model, settings.seed) == ("real", 0):
            raise GeneratorError("no images")
        return whole(task, model, settings)

    monkeypatch.setattr(pipeline, "run", failing)
    arguments = ["run", str(cheap_card(tmp_path)), "mean-image", "real", "--device", "cpu", "--seeds", "0,2"]
    ended = raising(*arguments, "--out", tmp_path / "runs")
    assert ended.exit_code == 2
    assert "error: real, seed 0: no images\n" in ended.stderr
    made = [Path(line) for line in ended.stdout.splitlines() if line.endswith("result.json")]
    assert [(path.parts[-3].partition("-")[0], path.parts[-2]) for path in made] == [
        ("mean", "seed-0"), ("mean", "seed-2"), ("real", "seed-2")
    ]


@pytest.mark.parametrize(
    ("options", "said"), [("--seed 1 --seeds 0-2", "no --seed beside it, got 1"), ("--seeds 2-0", "got '2-0'")]
)
def test_seeds_are_listed_once_and_in_the_shared_grammar(options: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        raising("run", cheap_card(tmp_path), "real", *options.split())
