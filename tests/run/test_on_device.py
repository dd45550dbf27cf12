"""A run on cuda:1 has that device as its thread's current one, and leaves the one of before: seen without a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from ldbench.api import Context, Generator, Needs, Request, TrainingSet
from ldbench.run import measure as measuring
from ldbench.run import pipeline, score_folder, scoring
from ldbench.run.dry_run import dry_run
from ldbench.run.environment import on_device
from ldbench.run.measure import measure
from ldbench.run.settings import Settings
from ldbench.run.verify import recompute, verify
from ldbench.studies.parameters.workbench import workbench
from ldbench.testing import check_generator
from tests.conftest import small_card

ON_CPU = "[metrics.frd]\n"  # whose features need no device
SEEN: list[tuple[str, int]] = []


def see(stage: str) -> None:
    """Note the thread's current device."""
    SEEN.append((stage, torch.cuda.current_device()))


@dataclass
class Grey(Generator):
    """Grey images; notes on which device it is asked."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def needs(self, context: Context) -> Needs:
        see("needs")
        return Needs()

    def fit(self, train: TrainingSet, context: Context) -> None:
        see("fit")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        see("generate")
        return torch.full((len(requests), *context.image_shape), 0.5)


NAME = f"{__name__}:Grey"


@pytest.fixture(autouse=True)
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices of which only the number of the current one is there; the program's own is the first."""
    current = [0]

    def exchange(device: int) -> int:
        before, current[0] = current[0], device
        return before

    answers: dict[str, Any] = {
        "is_available": lambda: True, "device_count": lambda: 2, "init": lambda: None, "_exchange_device": exchange,
        "_maybe_exchange_device": exchange, "current_device": lambda: current[0],
        "reset_peak_memory_stats": lambda device: None, "max_memory_allocated": lambda device: 0,
        "get_device_name": lambda device: "a pretended GPU", "empty_cache": lambda: None,
        "mem_get_info": lambda device: (2**30, 2**30),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    SEEN.clear()


def noting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, stage: str) -> None:
    """Let a function note the current device before it does what it does."""
    asked = getattr(module, name)

    def noted(*args: Any, **kwargs: Any) -> Any:
        see(stage)
        return asked(*args, **kwargs)

    monkeypatch.setattr(module, name, noted)


@pytest.mark.slow
def test_every_stage_of_a_run_is_on_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting(monkeypatch, scoring, "scores_of", "score")
    card = str(small_card(tmp_path, metrics=ON_CPU))
    settings = Settings(tmp_path / "runs", device="cuda:1")
    _, path = pipeline.run(card, NAME, settings)
    assert dict(SEEN) == dict.fromkeys(("needs", "fit", "generate", "score"), 1)
    assert torch.cuda.current_device() == 0
    SEEN.clear()
    score_folder.score_folder(card, path.parent / "images", "mine", settings)
    noting(monkeypatch, recompute, "scores_of", "verify")
    verify(path, device="cuda:1", task=card)
    dry_run(card, NAME, replace(settings, out=tmp_path / "others"))  # a finished run needs nothing
    assert SEEN == [("score", 1), ("verify", 1), ("needs", 1)]
    assert torch.cuda.current_device() == 0


def test_a_failed_run_leaves_the_device_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scoring, "scores_of", failing)
    with pytest.raises(ZeroDivisionError):
        pipeline.run(str(small_card(tmp_path, metrics=ON_CPU)), NAME, Settings(tmp_path / "runs", device="cuda:1"))
    assert torch.cuda.current_device() == 0


def test_measuring_from_python_leaves_the_callers_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldbench.run.surroundings.states_kept", lambda device: nullcontext())  # it asks real devices
    noting(monkeypatch, measuring, "measure_folders", "measure")
    real, generated = (torch.rand((6, 1, 32, 32), generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    measure(real, generated, metrics=["frd"], device="cuda:1")
    assert (SEEN, torch.cuda.current_device()) == ([("measure", 1)], 0)


def test_studies_and_the_kit_are_on_their_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = str(small_card(tmp_path, metrics=ON_CPU))
    with workbench(card, NAME, Settings(tmp_path / "runs", device="cuda:1")) as bench:
        bench.images(bench.search_cases(1), {}, "a test")
    assert dict(SEEN) == {"fit": 1, "generate": 1}
    SEEN.clear()
    monkeypatch.setattr("ldbench.testing.states_kept", lambda device: on_device(torch.device("cpu")))
    monkeypatch.setattr("ldbench.testing.behaviour.look", lambda trial, kind: (see("look"), [])[1])
    check_generator(Grey, device="cuda:1")
    assert (SEEN, torch.cuda.current_device()) == ([("look", 1)], 0)


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_a_device_without_a_number_changes_nothing(name: str) -> None:
    """What a launcher or a program has chosen stays."""
    with torch.cuda.device(1), on_device(torch.device(name)):
        assert torch.cuda.current_device() == 1
