"""The whole way on a small card: one result, resumed after a kill, refused when it would mix runs."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from ldbench.api import Context, Generator, Needs, Request, TrainingSet
from ldbench.board.entries import entries
from ldbench.board.gather import collect
from ldbench.data.images import read_image
from ldbench.errors import GeneratorError, LdbenchError, MetricError, ResultError, UsageError
from ldbench.plugins import model_ref
from ldbench.records import result as results
from ldbench.records.result import ModelRef
from ldbench.run.dry_run import dry_run
from ldbench.run.in_part import scores_in_part
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import cheap_card, small_card
from tests.forked import ldbench, started
from tests.plugins.installed import GOOD
from tests.stand_ins.sources import GREY

GENERATOR = f"{Path(__file__).parents[1] / 'stand_ins' / 'slow_generator.py'}:Slow"


@dataclass
class Greedy(Generator):
    """Looks for the truth where it should not be."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert context.truth is None
        assert all(request.case.source is None for request in requests)
        raise LdbenchError("nothing to be found")


@dataclass
class Needy(Greedy):
    """Says what it lacks; grey images where that is nothing."""

    lacks: ClassVar[tuple[str, ...]] = ()

    def needs(self, context: Context) -> Needs:
        return Needs(self.lacks)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return torch.full((len(requests), *context.image_shape), 0.5)


@dataclass
class Fetching(Needy):
    """Reads weights that the card names and its fit fetches."""

    place: ClassVar[Path]

    def fit(self, train: TrainingSet, context: Context) -> None:
        if not self.place.exists():
            self.place.write_bytes(b"1")

    def files(self, context: Context) -> dict[str, dict[str, Path]]:
        return {"backbone": {"unet.bin": self.place}} if self.place.is_file() else {}


SHARES = """
import torch
from dataclasses import dataclass
from ldbench.api import Generator


@dataclass
class Shares(Generator):
    \"\"\"Grey images of a level that one run settles for all.\"\"\"

    kinds = frozenset({"text-to-image"})

    def fit(self, train, context):
        self.file = context.shared / "level"
        if not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text("LEVEL")

    def generate(self, requests, context):
        return torch.full((len(requests), *context.image_shape), float(self.file.read_text()))
"""


def test_a_shared_fit_is_for_one_code_and_none_from_before_is_taken(tmp_path: Path) -> None:
    card, out, plug_in = str(cheap_card(tmp_path)), tmp_path / "runs", tmp_path / "shares.py"
    (out / "shared").mkdir(parents=True)
    (out / "shared" / "level").write_text("0.75")  # where fits lay before code had a part in it
    made, codes = [], []
    for seed, level in ((0, "0.25"), (1, "0.25"), (2, "0.5")):
        plug_in.write_text(SHARES.replace("LEVEL", level), encoding="utf-8")
        result, path = run(card, f"{plug_in}:Shares", Settings(out, seed))
        codes.append(str(result.environment.packages["code"]).removeprefix("sha256:"))
        made.append(float(read_image(next((path.parent / "images").iterdir()), size=64).mean()))
    assert made == pytest.approx([0.25, 0.25, 0.5], abs=1 / 255)
    assert codes[0] == codes[1] != codes[2]
    assert {file.parent.name for file in out.glob("shared/*/level")} == set(codes)


def test_a_run_writes_a_valid_result_with_provenance(tmp_path: Path) -> None:
    result, path = run(str(small_card(tmp_path)), "real", Settings(tmp_path / "runs"))
    assert results.read(path) == result
    assert result.model.name == "real"
    assert result.model.reference
    assert [score.metric for score in result.scores] == ["auc"]
    assert [stage.name for stage in result.stages] == ["fit", "generate", "score"]
    assert result.environment is not None
    assert result.environment.packages["torch"]
    assert len(result.images_hash or "") == 64
    assert (path.parent / "samples.png").stat().st_size > 1000


def test_the_code_that_was_loaded_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again later it could be other code than the one that runs."""
    read, digest = list[type[Generator]](), model_ref.code_digest
    monkeypatch.setattr(model_ref, "code_digest", lambda cls, entry: read.append(cls) or digest(cls, entry))
    result, _ = run(str(cheap_card(tmp_path)), "mean-image", Settings(tmp_path / "runs"))
    assert [cls.__name__ for cls in read] == ["MeanImage"]
    assert result.environment is not None
    assert result.environment.packages["code"].startswith("sha256:")


def test_a_finished_run_is_read_back_and_not_repeated(tmp_path: Path) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    first, path = run(card, "mean-image", settings)
    before = path.stat().st_mtime_ns
    assert run(card, "mean-image", settings) == (first, path)
    assert path.stat().st_mtime_ns == before


def test_a_finished_run_on_a_disk_that_is_read_only_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    done = run(card, "mean-image", settings)
    opened, made = Path.open, Path.mkdir

    def refused(path: Path, write: bool) -> None:
        if write and path.is_relative_to(tmp_path / "runs"):
            raise OSError(errno.EROFS, "Read-only file system", str(path))

    def read_only_open(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        refused(path, mode[0] != "r" or "+" in mode)
        return opened(path, mode, *arguments, **options)

    def read_only_mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        refused(path, not path.is_dir())
        made(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", read_only_open)
    monkeypatch.setattr(Path, "mkdir", read_only_mkdir)
    assert run(card, "mean-image", settings) == done
    with pytest.raises(ResultError, match=r"can't write .*: Read-only file system; choose another --out$"):
        run(card, "mean-image", dataclasses.replace(settings, seed=1))


HUNGRY = """
from dataclasses import dataclass
from typing import ClassVar
import torch
from ldbench.api import Generator

