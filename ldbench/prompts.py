"""Prompts from a card's templates and an image's attributes.

The draw of a template depends on the run's seed and the image's id alone: not on the model, the order or the other
images, so models that are compared at one seed get the same prompts. Refuses a template that names an attribute the
data do not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ldbench.api import Attributes
from ldbench.card import Protocol, Task
from ldbench.errors import CardError
from ldbench.templates import fields_of


def template_for(protocol: Protocol, image_id: str, seed: int) -> str:
    """The first template under the simple style; under the diverse one, one drawn by SHA-256 of seed and id."""
    if protocol.prompt_style == "simple":
        return protocol.templates[0]
    digest = hashlib.sha256(f"template\0{seed}\0{image_id}".encode()).digest()
    return protocol.templates[int.from_bytes(digest[:8], "big") % len(protocol.templates)]


def prompt_for(protocol: Protocol, image_id: str, attributes: Attributes, seed: int) -> str:
    """The prompt of one image in a run of this seed; attribute values are spelled as the card's `words` say."""
    spelled = {
        name: protocol.words.get(name, {}).get(str(value), str(value)) for name, value in attributes.items()
    }
    template = template_for(protocol, image_id, seed)
    _refuse_absent(template, spelled, "protocol.templates")
    return template.format_map(spelled)


def check_attributes(task: Task, known: Iterable[str]) -> None:
    """`CardError` if any template, drawn or not, needs an attribute that is not among `known`."""
    names = set(known)
    for index, template in enumerate(task.protocol.templates):
        _refuse_absent(template, names, f"{task.id}:protocol.templates[{index}]")


def _refuse_absent(template: str, known: Iterable[str], where: str) -> None:
    absent = sorted(set(fields_of(template)) - set(known))
    if absent:
        raise CardError(
            f"{where}: expected attributes of the data ({', '.join(sorted(known))}), got {absent[0]!r} in {template!r}"
        )
