"""Prompt templates: the sets that ship with the cards, and what may stand in a template.

A template is text with `{attribute}` fields.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from ldbench.errors import CardError, UnknownNameError, unknown_name
from ldbench.records.from_table import built
from ldbench.task.card_file import Table, installed_names, installed_text, read_table

FOLDER = "prompts"
FIELDS = "text with fields such as {age}"


@dataclass(frozen=True)
class TemplateSet:
    """One set, `prompts/NAME.toml`: the n-th template of either list says the same but for the patient."""

    summary: str
    with_patient_information: tuple[str, ...]
    without_patient_information: tuple[str, ...]


def set_names() -> list[str]:
    """The installed sets."""
    return installed_names(FOLDER)


def load_set(name: str) -> TemplateSet:
    """An installed set; `UnknownNameError` where there is none of that name."""
    if name not in set_names():
        raise unknown_name("template set", name, set_names(), "or list templates on the card")
    where = f"{FOLDER}/{name}.toml"
    return built(TemplateSet, read_table(installed_text(name, FOLDER), where), where, CardError)


def put_in(table: Table, where: str) -> Table:
    """A card's table with the set that `protocol.template_set` names put in as `protocol.templates`.

    Only the templates in use come in, one under the simple style, so that the card's hash changes with these alone.
    """
    protocol = table.get("protocol")
    if not isinstance(protocol, dict) or "template_set" not in protocol:
        return table
    key, name = f"{where}:protocol.template_set", protocol["template_set"]
    if "templates" in protocol:
        raise CardError(f"{key}: expected either it or templates, got both; an extending card can omit either")
    if not isinstance(name, str):
        raise CardError(f"{key}: expected a string, got {name!r:.60}")
    try:
        chosen = load_set(name)
    except UnknownNameError as error:
        raise CardError(f"{key}: {error}") from error
    informed = protocol.get("patient_information") is True
    templates = chosen.with_patient_information if informed else chosen.without_patient_information
    if protocol.get("prompt_style") == "simple":
        templates = templates[:1]
    rest = {name: value for name, value in protocol.items() if name != "template_set"}
    return {**table, "protocol": {**rest, "templates": list(templates)}}


def fields_of(template: str) -> list[str]:
    """The attributes that a template names; `ValueError` that says what is wrong if a field is anything but a name."""
    names = []
    for _, name, specification, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or specification or conversion:
            raise ValueError(_no_name(name, conversion, specification))
        names.append(name)
    return names


def _no_name(name: str, conversion: str | None, specification: str | None) -> str:
    """What to write for a field that is no name."""
    if name.isidentifier():
        further = (f"!{conversion}" if conversion else "") + (f":{specification}" if specification else "")
        return f"write {{{name}}} for {{{name}{further}}}"
    proposed = re.sub(r"\W+", "_", name).strip("_").lower()
    as_what = f", as {proposed}" if proposed.isidentifier() else ""
    return (
        f"{{{name}}} is not an attribute's name of letters, digits and _ alone; call the column otherwise in the "
        f"table{as_what}, and prepare the data again"
    )


def field_fault(template: str) -> tuple[str, str] | None:
    """What a template's fields should be and what is there, or None where all of them are names."""
    try:
        fields_of(template)
    except ValueError as error:
        return FIELDS, f"{template!r}: {error}"
    return None


def names_only(template: str, attribute: str) -> bool:
    """Whether a template has the one field."""
    try:
        return set(fields_of(template)) == {attribute}
    except ValueError:
        return False


def complaint(templates: Sequence[str], style: str, patient_information: bool) -> tuple[str, str, str] | None:
    """What is wrong with a card's templates, as (key below protocol, expected, got), or None."""
    if not templates:
        return "templates", "at least one template", "none"
    if style == "diverse" and len(templates) < 2:
        return "templates", "at least two templates under the diverse style", str(len(templates))
    for index, template in enumerate(templates):
        key = f"templates[{index}]"
        if template in templates[:index]:
            return key, "templates that differ", f"{template!r} twice"
        if fault := field_fault(template):
            return key, *fault
        if bool(fields_of(template)) != patient_information:
            expected = "fields such as {age} with" if patient_information else "no fields without"
            return key, f"{expected} patient information", repr(template)
    return None