@dataclass
class Hungry(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def generate(self, requests, context):
        if len(requests) > 3:
            raise torch.OutOfMemoryError("told to")
        return torch.stack([request.noise(context.image_shape).sigmoid() for request in requests])
"""


@pytest.mark.parametrize("in_part", [False, True])
def test_memory_that_ran_out_is_said_and_stands_in_the_result(in_part: bool, tmp_path: Path) -> None:
    (tmp_path / "hungry.py").write_text(HUNGRY, encoding="utf-8")
    said: list[str] = []
    settings = Settings(tmp_path / "runs", batch_size=5, say=said.append)
    asked = (str(small_card(tmp_path)), f"{tmp_path / 'hungry.py'}:Hungry", settings)
    if in_part:
        scores_in_part(*asked, ["auc"])
    result, path = run(*asked)
    line = "generate: out of memory with 5 at a time, goes on with 2"
    assert said == [line]
    assert result.environment is not None
    assert result.environment.notes == [line]
    assert results.read(path) == result


MODEL = """
from dataclasses import dataclass
from typing import ClassVar
import torch
from ldbench.api import Generator
from level import LEVEL

@dataclass
class Grey(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    weights: str = ""
    batches: int = 100

    def generate(self, requests, context):
        self.made = getattr(self, "made", 0) + 1
        if self.made > self.batches:
            raise RuntimeError("told to")
        return torch.full((len(requests), *context.image_shape), LEVEL)
"""


@dataclass
class Author:
    """Somebody who works on a generator of two files, with weights beside it; `said` is what runs say."""

    place: Path
    said: list[str] = dataclasses.field(default_factory=list)

    def write(self, level: float) -> None:
        (self.place / "grey_model.py").write_text(MODEL)
        (self.place / "level.py").write_text(f"LEVEL = {level}\n")
        sys.modules.pop("level", None)
        importlib.invalidate_caches()

    def run(self, weights: str = "", batches: int = 100) -> results.Result:
        overrides = {"weights": weights, "batches": str(batches)}
        settings = Settings(self.place / "runs", batch_size=3, overrides=overrides, say=self.said.append)
        return run(str(cheap_card(self.place)), f"{self.place / 'grey_model.py'}:Grey", settings)[0]


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Author:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Author(tmp_path)


def test_half_a_run_is_not_finished_by_other_code(author: Author) -> None:
    author.write(0.0)
    with pytest.raises(GeneratorError, match="told to"):
        author.run(batches=1)
    author.write(0.5)
    with pytest.raises(ResultError, match=r"begun with other code \(sha256:\w{16}, here sha256:\w{16}\); put back"):
        author.run(batches=1)
    assert not list(author.place.rglob("result.json"))
    author.write(0.0)  # put back: the first batch is there, and the last ones come
    with pytest.raises(GeneratorError, match="told to"):
        author.run(batches=1)


def test_a_run_whose_generator_failed_at_once_may_be_repaired(author: Author) -> None:
    author.write(0.0)
    with pytest.raises(GeneratorError, match="told to"):
        author.run(batches=0)
    author.write(0.5)
    with pytest.raises(GeneratorError, match="told to"):
        author.run(batches=0)
    assert author.said == []


def test_a_finished_run_says_that_it_is_read_back_and_what_code_made_it(author: Author) -> None:
    author.write(0.0)
    first = author.run()
    assert author.said == []
    assert first.environment is not None
    assert first.environment.packages["code"].startswith("sha256:")
    assert author.run() == first
    author.write(0.5)
    assert author.run() == first
    date = rf"read back: finished run of {re.escape(first.created or '')}"
    assert len(author.said) == 2
    assert re.fullmatch(date, author.said[0])
    other = r"the code of \S+ was edited since \(sha256:\w{16}, here sha256:\w{16}\), so these are scores of the old"
    remedy = r"to run it anew remove \S+/seed-0 or choose another --out"
    assert re.fullmatch(f"{date}; {other} code; {remedy}", author.said[1])


def test_weights_that_are_replaced_in_place_are_not_taken_for_those_of_the_run(author: Author) -> None:
    author.write(0.0)
    folder = author.place / "weights"
    folder.mkdir()
    (folder / "unet.bin").write_bytes(b"1")
    first = author.run(str(folder))
    assert first.environment is not None
    digest = first.environment.packages["content of weights"]
    state = json.loads(next(author.place.rglob("run.json")).read_text(encoding="utf-8"))
    assert (state["content of weights"], state["code"]) == (digest, first.environment.packages["code"])
    (folder / "unet.bin").write_bytes(b"2")
    with pytest.raises(ResultError, match=rf"begun with other content of weights \({digest}, here sha256:\w{{16}}\)"):
        author.run(str(folder))
    (folder / "unet.bin").write_bytes(b"1")
    assert author.run(str(folder)) == first
    shutil.rmtree(folder)
    assert author.run(str(folder)) == first  # read where the weights are not


def test_what_a_generator_says_that_it_reads_is_known_by_content_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fetching, "place", tmp_path / "unet.bin", raising=False)
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    first = run(card, f"{__name__}:Fetching", settings)
    assert first[0].environment is not None
    digest = first[0].environment.packages["content of backbone"]  # which wasn't there when the run began
    state = json.loads((first[1].parent / "run.json").read_text(encoding="utf-8"))
    assert state["content of backbone"] == digest
    assert run(card, f"{__name__}:Fetching", settings) == first
    Fetching.place.write_bytes(b"2")
    with pytest.raises(ResultError, match=rf"begun with other content of backbone \({digest}, here sha256:\w{{16}}\)"):
        run(card, f"{__name__}:Fetching", settings)
    Fetching.place.unlink()
    assert run(card, f"{__name__}:Fetching", settings) == first  # read where the weights are not


def test_files_that_raise_are_the_generators_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fetching, "files", lambda self, context: 1 / 0)
    with pytest.raises(GeneratorError, match="Fetching: files raised ZeroDivisionError"):
        run(str(cheap_card(tmp_path)), f"{__name__}:Fetching", Settings(tmp_path / "runs"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 3}, "begun with batch_size 50, this run has 3"),
        ({"seed": -1}, r"--seed: expected an int from 0 to 2\^64 - 1, got -1"),
    ],
)
def test_a_folder_is_not_continued_under_other_settings(
    change: dict[str, int], message: str, tmp_path: Path
) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    run(card, "mean-image", settings)
    with pytest.raises((ResultError, UsageError), match=message):
        run(card, "mean-image", dataclasses.replace(settings, **change))


def test_a_folder_of_another_version_of_the_task_is_refused(tmp_path: Path) -> None:
    card, settings = cheap_card(tmp_path), Settings(tmp_path / "runs")
    _, path = run(str(card), "mean-image", settings)
    before = path.read_bytes()
    card.write_text(card.read_text(encoding="utf-8").replace("version = 2\n", "version = 3\n"), encoding="utf-8")
    with pytest.raises(ResultError, match="begun with task_version 2, this run has 3"):
        run(str(card), "mean-image", settings)
    assert path.read_bytes() == before


def test_a_generator_that_fails_leaves_no_result_and_sees_no_truth(tmp_path: Path) -> None:
    with pytest.raises(LdbenchError, match="nothing to be found"):
        run(str(cheap_card(tmp_path)), f"{__name__}:Greedy", Settings(tmp_path / "runs"))
    assert not list((tmp_path / "runs").rglob("result.json"))


def test_a_generator_of_another_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"copy-source can't do text-to-image.*A prompt alone has no source"):
        run(str(cheap_card(tmp_path)), "copy-source", Settings(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_generator_that_forgot_its_kinds_is_told_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "grey.py").write_text(GOOD.replace("    kinds: ", "    kind: "))
    said = r"can't do text-to-image \(.*\): it names no kinds; write kinds = frozenset\({\"text-to-image\"}\) in"
    with pytest.raises(UsageError, match=said):
        run(str(cheap_card(tmp_path)), f"{tmp_path}/grey.py:Grey", Settings(tmp_path / "runs"))


def test_a_result_that_was_scored_over_a_run_by_an_older_ldbench_is_not_the_runs(tmp_path: Path) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    ran, path = run(card, "mean-image", settings)
    results.write(dataclasses.replace(ran, model=ModelRef("mean-image", None, None)), path)
    with pytest.raises(ResultError, match="expected the result of a run of mean-image, got one of other images"):
        run(card, "mean-image", settings)
    assert [found.model.version for _, found in collect([settings.out])] == [None]  # reports still read it


def test_a_finished_run_is_read_back_after_its_generators_file_was_edited(tmp_path: Path) -> None:
    file, said = tmp_path / "grey.py", list[str]()
    file.write_text(GREY, encoding="utf-8")
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs", say=said.append)
    before, _ = run(card, f"{file}:Grey", settings)
    file.write_text(f"{GREY}# a comment\n", encoding="utf-8")
    again, _ = run(card, f"{file}:Grey", settings)
    assert again == before
    assert "; grey.py was edited since (sha256:" in said[-1]


@pytest.mark.parametrize(("seed", "said"), [(0, 0), (7, 1)])
def test_a_seed_that_the_card_does_not_name_is_told_before_it_runs(seed: int, said: int, tmp_path: Path) -> None:
    card, lines = str(cheap_card(tmp_path)), list[str]()
    settings = Settings(tmp_path / "runs", seed, say=lines.append)
    line = "seed 7: not one of the card's (0, 1, 2, 3, 4), so boards won't rank by it"
    assert dry_run(card, "mean-image", settings).found.count(line) == said
    result, path = run(card, "mean-image", settings)
    assert lines.count(line) == said
    (row,) = entries([(str(path), result)])
    assert row.on_card == (not said)


def test_what_a_card_asks_in_vain_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    metrics = "[metrics.kid]\nextractor = \"efficientnet-lite0\"\nresize = 224\nsubset_size = 100\n"
    card = str(small_card(tmp_path, metrics=metrics))
    with pytest.raises(MetricError, match=r"subset_size <= 8 \(the smaller set\)"):
        run(card, f"{__name__}:Greedy", Settings(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_read_back_whatever_is_missing_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    before = run(card, f"{__name__}:Needy", settings)
    monkeypatch.setattr(Needy, "lacks", ("the moon", "the stars"))
    assert run(card, f"{__name__}:Needy", settings) == before
    with pytest.raises(LdbenchError, match=r"small can't be run here, for 2 reasons: \(1\) the moon; \(2\) the stars"):
        run(card, f"{__name__}:Needy", Settings(tmp_path / "others"))
    assert not (tmp_path / "others").exists()


def start(card: Path, out: Path, *options: str) -> BaseProcess:
    words = ("run", str(card), GENERATOR, "--batch-size", "3", "--out", str(out), *options)
    return started(ldbench, *words, out=out.with_suffix(".log"))


def wait_for(path: Path, pattern: str, count: int, process: BaseProcess) -> None:
    deadline = time.monotonic() + 120
    while len(list(path.rglob(pattern))) < count:
        assert process.is_alive(), path.with_suffix(".log").read_text(encoding="utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_twice_and_resumed_gives_the_same_images_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = cheap_card(tmp_path, cases=20)
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    for count in (4, 11):  # in the middle of a batch of three, twice
        process = start(card, cut, "--set", "pause=0.2")
        wait_for(cut, "*.png", count, process)
        process.kill()
        process.join()
        assert not list(cut.rglob("result.json"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for out in (cut, whole):
        run(str(card), GENERATOR, Settings(out, batch_size=3, overrides={"pause": "0.2"}))
    images = {path.name: path.read_bytes() for path in whole.rglob("images/*.png")}
    assert len(images) == 20
    assert {path.name: path.read_bytes() for path in cut.rglob("images/*.png")} == images
    first, second = (results.read(next(folder.rglob("result.json"))) for folder in (cut, whole))
    assert first.scores == second.scores
    assert first.images_hash == second.images_hash
    assert [(stage.whole, stage.images) for stage in first.stages] == [(True, None), (False, 20), (None, None)]
    assert [(stage.whole, stage.images) for stage in second.stages] == [(True, None), (True, 20), (None, None)]


@pytest.mark.slow
def test_two_runs_in_one_folder_are_kept_apart(tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    process = start(card, tmp_path / "runs", "--set", "pause=60")
    try:
        wait_for(tmp_path / "runs", "run.json", 1, process)
        with pytest.raises(ResultError, match="another run is at work there"):
            run(str(card), GENERATOR, Settings(tmp_path / "runs", batch_size=3, overrides={"pause": "60"}))
    finally:
        process.kill()
        process.join()


def test_scoring_needs_every_case(tmp_path: Path) -> None:
    from ldbench.data.task_data import task_data
    from ldbench.score.scorer import inputs_of
    from ldbench.score.set_inputs import ScoringContext
    from ldbench.task import card as cards

    data = task_data(cards.load(str(cheap_card(tmp_path))), 0)
    with pytest.raises(MetricError, match="expected the images of 8 cases, got 1, 7 missing and 0 unknown"):
        inputs_of(data, {data.cases[0].id: torch.zeros(3, 64, 64)}, ScoringContext(torch.device("cpu"), 0))


def test_a_fit_that_raises_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="Slow: fit raised ZeroDivisionError"):
        run(str(cheap_card(tmp_path)), GENERATOR, Settings(tmp_path / "runs", overrides={"broken": "true"}))
