"""A miniature task of each kind, drawn on the spot: what a generator is tried on before it meets a real one.

Grey ovals with a dark slit that widens with age and with the diagnosis AD, 64 x 64 pixels. As in the sandbox,
the cases of a text-to-image task carry the ids of training images, and the answers lie apart from the cases.
Nothing about these pictures is anatomy.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

from ldbench.api import Attributes, Case, Edit, Example

SIDE = 64
TRAIN, CASES = 16, 6
_YEARS = 7


@dataclass(frozen=True)
class Miniature:
    """Training examples, cases and, by case id, the answers `(3, H, W) float32 in [0, 1]`; none where nobody knows.

    `of_card`: whether they are a card's, not drawn here.
    """

    train: tuple[Example, ...]
    cases: tuple[Case, ...]
    answers: dict[str, torch.Tensor]
    of_card: bool = False

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes that examples and cases have, by first appearance."""
        attributes = [*(one.attributes for one in self.train), *(one.attributes for one in self.cases)]
        return list(dict.fromkeys(name for each in attributes for name in each))


def miniature(kind: str) -> Miniature:
    """The miniature task of a kind: 16 training examples of two classes, 6 cases; always the same."""
    if kind == "text-to-image":
        train = tuple(_plain(subject) for subject in range(TRAIN))
        cases = tuple(Case(example.id, example.prompt, example.attributes) for example in train[:CASES])
        return Miniature(train, cases, {example.id: example.image for example in train[:CASES]})
    tests = [_pair(subject, kind) for subject in range(TRAIN, TRAIN + CASES)]
    train = tuple(_pair(subject, kind) if kind == "aging" else _lone(subject) for subject in range(TRAIN))
    return Miniature(train, tuple(_case(each) for each in tests), {example.id: example.image for example in tests})


def _attributes(subject: int) -> dict[str, str | int | float]:
    return {
        "age": 60 + 3 * (subject % 8), "sex": ("female", "male")[subject // 2 % 2],
        "diagnosis": ("CN", "AD")[subject % 2],
    }


def _plain(subject: int) -> Example:
    attributes = _attributes(subject)
    return Example(f"subject-{subject:02d}", _draw(subject, attributes), _caption(attributes), attributes)


def _lone(subject: int) -> Example:
    """A training image of the disease task, which has no pairs."""
    pair = _pair(subject, "disease-counterfactual")
    return dataclasses.replace(
        _plain(subject), source_prompt=pair.source_prompt, target_prompt=pair.target_prompt, instruction=pair.prompt
    )


def _caption(attributes: Attributes) -> str:
    return f"A brain MRI of a {attributes['age']} year old {attributes['sex']} with {attributes['diagnosis']}"


def _pair(subject: int, kind: str) -> Example:
    """One subject before and after: some years older, or with the other diagnosis."""
    before = _attributes(subject)
    if kind == "aging":
        after = before | {"age": int(before["age"]) + _YEARS}
        prompt = f"Age this {before['age']} years old brain MRI into a {after['age']} brain MRI"
    else:
        after = before | {"diagnosis": {"CN": "AD", "AD": "CN"}[str(before["diagnosis"])]}
        prompt = f"Change this {before['diagnosis']} brain MRI into one with {after['diagnosis']}"
    source, target = _draw(subject, before), _draw(subject, after)
    return Example(
        f"subject-{subject:02d}", target, prompt, after, source, before, _caption(before), _caption(after), prompt
    )


def _case(example: Example) -> Case:
    """The case that a pair makes when its target is kept back."""
    before, after = example.source_attributes, example.attributes
    assert before is not None
    name = next(key for key in before if before[key] != after[key])
    sides = [(f"A brain with {name} {each[name]}",) for each in (before, after)]
    edit = Edit(name, before[name], after[name], *sides)
    return Case(
        example.id, example.prompt, after, example.source, before, example.source_prompt, example.target_prompt, edit
    )


def _draw(subject: int, attributes: Attributes) -> torch.Tensor:
    """`(3, 64, 64) float32 in [0, 1]`; size and texture are the subject's, the slit the attributes'."""
    own = torch.Generator().manual_seed(subject)
    size = 0.75 + 0.15 * torch.rand((), generator=own)
    texture = torch.randn((SIDE, SIDE), generator=own)
    axis = torch.linspace(-1, 1, SIDE)
    distance = (axis[:, None] ** 2 + (axis[None, :] / 0.8) ** 2).sqrt() / size
    slit = 0.06 + 0.004 * (float(attributes["age"]) - 60) + 0.1 * (attributes["diagnosis"] == "AD")
    inside = torch.sigmoid((1 - distance) * 20)
    across, along = axis.abs()[None, :], axis.abs()[:, None]
    fluid = torch.sigmoid((slit - across) * 40) * torch.sigmoid((0.35 - along) * 20)
    grey = (inside * (0.7 - 0.6 * fluid) + 0.02 * texture).clamp(0, 1)
    return grey.expand(3, SIDE, SIDE).clone()
