"""What is wrong with calls of `generate` is said of them, and not of `fit`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import torch

from ldbench.api import Context, Request, TrainingSet
from ldbench.testing import Finding, check_generator
from tests.stand_ins.broken_generators import OnlyText, noise

pytestmark = pytest.mark.slow

COMPARING = ("batch size and order", "refitted, same bytes", "restarted, same bytes", "interrupted, same bytes")


@dataclass
class Tired(OnlyText):
    """Raises in its seventh image, as one that runs out of something."""

    _made: int = field(default=0, init=False)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        self._made += len(requests)
        if self._made > 6:
            raise IndexError("no noise left")
        return noise(requests, context)


@dataclass
class RandLike(OnlyText):
    """Draws from torch's global state in both."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        torch.rand(3)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return torch.rand_like(noise(requests, context))


@dataclass
class Counter(OnlyText):
    """Keeps how often it was called."""

    _calls: int = field(default=0, init=False)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        self._calls += 1
        return (noise(requests, context) + 0.01 * self._calls).clamp(0, 1)


@dataclass
class WarmingUp(OnlyText):
    """Other images at its first call alone."""

    _called: bool = field(default=False, init=False)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        first, self._called = not self._called, True
        return noise(requests, context) * (0.5 if first else 1)


@dataclass
class NeverAlone(OnlyText):
    """Squeezes a batch of one away."""

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        if len(requests) == 1:
            raise ValueError("expected 4 dimensions")
        return noise(requests, context)


@dataclass
class NaNAlone(OnlyText):
    """Divides by the spread of a batch."""

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        images = noise(requests, context)
        return images if len(requests) > 1 else images * torch.nan


@dataclass
class OnceAProcess(OnlyText):
    """A second fit raises, wherever it is."""

    fits = 0

    def fit(self, train: TrainingSet, context: Context) -> None:
        type(self).fits += 1
        if type(self).fits > 1:
            raise RuntimeError("initialised already")


@dataclass
class NoRestart(OnlyText):
    """Refuses a folder that it has used."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        (context.folder / "weights").mkdir()


def looked(cls: type[OnlyText]) -> tuple[dict[str, Finding], dict[str, str]]:
    findings = {each.name.removeprefix("text-to-image: "): each for each in check_generator(cls)}
    return findings, {name: each.detail for name, each in findings.items() if not each.passed}


def test_a_second_call_that_raises_is_a_fault_of_running() -> None:
    findings, broken = looked(Tired)
    assert list(broken) == ["fit and generate"]
    assert "a second call: Tired, cases" in broken["fit and generate"]
    assert "generate raised IndexError: no noise left (test_repeats.py:" in broken["fit and generate"]
    assert broken["fit and generate"].endswith("; repair what it raises")
    for name in ("same request, same bytes", "global random state unused", "seed matters", *COMPARING):
        assert not findings[name].judged
        assert findings[name].seen == "not judged: generate raises when it is called again (see fit and generate)"


@pytest.mark.parametrize(
    ("cls", "expected", "cause"),
    [
        (RandLike, ["global random state unused", "global random state undisturbed"], "global random state unused"),
        (Counter, ["same request, same bytes"], "same request, same bytes"),
        (WarmingUp, ["same request, same bytes"], "same request, same bytes"),
    ],
)
def test_calls_of_one_fit_that_differ_say_nothing_of_fits(cls: type[OnlyText], expected: list[str], cause: str) -> None:
    findings, broken = looked(cls)
    assert sorted(broken) == sorted(expected)
    assert " different, by up to " in broken[cause]
    for name in COMPARING:
        assert findings[name].seen == f"not judged: generate itself isn't repeatable (see {cause})"


@pytest.mark.parametrize(
    ("cls", "said", "remedy"),
    [
        (NeverAlone, "one by one: NeverAlone, .*generate raised ValueError: expected 4", "; repair what it raises"),
        (NaNAlone, "one by one: NaNAlone, .*NaN or infinity in 1 of 1 images, first in", "; look for a division"),
        (OnceAProcess, r"a second fit: fit raised RuntimeError: initialised .*\(test_", "; repair what it raises"),
    ],
)
def test_whatever_else_raises_is_named_with_when(cls: type[OnlyText], said: str, remedy: str) -> None:
    findings, broken = looked(cls)
    assert list(broken) == ["fit and generate"]
    assert re.search(said, broken["fit and generate"])
    assert broken["fit and generate"][-60:].count(remedy) == 1
    assert findings["restarted, same bytes"].judged != (cls is OnceAProcess)


def test_a_fit_that_raises_in_a_folder_it_has_used_is_a_fault_of_restarting() -> None:
    _, broken = looked(NoRestart)
    assert list(broken) == ["restarted, same bytes"]
    assert "FileExistsError" in broken["restarted, same bytes"]
