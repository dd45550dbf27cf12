"""The conformance kit passes a good generator and catches each way of breaking the contract, by name."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from ldbench.api import Context, Generator, Request, TrainingSet
from ldbench.testing import Finding, check_generator

EDITING = frozenset({"aging", "disease-counterfactual"})


def noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return torch.stack([0.5 + 0.1 * request.noise(context.image_shape) for request in requests]).clamp(0, 1)


@dataclass
class Good(Generator):
    """Noise about the training mean, or about the source where there is one."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"}) | EDITING
    strength: float = 0.1
    _mean: torch.Tensor | None = field(default=None, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        self._mean = torch.stack([train[index].image for index in range(len(train))]).mean(0)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert self._mean is not None
        start = [self._mean if request.case.source is None else request.case.source for request in requests]
        return (torch.stack(start) + self.strength * (noise(requests, context) - 0.5)).clamp(0, 1)


@dataclass
class OnlyText(Generator):
    """A text-to-image generator that the broken ones below are made from."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "It edits nothing."

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return noise(requests, context)


def failed(findings: list[Finding]) -> dict[str, str]:
    """Detail by name, of the findings that failed."""
    assert all("\n" not in finding.detail for finding in findings)
    bad = [finding for finding in findings if not finding.passed]
    return {finding.name.removeprefix("text-to-image: "): finding.detail for finding in bad}


def test_a_good_generator_passes_all_kinds_as_class_and_as_instance() -> None:
    findings = check_generator(Good)
    assert failed(findings) == {}
    for kind in Good.kinds:
        assert sum(finding.name.startswith(f"{kind}: ") for finding in findings) >= 9
    assert failed(check_generator(Good(strength=0.3), kind="aging")) == {}


def test_one_kind_limits_the_check_and_an_unable_generator_fails_it() -> None:
    names = [finding.name for finding in check_generator(Good, kind="aging")]
    assert not any(name.startswith(("text-to-image", "disease")) for name in names)
    findings = check_generator(OnlyText, kind="aging")
    assert failed(findings) == {"capabilities": "expected aging, got text-to-image: It edits nothing."}
    assert not any("fit" in finding.name for finding in findings)


Make = Callable[[Sequence[Request], Context], torch.Tensor]

BROKEN_IMAGES: dict[str, tuple[Make, str]] = {
    "too few": (lambda r, c: noise(r, c)[1:], r"expected images of shape \(6, 3, 64, 64\), got \(5, 3, 64, 64\)"),
    "grey": (lambda r, c: noise(r, c)[:, :1], r"got \(6, 1, 64, 64\)"),
    "other size": (lambda r, c: noise(r, c)[:, :, :32], r"got \(6, 3, 32, 64\)"),
    "channels last": (lambda r, c: noise(r, c).permute(0, 2, 3, 1), r"got \(6, 64, 64, 3\)"),
    "double": (lambda r, c: noise(r, c).double(), "expected float32, got torch.float64"),
    "bytes": (lambda r, c: (noise(r, c) * 255).byte(), "expected float32, got torch.uint8"),
    "array": (lambda r, c: noise(r, c).numpy(), "got ndarray"),
    "nan": (lambda r, c: noise(r, c) / (noise(r, c) * 0), "expected finite pixels"),
    "signed": (lambda r, c: noise(r, c) * 2 - 1, r"expected pixels in \[0, 1\]"),
    "answers": (lambda r, c: torch.stack([c.truth(q.case.id) for q in r]), "TypeError"),
    "raises": (lambda r, c: noise(r[7:99], c), "generate raised RuntimeError"),
    "exits": (lambda r, c: 1 / 0, "generate raised ZeroDivisionError"),
}


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_images_that_break_the_contract_end_the_check(name: str) -> None:
    make, message = BROKEN_IMAGES[name]

    @dataclass
    class Broken(OnlyText):
        """Broken on purpose."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return make(requests, context)

    details = failed(check_generator(Broken))
    assert list(details) == ["fit and generate"]
    assert re.search(message, details["fit and generate"]), details


def global_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return (0.5 + 0.1 * torch.randn((len(requests), *context.image_shape))).clamp(0, 1)


def numpy_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    np.random.seed(requests[0].seed % 2**32)  # noqa: NPY002 - what a plugin must not do
    return noise(requests, context)


def batch_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    """One seed for the whole batch, the commonest mistake."""
    source = torch.Generator().manual_seed(requests[0].seed)
    return (0.5 + 0.1 * torch.randn((len(requests), *context.image_shape), generator=source)).clamp(0, 1)


def batch_normalised(requests: Sequence[Request], context: Context) -> torch.Tensor:
    images = noise(requests, context)
    return (images / images.amax()).clamp(0, 1)


def fixed(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return torch.full((len(requests), *context.image_shape), 0.5)


def counted(requests: Sequence[Request], context: Context) -> torch.Tensor:
    """Another image a call: what is kept between calls must not show."""
    tally = context.folder / "calls"
    tally.write_text(tally.read_text() + "." if tally.exists() else ".")
    return (noise(requests, context) + 0.01 * len(tally.read_text())).clamp(0, 1)


def relabelling(requests: Sequence[Request], context: Context) -> torch.Tensor:
    for request in requests:
        request.case.attributes["seen"] = "yes"  # type: ignore[index]
    return noise(requests, context)


def straying(requests: Sequence[Request], context: Context) -> torch.Tensor:
    (context.folder.parent / "elsewhere.bin").write_bytes(b"")
    return noise(requests, context)


def littering(requests: Sequence[Request], context: Context) -> torch.Tensor:
    Path("litter.bin").write_bytes(b"")
    return noise(requests, context)


BROKEN_CONDUCT: dict[str, tuple[Make, set[str]]] = {
    "global noise": (
        global_noise,
        {
            "global random state unused", "global random state undisturbed", "batch size and order",
            "refitted, same bytes", "restarted, same bytes",
        },
    ),
    "numpy's global seed": (numpy_noise, {"global random state undisturbed"}),
    "one seed a batch": (batch_noise, {"batch size and order"}),
    "normalised over the batch": (batch_normalised, {"batch size and order"}),
    "no seed at all": (fixed, {"seed matters"}),
    "counts its calls": (
        counted,
        {
            "same request, same bytes", "global random state unused", "batch size and order",
            "restarted, same bytes",
        },
    ),
    "writes into requests": (relabelling, {"inputs left alone"}),
    "writes beside its folder": (straying, {"writes in its folder only"}),
    "writes into the working directory": (littering, {"writes in its folder only"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_CONDUCT)
def test_each_broken_promise_is_named_and_no_other(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, expected = BROKEN_CONDUCT[name]

    @dataclass
    class Broken(OnlyText):
        """Broken on purpose."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return make(requests, context)

    assert set(failed(check_generator(Broken))) == expected


@dataclass
class UnseededFit(OnlyText):
    """Weights drawn from nowhere."""

    _level: float = field(default=0.0, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        self._level = random.SystemRandom().random()

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return (noise(requests, context) * 0.5 + 0.5 * self._level).clamp(0, 1)


@dataclass
class GlobalLayer(OnlyText):
    """A new layer drawn from torch's global state."""

    _layer: torch.nn.Module | None = field(default=None, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        self._layer = torch.nn.Conv2d(3, 3, 1)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert self._layer is not None
        with torch.no_grad():
            return self._layer(noise(requests, context)).sigmoid()


@dataclass
class BadRestart(OnlyText):
    """Goes on from its own checkpoint and ends elsewhere."""

    _level: float = field(default=0.0, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train
        checkpoint = context.folder / "level"
        self._level = float(checkpoint.read_text()) + 0.1 if checkpoint.exists() else 0.1
        checkpoint.write_text(str(self._level))

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return (noise(requests, context) + self._level).clamp(0, 1)


@dataclass
class InPlace(OnlyText):
    """Normalises the training images where they lie."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        train[3].image.mul_(2).sub_(1)


@dataclass
class FailingFit(OnlyText):
    """Its fit raises, over two lines."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        raise MemoryError("no room\nat all")


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (UnseededFit, {"refitted, same bytes", "restarted, same bytes"}),
        (GlobalLayer, {"global random state undisturbed", "refitted, same bytes", "restarted, same bytes"}),
        (BadRestart, {"restarted, same bytes"}),
        (InPlace, {"inputs left alone"}),
        (FailingFit, {"fit and generate"}),
    ],
)
def test_a_broken_fit_is_named(cls: type[Generator], expected: set[str]) -> None:
    assert set(failed(check_generator(cls))) == expected


def test_an_edit_in_place_of_the_source_is_named() -> None:
    @dataclass
    class Scribbler(Good):
        """Edits the source itself."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            images = super().generate(requests, context)
            for request in requests:
                if request.case.source is not None:
                    request.case.source.clamp_(0.2, 0.8)
            return images

    details = failed(check_generator(Scribbler, kind="aging"))
    assert "changed request subject-16" in details["aging: inputs left alone"]


def test_a_reference_may_ignore_the_seed() -> None:
    @dataclass
    class Flat(OnlyText):
        """Grey."""

        reference: ClassVar[bool] = True

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return fixed(requests, context)

    assert failed(check_generator(Flat)) == {}


def test_truth_is_given_to_those_who_declare_it_and_to_nobody_else() -> None:
    seen: list[bool] = []

    @dataclass
    class Looker(Good):
        """Looks whether the truth is there."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            seen.append(context.truth is not None)
            return super().generate(requests, context)

    @dataclass
    class Declared(Looker):
        """Says that it looks."""

        sees_truth: ClassVar[bool] = True

    check_generator(Looker, kind="aging")
    assert set(seen) == {False}
    seen.clear()
    check_generator(Declared, kind="aging")
    assert set(seen) == {True}


def test_what_can_be_said_without_running_is_said() -> None:
    @dataclass
    class Undocumented(Generator):
        kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return noise(requests, context)

    details = failed(check_generator(Undocumented))
    assert set(details) == {"docstring", "capabilities"}
    assert "aging, disease-counterfactual" in details["capabilities"]

    @dataclass
    class Untyped(OnlyText):
        """A list is no parameter."""

        levels: list[int] = field(default_factory=list)

    assert "Untyped.levels: expected bool" in failed(check_generator(Untyped))["parameters"]


def test_the_backbone_and_the_parameters_reach_the_generator() -> None:
    @dataclass
    class Backed(OnlyText):
        """Notes what it was given."""

        level: float = 0.1

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            assert context.backbone == "some/folder"
            assert self.level == 0.4
            return noise(requests, context)

    assert failed(check_generator(Backed(level=0.4), backbone="some/folder")) == {}


def test_the_global_random_states_are_left_as_they_were() -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())  # noqa: NPY002
    check_generator(OnlyText)
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())  # noqa: NPY002
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
