"""Prompts from a card's templates and an image's attributes.

The draw of a template depends on the run's seed and the image's id alone: not on the model, the order or the other
images, so models that are compared at one seed get the same prompts.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from ldbench.api import Attributes
from ldbench.errors import CardError, DataError
from ldbench.task.card import EditSpec, Protocol, Task
from ldbench.task.prompt_sets import fields_of

AgeStyle = Literal["numerical", "word", "binned"]
CHANGE = "change"  # the field of an instruction that says how much older


def template_for(protocol: Protocol, image_id: str, seed: int) -> str:
    """The first template under the simple style; under the diverse one, one drawn by SHA-256 of seed and id."""
    return _drawn(protocol.templates, protocol, image_id, seed)


def prompt_for(protocol: Protocol, image_id: str, attributes: Attributes, seed: int) -> str:
    """The prompt of one image in a run of this seed; attribute values are spelled as the card's `words` say."""
    return _filled(template_for(protocol, image_id, seed), _spelled(protocol, attributes), "protocol.templates")


def instruction_for(
    task: Task, edit: EditSpec, image_id: str, source: Attributes, target: Attributes, seed: int
) -> str:
    """The instruction that turns an image of `source` attributes into one of `target` attributes."""
    protocol = task.protocol
    fields = {f"source_{name}": text for name, text in _spelled(protocol, source).items()}
    fields |= {f"target_{name}": text for name, text in _spelled(protocol, target).items()}
    if edit.attribute == "age" and protocol.age_style is not None:
        before, after = (int(age_of(side, f"{task.id}: {image_id!r}")) for side in (source, target))
        fields |= {"source_age": spelled_age(before, protocol.age_style), CHANGE: age_change(after - before)}
        fields["target_age"] = spelled_age(after, protocol.age_style)
    return _filled(_drawn(edit.instructions, protocol, image_id, seed), fields, "edit.instructions")


def age_of(attributes: Attributes, what: str) -> float:
    """The age of an image in years; `DataError` that begins with `what` for one that is no number, such as 90+."""
    try:
        age = float(attributes["age"])
    except ValueError:
        age = math.nan
    if not math.isfinite(age):
        got = attributes["age"]
        raise DataError(f"{what}: expected a number as age, got {got!r}; correct the manifest, or leave the image out")
    return age


def sentences_for(task: Task, edit: EditSpec, value: str | int | float) -> tuple[str, ...]:
    """The card's sentences on one value of the attribute that is edited."""
    fields = _spelled(task.protocol, {edit.attribute: value})
    return tuple(_filled(template, fields, "edit.sentences") for template in edit.sentences)


def age_change(years: int) -> str:
    """How much older, as the paper bins it (Sec. 4.1): slightly (< 5 years), moderately (5 to 10), significantly.

    The paper has neither a null edit nor a way back: not at all, and the same bins backwards, are ours.
    """
    if years == 0:
        return "not at all"
    size = "slightly" if abs(years) < 5 else "moderately" if abs(years) <= 10 else "significantly"
    return size if years > 0 else f"{size} backwards"


def spelled_age(years: int, style: AgeStyle) -> str:
    """An age as a number, or under the style `word` in words: 77 is seventy-seven."""
    return _in_words(years) if style == "word" else str(years)


@functools.cache  # a case's texts are made each time that the case is asked for
def _in_words(years: int) -> str:
    import inflect

    return str(inflect.engine().number_to_words(str(years)))  # a number as text: inflect's own types want one


def check_attributes(task: Task, known: Iterable[str]) -> None:
    """`CardError` if any template, drawn or not, needs an attribute that is not among `known`."""
    names = set(known)
    _check("protocol.templates", task, task.protocol.templates, names)
    if task.edit is not None:
        sides = {f"{side}_{name}" for side in ("source", "target") for name in names}
        _check("edit.instructions", task, task.edit.instructions, sides | ({CHANGE} if "age" in names else set()))


def named_attributes(task: Task) -> list[str]:
    """The attributes that the card's templates and instructions name, sorted."""
    names = {name for template in task.protocol.templates for name in fields_of(template)}
    for instruction in task.edit.instructions if task.edit is not None else ():
        names |= {name.removeprefix("source_").removeprefix("target_") for name in fields_of(instruction)}
    return sorted(names - {CHANGE})


def _check(key: str, task: Task, templates: Sequence[str], names: set[str]) -> None:
    for index, template in enumerate(templates):
        _refuse_absent(template, names, f"{task.id}:{key}[{index}]")


def _drawn(templates: Sequence[str], protocol: Protocol, image_id: str, seed: int) -> str:
    if protocol.prompt_style == "simple":
        return templates[0]
    digest = hashlib.sha256(f"template\0{seed}\0{image_id}".encode()).digest()
    return templates[int.from_bytes(digest[:8], "big") % len(templates)]


def _spelled(protocol: Protocol, attributes: Attributes) -> dict[str, str]:
    return {name: protocol.words.get(name, {}).get(str(value), str(value)) for name, value in attributes.items()}


def _filled(template: str, fields: Mapping[str, str], where: str) -> str:
    """The template with the attributes of one image, which may lack one that others have."""
    if absent := _absent(template, fields):
        raise CardError(
            f"{where}: expected every image to have what {template!r} asks for, got one without {absent}; fill "
            "the gap or leave the image out, and prepare the data again, or write templates without it"
        )
    return template.format_map(fields)


def _refuse_absent(template: str, known: Iterable[str], where: str) -> None:
    if absent := _absent(template, known):
        raise CardError(
            f"{where}: expected attributes of the data ({', '.join(sorted(known))}), got {absent!r} in {template!r}"
        )


def _absent(template: str, known: Iterable[str]) -> str:
    return min(set(fields_of(template)) - set(known), default="")
