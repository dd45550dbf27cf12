"""The source under another gain: its intensity times a number, and no anatomy changed.

A reference row for edits that change how bright a scan is on average. Ageing turns tissue into dark fluid, so a darker
source is nearer to the older scan than the source itself. A row that does not beat this one has not shown more than
that. The gain is fitted on the training split alone, without the clip to [0, 1] that ends each image: where that
bites, another number may be nearer. A number's interval counts as at most the longest that training shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import ClassVar

import torch

from ldbench.api import Attributes, Case, Context, Edit, Example, Generator, Request, TrainingSet
from ldbench.errors import GeneratorError

Value = str | int | float


@dataclass(frozen=True)
class PairSums:
    """What least squares need of a training pair (x, y): the attributes of both, and <x, x>, <x, y> and <y, y>."""

    id: str
    before: Attributes
    after: Attributes
    xx: float
    xy: float
    yy: float


@dataclass(frozen=True)
class ScanIntensity:
    """A training scan's attributes and its mean intensity."""

    id: str
    attributes: Attributes
    intensity: float


@dataclass
class GainOnly(Generator):
    """The source times one number that training scans give for the edit: another brightness, the same anatomy."""

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "A prompt alone has no source whose gain could change."
    reference: ClassVar[bool] = True
    _pairs: list[PairSums] = field(default_factory=list, init=False, repr=False, compare=False)
    _scans: list[ScanIntensity] = field(default_factory=list, init=False, repr=False, compare=False)
    _gains: dict[tuple[str, Value, Value], float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Measure the training pairs; where a task has none, the intensity of each training scan."""
        examples = [_measured(train[index]) for index in range(len(train))]
        self._pairs = [example for example in examples if isinstance(example, PairSums)]
        self._scans = [example for example in examples if isinstance(example, ScanIntensity)]
        self._gains = {}

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each case's source times the gain of its edit, clipped to [0, 1], `(N, 3, H, W)`."""
        cases = [request.case for request in requests]
        return torch.stack([(_source(case) * self._gain(case.edit)).clamp(0, 1) for case in cases])

    def _gain(self, edit: Edit | None) -> float:
        if not self._pairs and not self._scans:
            raise GeneratorError("gain-only: expected fit before generate")
        if edit is None:
            return 1.0
        key = (edit.attribute, edit.source, edit.target)
        if key not in self._gains:
            self._gains[key] = self._fitted(edit)
        return self._gains[key]

    def _fitted(self, edit: Edit) -> float:
        of = "pairs" if self._pairs else "scans"
        change = f"{edit.attribute} from {edit.source!r} to {edit.target!r}"
        gain = gain_of_pairs(self._pairs, edit) if self._pairs else gain_of_scans(self._scans, edit)
        if gain is None:
            raise GeneratorError(f"gain-only: no training {of} to fit a gain on for {change}")
        if gain < 0:
            raise GeneratorError(
                f"gain-only: expected a gain of 0 or more for {change}, got {gain:.3g} from the training {of}; "
                "no brightness fits them, leave this row out"
            )
        return gain


def gain_of_pairs(pairs: Sequence[PairSums], edit: Edit) -> float | None:
    """The gain of an edit by least squares of y on x over the pairs, unclipped; None where they say nothing of it.

    Of a number that grows by d it is 1 + b d, with the b that minimises the sum of |y - (1 + b d) x|^2, and d at most
    the longest interval of a pair, up or down. Of a class it is that of the pairs of the same two classes, in either
    direction. `GeneratorError` where a pair lacks the attribute, or has no number where the edit has.
    """
    if (growth := _growth(edit)) is not None:
        steps = [(_number(p.after, edit, p.id) - _number(p.before, edit, p.id), p) for p in pairs]
        energy = sum(step**2 * pair.xx for step, pair in steps)
        moved = sum(step * (pair.xy - pair.xx) for step, pair in steps)
        return 1 + moved / energy * _within(growth, max(abs(step) for step, _ in steps)) if energy else None
    values = [(_value(pair.before, edit, pair.id), _value(pair.after, edit, pair.id), pair) for pair in pairs]
    forth = [pair for before, after, pair in values if (before, after) == (edit.source, edit.target)]
    back = [pair for before, after, pair in values if (before, after) == (edit.target, edit.source)]
    energy = sum(pair.xx for pair in forth) + sum(pair.yy for pair in back)
    return sum(pair.xy for pair in forth + back) / energy if energy else None


def gain_of_scans(scans: Sequence[ScanIntensity], edit: Edit) -> float | None:
    """The gain of an edit without pairs, from the mean intensities of scans; None where they say nothing of it.

    Of a number that grows by d it is 1 + b d / m, with b the slope of the least-squares line of intensity on the number
    and m the mean intensity, and d at most the range of the scans' numbers, up or down. Of a class it is the mean over
    the scans of the target's class by that of the source's. `GeneratorError` as for pairs.
    """
    if (growth := _growth(edit)) is not None:
        numbers = [_number(scan.attributes, edit, scan.id) for scan in scans]
        mean = fmean(numbers)
        spread = sum((number - mean) ** 2 for number in numbers) * fmean(scan.intensity for scan in scans)
        moved = sum((number - mean) * scan.intensity for number, scan in zip(numbers, scans, strict=True))
        return 1 + moved / spread * _within(growth, max(numbers) - min(numbers)) if spread else None
    values = [(_value(scan.attributes, edit, scan.id), scan.intensity) for scan in scans]
    before, after = ([light for value, light in values if value == of] for of in (edit.source, edit.target))
    return fmean(after) / fmean(before) if after and any(before) else None


def _measured(example: Example) -> PairSums | ScanIntensity:
    y = example.image.double().flatten()
    if example.source is None or example.source_attributes is None:
        return ScanIntensity(example.id, example.attributes, float(y.mean()))
    x = example.source.double().flatten()
    return PairSums(example.id, example.source_attributes, example.attributes, float(x @ x), float(x @ y), float(y @ y))


def _value(attributes: Attributes, edit: Edit, example: str) -> Value:
    if edit.attribute not in attributes:
        raise GeneratorError(
            f"gain-only: training example {example}: expected a value of {edit.attribute}, which the edits change, got "
            f"{', '.join(attributes) or 'no attributes'} alone; add it to the data, or leave the example out"
        )
    return attributes[edit.attribute]


def _number(attributes: Attributes, edit: Edit, example: str) -> float:
    if isinstance(value := _value(attributes, edit, example), str):
        raise GeneratorError(
            f"gain-only: training example {example}: expected a number for {edit.attribute}, as the edits have, got "
            f"{value!r}; correct the data, or leave the example out"
        )
    return value


def _growth(edit: Edit) -> float | None:
    """How much a number grows; None for classes."""
    before, after = edit.source, edit.target
    return None if isinstance(before, str) or isinstance(after, str) else after - before


def _within(growth: float, longest: float) -> float:
    """The growth, at most the longest interval of training: beyond it a falling line soon predicts black."""
    return min(max(growth, -longest), longest)


def _source(case: Case) -> torch.Tensor:
    if case.source is None:
        raise GeneratorError("gain-only: expected a source image in every case")
    return case.source
