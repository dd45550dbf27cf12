"""The conformance kit passes a good generator and catches each way of breaking the contract, by name."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from ldbench.api import Context, Generator, Request
from ldbench.testing import Finding, check_generator

from .broken_generators import (
    BROKEN_CONDUCT,
    BROKEN_IMAGES,
    BadRestart,
    FailingFit,
    GlobalLayer,
    Good,
    InPlace,
    OnlyText,
    UnseededFit,
    fixed,
    noise,
)  # fmt: skip


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
