"""Python and the command line are one way: the same files of a run, whichever asked for it."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import ldbench
from ldbench.errors import GeneratorError, ImageError, ResultError, UnknownNameError, UsageError
from tests.command_line import said
from tests.conftest import cheap_card
from tests.run.test_surroundings import process

pytestmark = pytest.mark.slow

FILE = """
from dataclasses import dataclass
from typing import ClassVar
import random
import torch
from ldbench.api import Generator

@dataclass
class Grey(Generator):
    \"\"\"Grey with noise; it seeds what is not its own.\"\"\"
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    level: float = 0.5

    def fit(self, train, context):
        random.seed(1)
        torch.manual_seed(1)
        self.mean = train[0].image.mean()

    def generate(self, requests, context):
        if (context.folder / "broken").exists():
            raise RuntimeError("no more")
        noise = torch.stack([request.noise(context.image_shape) for request in requests])
        return (self.level + 0.1 * self.mean * noise).clamp(0, 1)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The user's file, imported."""
    (tmp_path / "grey_here.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("grey_here")
    del sys.modules["grey_here"]


def files(folder: Path) -> dict[str, Any]:
    """Every file of a run by its name: results and `times.json` without times, all else as bytes."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = timeless(path) if path.name == "result.json" else path.read_bytes()
            if path.name == "times.json":
                content = list(json.loads(content))
            found[path.relative_to(folder).as_posix()] = content
    return found


def timeless(result: Path) -> dict[str, Any]:
    record = json.loads(result.read_text(encoding="utf-8"))
    stages = [stage["name"] for stage in record["stages"]]
    return record | {"created": "", "stages": stages}


def test_a_run_has_the_same_files_whoever_asked_for_it(module: ModuleType, tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    said("run", card, "grey_here.py:Grey", "--set", "level=0.25", "--seed", 3, "--out", "shell", "--device", "cpu")
    there = files(tmp_path / "shell")
    assert {Path(name).name for name in there} >= {"result.json", "units.json", "manifest.json", "run.json"}
    made = ldbench.run_task(card, module.Grey(level=0.25), seed=3, out="instance", device="cpu")
    ldbench.run_task(str(card), module.Grey, parameters={"level": 0.25}, seed=3, out=tmp_path / "class", device="cpu")
    ldbench.run_task(card, "grey_here.py:Grey", parameters={"level": "0.25"}, seed=3, out="name", device="cpu")
    for out in ("instance", "class", "name"):
        assert files(tmp_path / out) == there, out
    assert made.path == made.folder / "result.json"
    assert made.values == {score.metric: score.value for score in made.scores}
    assert made.result.model.parameters == {"level": 0.25}
    assert repr(made).splitlines()[0] == "grey_here.py:Grey on small, seed 3"


def test_numbers_of_numpy_and_paths_are_taken_as_pythons_own(module: ModuleType, tmp_path: Path) -> None:
    card, level = cheap_card(tmp_path), np.float32(0.25)
    made = ldbench.run_task(card, module.Grey(level=level), seed=np.int64(3), batch_size=np.int32(9), device="cpu")
    again = ldbench.run_task(card, module.Grey, seed=3, batch_size=9, parameters={"level": level}, device="cpu")
    assert again == made
    record = json.loads(made.path.read_text())
    assert (record["seed"], record["model"]["parameters"]) == (3, {"level": 0.25})
    scored = ldbench.score_images(card, made.folder / "images", "mine", seed=np.uint8(3), device="cpu")
    assert scored.values == made.values
    [metric] = made.values
    found = ldbench.leaderboard(metrics=metric), ldbench.compare(metrics=np.array([metric]))
    assert ([one.metric for one in found[0].record.metrics], set(found[1].by_metric)) == ([metric], {metric})


def test_images_from_elsewhere_have_the_same_files_whoever_scores_them(module: ModuleType, tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    images = ldbench.run_task(card, module.Grey, out="runs", device="cpu").folder / "images"
    said("score", card, images, "--name", "mine", "--out", "shell", "--device", "cpu")
    made = ldbench.score_images(card, str(images), "mine", out="python", device="cpu")
    assert files(tmp_path / "python") == files(tmp_path / "shell")
    assert made.result.seed == 0
    with pytest.raises(ResultError, match="expected no result of 'mine' and seed 0 yet"):
        ldbench.score_images(card, images, "mine", out="python", device="cpu")
    assert ldbench.score_images(card, images, "mine", out="python", replace=True, device="cpu").scores == made.scores
    next(images.iterdir()).unlink()
    with pytest.raises(ImageError):
        ldbench.score_images(card, images, "mine", seed=1, out="python", device="cpu")


def test_the_callers_process_is_as_it_was_and_nothing_is_printed(
    module: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    card, own = cheap_card(tmp_path), module.Grey()
    with torch.inference_mode():
        before = process()
        made = ldbench.run_task(card, own, device="cpu")
        ldbench.score_images(card, made.folder / "images", "mine", device="cpu")
        assert process() == before
    assert vars(own) == vars(module.Grey())  # the run fitted one of its own
    assert capfd.readouterr() == ("", "")
    stages = list[str]()
    ldbench.run_task(card, own, seed=1, device="cpu", progress=lambda stage, done, total, note="": stages.append(stage))
    assert "generate" in stages


def test_a_run_that_failed_raises_and_goes_on_when_it_is_called_again(module: ModuleType, tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    folder = ldbench.run_task(card, module.Grey, device="cpu").folder
    whole = files(folder)
    (folder / "result.json").unlink()
    next((folder / "images").iterdir()).unlink()
    (folder / "fit" / "broken").touch()
    with pytest.raises(GeneratorError, match=r"RuntimeError: no more \(grey_here.py:\d+\); traceback: "):
        ldbench.run_task(card, module.Grey, device="cpu")
    assert "RuntimeError: no more" in (folder / "error.txt").read_text()
    with pytest.raises(ResultError, match=r"goes on with `ldbench\.run_task\('.*', Grey, seed=0, out='runs'"):
        ldbench.leaderboard()
    (folder / "fit" / "broken").unlink()
    assert ldbench.run_task(card, module.Grey, device="cpu").folder == folder
    assert files(folder) == whole


def test_a_result_of_other_code_is_not_given_for_this_code(module: ModuleType, tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    first = ldbench.run_task(card, module.Grey, device="cpu")
    assert ldbench.run_task(card, module.Grey(), device="cpu") == first  # read back, without a word
    text = FILE.replace("0.1 *", "0.25 *")  # of another size: a cached module of the same second is told by that alone
    (tmp_path / "grey_here.py").write_text(text)
    importlib.reload(module)
    with pytest.raises(ResultError, match=r"grey_here.py was edited since .*remove the folder or choose another"):
        ldbench.run_task(card, module.Grey, device="cpu")
    with pytest.warns(UserWarning, match="grey_here.py was edited since") as warned:
        assert ldbench.run_task(card, "grey_here.py:Grey", device="cpu") == first
    assert warned[0].filename == __file__
    said = list[str]()
    ldbench.run_task(card, "grey_here.py:Grey", device="cpu", say=said.append)
    assert "grey_here.py was edited since" in said[0]
    shutil.rmtree(first.folder)
    assert ldbench.run_task(card, module.Grey, device="cpu").scores != first.scores


def test_mistakes_are_one_line_and_nothing_is_begun(module: ModuleType, tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean sandbox-brain-t2i"):
        ldbench.run_task("sandbox-brain-t2", module.Grey, device="cpu")
    with pytest.raises(UnknownNameError, match="unknown parameter of Grey 'levle': did you mean level"):
        ldbench.run_task(card, module.Grey, parameters={"levle": 0.3}, device="cpu")
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or cuda:N"):
        ldbench.run_task(card, module.Grey, device="gpu")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seed": "1"}, "seed: expected an int, got '1'"), ({"seed": 1.0}, "seed: .*, got 1.0"),
        ({"seed": -1}, r"seed: expected an int from 0 to 2\^64 - 1, got -1"),
        ({"batch_size": "1"}, "batch_size: expected an int, got '1'"),
        ({"batch_size": True}, "batch_size: .*, got True"),
        ({"batch_size": 0}, "batch_size: expected an int of 1 or more, got 0"),
    ],
)
def test_a_number_of_another_type_is_one_line(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{said}$"):
        ldbench.run_task(cheap_card(tmp_path), "mean-image", out=tmp_path / "runs", **given)
    if "seed" in given:
        with pytest.raises(UsageError, match=f"^{said}$"):
            ldbench.score_images(cheap_card(tmp_path), tmp_path, "mine", out=tmp_path / "runs", **given)
    assert not (tmp_path / "runs").exists()
