"""The source times a number: which number least squares give, from pairs and from single scans, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ldbench_baselines import gain_only
from ldbench_baselines.gain_only import GainOnly

from ldbench.api import Attributes, Case, Context, Edit, Example, Request
from ldbench.data.task_data import task_data
from ldbench.errors import GeneratorError
from ldbench.task import card
from ldbench.testing import check_generator

SIDE = 8
IMAGE = torch.rand((3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)) * 0.5 + 0.2


def context(folder: Path = Path()) -> Context:
    return Context(torch.device("cpu"), 0, folder, (3, SIDE, SIDE))


def edit(attribute: str, before: str | int, after: str | int) -> Edit:
    return Edit(attribute, before, after, ("a",), ("b",))


def pair(name: str, before: Attributes, after: Attributes, source: torch.Tensor, target: torch.Tensor) -> Example:
    return Example(name, target, "older", after, source, before)


def gain(train: Sequence[Example], change: Edit | None) -> float:
    """By how much the row multiplies an image that nothing clips."""
    row = GainOnly()
    row.fit(train, context())
    grey = torch.full((3, SIDE, SIDE), 0.1)
    [image] = row.generate([Request(Case("c", "p", {}, grey, {}, edit=change), 0)], context())
    assert torch.equal(image, image[0, 0, 0].expand_as(image))
    return float(image[0, 0, 0] / 0.1)


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(st.integers(-12, 12).filter(bool), min_size=1, max_size=6), growth=st.integers(-10, 10),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_a_number_has_the_gain_of_the_least_squares_over_all_pairs(steps: list[int], growth: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    images = [torch.rand((2, 3, SIDE, SIDE), generator=random) for _ in steps]
    train = [pair(str(i), {"age": 60}, {"age": 60 + step}, *images[i]) for i, step in enumerate(steps)]
    column = np.concatenate([step * x.double().numpy().ravel() for step, (x, _) in zip(steps, images, strict=True)])
    change = np.concatenate([(y.double() - x.double()).numpy().ravel() for x, y in images])
    [slope] = np.linalg.lstsq(column[:, None], change, rcond=None)[0]
    longest = max(map(abs, steps))
    expected = 1 + slope * min(max(growth, -longest), longest)
    assert gain(train, edit("age", 70, 70 + growth)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_classes_have_the_gain_of_their_own_pairs_in_either_direction() -> None:
    train = [
        pair("a", {"d": "CN"}, {"d": "AD"}, IMAGE, IMAGE * 0.9),
        pair("b", {"d": "AD"}, {"d": "CN"}, IMAGE * 0.9, IMAGE),
        pair("c", {"d": "CN"}, {"d": "MCI"}, IMAGE, IMAGE * 0.5),
    ]
    assert gain(train, edit("d", "CN", "AD")) == pytest.approx(0.9)
    assert gain(train[1:], edit("d", "CN", "AD")) == pytest.approx(0.9)
    assert gain(train, edit("d", "MCI", "CN")) == pytest.approx(2)
    with pytest.raises(GeneratorError, match=r"^gain-only: no training pairs to fit .* d from 'AD' to 'MCI'$"):
        gain(train, edit("d", "AD", "MCI"))


def scans(lights: Sequence[float], **attributes: Sequence[str | int]) -> list[Example]:
    people = [dict(zip(attributes, values, strict=True)) for values in zip(*attributes.values(), strict=True)]
    return [Example(str(i), torch.full((3, SIDE, SIDE), lights[i]), "p", one) for i, one in enumerate(people)]


def test_classes_without_pairs_have_the_ratio_of_their_mean_intensities() -> None:
    train = scans([0.4, 0.6, 0.3, 0.5], d=["CN", "CN", "AD", "AD"])
    assert gain(train, edit("d", "CN", "AD")) == pytest.approx(0.8)
    assert gain(train, edit("d", "AD", "CN")) == pytest.approx(1.25)
    with pytest.raises(GeneratorError, match=r"^gain-only: no training scans to fit .* from 'CN' to 'XY'$"):
        gain(train, edit("d", "CN", "XY"))


def test_a_number_without_pairs_follows_the_line_through_the_scans() -> None:
    ages, lights = [50, 60, 65, 90], [0.6, 0.5, 0.55, 0.4]
    slope, _ = np.polyfit(ages, lights, 1)
    train = scans(lights, age=ages)
    assert gain(train, edit("age", 60, 70)) == pytest.approx(1 + 10 * slope / np.mean(lights))
    with pytest.raises(GeneratorError, match=r"^gain-only: no training scans to fit"):
        gain(scans([0.4, 0.6], age=[60, 60]), edit("age", 60, 70))


def test_an_interval_longer_than_any_in_training_counts_as_the_longest() -> None:
    pairs = [pair(str(step), {"age": 60}, {"age": 60 + step}, IMAGE, IMAGE * (1 - step / 20)) for step in (2, 4)]
    for train, longest in ((pairs, 4), (scans([0.5, 0.45, 0.4], age=[60, 64, 68]), 8)):
        for sign in (1, -1):
            bound = gain(train, edit("age", 60, 60 + sign * longest))
            assert abs(bound - 1) > 1.1 * abs(gain(train, edit("age", 60, 60 + sign * (longest - 1))) - 1)
            assert gain(train, edit("age", 60, 60 + sign * 40)) == bound


def test_a_gain_below_zero_is_refused_and_not_a_black_image() -> None:
    train = [pair("a", {"age": 60}, {"age": 61}, IMAGE, IMAGE * 3)]
    with pytest.raises(GeneratorError, match=r"^gain-only: expected a gain of 0 or more for age .*, got -1 from"):
        gain(train, edit("age", 61, 60))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("attributes", "change", "line"),
    [
        ({"sex": "female"}, edit("d", "CN", "AD"), "expected a value of d, which the edits change, got sex alone; "),
        ({}, edit("age", 60, 70), "expected a value of age, which the edits change, got no attributes alone; "),
        ({"age": "old"}, edit("age", 60, 70), "expected a number for age, as the edits have, got 'old'; "),
    ],
)
def test_an_example_without_the_value_is_named_in_one_line(
    paired: bool, attributes: Attributes, change: Edit, line: str
) -> None:
    sound: Attributes = {change.attribute: change.source}
    train = [
        pair(name, sound, after, IMAGE, IMAGE) if paired else Example(name, IMAGE, "p", after)
        for name, after in (("first", sound), ("second", attributes))
    ]
    with pytest.raises(GeneratorError, match=f"^gain-only: training example second: {re.escape(line)}[^\n]+$"):
        gain(train, change)


def test_each_edit_is_fitted_once_and_anew_after_another_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[Edit] = []
    of_scans = gain_only.gain_of_scans

    def counted(those: Sequence[gain_only.ScanIntensity], change: Edit) -> float | None:
        fitted.append(change)
        return of_scans(those, change)

    monkeypatch.setattr(gain_only, "gain_of_scans", counted)
    there, back = edit("d", "CN", "AD"), edit("d", "AD", "CN")
    requests = [Request(Case(str(i), "p", {}, IMAGE, {}, edit=one), i) for i, one in enumerate((there, back, there))]
    row = GainOnly()
    row.fit(scans([0.4, 0.3], d=["CN", "AD"]), context())
    first = torch.cat([row.generate(requests, context()) for _ in range(2)])
    assert fitted == [there, back]
    row.fit(scans([0.3, 0.3], d=["CN", "AD"]), context())
    assert not torch.equal(row.generate(requests, context()), first[:3])


def test_scans_that_are_black_tell_no_gain() -> None:
    black = torch.zeros_like(IMAGE)
    for train in ([pair("a", {"age": 60}, {"age": 70}, black, IMAGE)], scans([0, 0], age=[60, 70])):
        with pytest.raises(GeneratorError, match="to fit a gain on"):
            gain(train, edit("age", 60, 70))


def test_nothing_brighter_than_white_comes_out_and_a_null_edit_is_the_source() -> None:
    row = GainOnly()
    row.fit(scans([0.2, 0.6], d=["CN", "AD"]), context())
    cases = [Case("c", "p", {}, IMAGE, {}, edit=change) for change in (edit("d", "CN", "AD"), None)]
    brighter, same = row.generate([Request(case, 0) for case in cases], context())
    torch.testing.assert_close(brighter, (IMAGE * 3).clamp(max=1))
    assert torch.equal(same, IMAGE)


def test_what_it_lacks_is_refused_in_one_line() -> None:
    with pytest.raises(GeneratorError, match="fit before generate"):
        GainOnly().generate([Request(Case("c", "p", {}, IMAGE), 0)], context())
    row = GainOnly()
    row.fit(scans([0.2], d=["CN"]), context())
    with pytest.raises(GeneratorError, match="expected a source image"):
        row.generate([Request(Case("c", "p", {}), 0)], context())


@pytest.mark.parametrize("kind", ["aging", "disease-counterfactual"])
def test_it_keeps_the_contract(kind: str) -> None:
    assert [finding for finding in check_generator(GainOnly(), kind=kind) if not finding.passed] == []


def test_on_sandbox_brains_it_is_nearer_to_the_older_scan_than_a_copy(tmp_path: Path) -> None:
    data, row = task_data(card.load("sandbox-brain-aging"), 0), GainOnly()
    row.fit(data.train, context(tmp_path))
    cases = data.cases[:60]
    images = row.generate([Request(case, 0) for case in cases], context(tmp_path))
    assert data.truth is not None
    truth = torch.stack([data.truth(case.id) for case in cases])
    source = torch.stack([case.source for case in cases if case.source is not None])
    assert float((images - truth).norm()) < 0.95 * float((source - truth).norm())
