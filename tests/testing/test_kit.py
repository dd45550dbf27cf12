"""The conformance kit passes a good generator and catches each way of breaking the contract, by name."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from ldbench.api import Context, Generator, Request, TrainingSet
from ldbench.testing import CLAUSES, Finding, assert_generator, check_generator
from tests.stand_ins.broken_generators import (  # fmt: skip
    BROKEN_CONDUCT,
    BROKEN_FIT,
    BROKEN_IMAGES,
    Good,
    OnlyText,
    fixed,
    noise,
)
from tests.stand_ins.broken_promises import BROKEN_OFFERS, BROKEN_WORD, Offering


def failed(findings: list[Finding]) -> dict[str, str]:
    """Detail by name, of the findings that failed; every one says in one line each what was expected and seen."""
    for finding in findings:
        assert finding.expected, finding
        assert finding.seen, finding
        assert "\n" not in finding.detail + finding.expected
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
    assert failed(findings) == {
        "capabilities": "expected the kinds of task that it can do, and one line on why not the others, got "
        "text-to-image where aging was asked for: It edits nothing.; ask for a kind that it can do"
    }
    assert not any("fit" in finding.name for finding in findings)


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_images_that_break_the_contract_end_the_check(name: str) -> None:
    make, clauses, message = BROKEN_IMAGES[name]

    @dataclass
    class Broken(OnlyText):
        """Broken on purpose."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return make(requests, context)

    findings = check_generator(Broken)
    details = failed(findings)
    assert list(details) == clauses
    assert re.search(message, details[clauses[0]]), details
    assert not any("same bytes" in finding.name for finding in findings)


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


@pytest.mark.parametrize(("cls", "expected"), BROKEN_FIT)
def test_a_broken_fit_is_named(cls: type[Generator], expected: set[str]) -> None:
    assert set(failed(check_generator(cls))) == expected


OFFERED = ("needs", "latents", "trajectory", "files read")


def test_what_a_generator_offers_besides_is_looked_at() -> None:
    findings = {finding.name: finding for finding in check_generator(Offering)}
    assert failed(list(findings.values())) == {}
    assert findings["text-to-image: latents"].seen == "(2, 3, 8, 8) of 2 images"
    assert findings["text-to-image: trajectory"].seen == "3 moments of 3 steps"
    assert findings["text-to-image: needs"].seen.startswith("nothing missing; 1e+06 operations an image")
    assert findings["text-to-image: files read"].seen == "its own code: 1 files"
    lacking = {finding.name: finding for finding in check_generator(OnlyText)}
    assert {lacking[f"text-to-image: {name}"].seen for name in OFFERED} == {"not offered"}


@pytest.mark.parametrize(("cls", "clause", "message"), BROKEN_OFFERS)
def test_a_broken_offer_is_named(cls: type[Generator], clause: str, message: str) -> None:
    details = failed(check_generator(cls))
    assert list(details) == [clause]
    assert re.search(message, details[clause]), details


@pytest.mark.parametrize(("cls", "expected", "message"), BROKEN_WORD)
def test_a_broken_word_is_named_without_running(cls: type[Generator], expected: set[str], message: str) -> None:
    details = failed(check_generator(cls))
    assert set(details) == expected
    assert message in " ".join(details.values())


def test_every_clause_of_the_contract_has_a_generator_that_breaks_it() -> None:
    broken = {"public API only"}  # in tests/testing/test_declared.py
    broken |= {name for _, names, _ in BROKEN_IMAGES.values() for name in names}
    broken |= {name for _, names in [*BROKEN_CONDUCT.values(), *BROKEN_FIT] for name in names}
    broken |= {name for _, name, _ in BROKEN_OFFERS} | {name for _, names, _ in BROKEN_WORD for name in names}
    measured = {"time", "memory"}
    assert broken | measured == {clause.name for clause in CLAUSES}
    assert len({clause.name for clause in CLAUSES}) == len(CLAUSES)
    seen = {finding.name.removeprefix("text-to-image: ") for finding in check_generator(Offering)}
    assert seen == {clause.name for clause in CLAUSES}


def test_time_and_memory_are_shown_and_never_judged() -> None:
    @dataclass
    class Slow(OnlyText):
        """Takes its time."""

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            time.sleep(0.03)
            return noise(requests, context)

    shown = {finding.name: finding for finding in check_generator(Slow) if not finding.judged}
    assert list(shown) == ["text-to-image: time", "text-to-image: memory"]
    each = re.search(r"([0-9.e-]+) s an image, 6 at a time on cpu", shown["text-to-image: time"].seen)
    assert each is not None
    assert 0.005 <= float(each[1]) < 0.05
    assert re.search(r"process peak \d+ MiB before, \d+ after fit", shown["text-to-image: memory"].seen)


def test_from_pytest_one_error_lists_every_broken_clause() -> None:
    assert_generator(Good)

    @dataclass
    class Wrong(OnlyText):
        """Breaks two clauses."""

        sampling_parameters: ClassVar[frozenset[str]] = frozenset({"steps"})

        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return noise(requests, context) * 3

    with pytest.raises(AssertionError) as caught:
        assert_generator(Wrong)
    first, *others = str(caught.value).splitlines()
    assert first == "Wrong breaks 2 clauses of the contract:"
    assert [line.split(", got ")[0] for line in others] == [
        "- sampling parameters: expected sampling_parameters that name parameters of its own",
        "- text-to-image: range: expected finite pixels in [0, 1]",
    ]


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


def test_a_change_of_the_working_directory_and_of_torch_is_named_with_its_stage_and_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    @dataclass
    class Research(OnlyText):
        """As a loader of a research repository does."""

        def fit(self, train: TrainingSet, context: Context) -> None:
            os.chdir("/")
            torch.set_grad_enabled(False)
            torch.set_num_threads(threads + 1)

    threads = torch.get_num_threads()
    details = failed(check_generator(Research))
    assert details.keys() == {"torch settings undisturbed", "writes in its folder only"}
    assert "got fit left the working directory at /; " in details["writes in its folder only"]
    assert f"got fit left the gradient mode off, fit left the number of threads {threads + 1}; " in details[
        "torch settings undisturbed"
    ]
    assert (Path.cwd(), torch.is_grad_enabled(), torch.get_num_threads()) == (tmp_path, True, threads)


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
