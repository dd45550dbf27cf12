"""All findings of a film of CheXpert, for tasks in which a film carries several.

Each of the table's fourteen columns becomes an attribute of its name in lower case with underscores: 1 for a film that
has the finding, 0 for one that has not. A finding that nobody knows has no attribute, so that no metric counts it:

- uncertain (-1): `skip` leaves the attribute out, `negative` makes it 0 and `positive` 1;
- blank (the report doesn't mention it): `negative` makes it 0, `skip` leaves the attribute out.

No Finding = 1 says that none of the others is there, Support Devices apart, so they are 0 beside it even where they are
blank. One of them that is 1, or -1 unless that counts as 0, contradicts it.

A film's class, `finding`, is "no finding" where No Finding is 1, and "finding" where another one than Support Devices
is. `findings` has the words for a prompt: "cardiomegaly and edema", "no finding".
"""

from __future__ import annotations

from typing import Literal

from ldbench.api import Attributes
from ldbench.data.prepare.readers.chexpert_table import FINDING_COLUMNS, Cells, LeftOut, label_of

Uncertain = Literal["skip", "negative", "positive"]
Blank = Literal["negative", "skip"]

CLASSES = ("no finding", "finding")
PATHOLOGIES = tuple(name for name in FINDING_COLUMNS if name not in ("No Finding", "Support Devices"))
_DEVICES = "Support Devices"
_SPELT = {"Pleural Other": "another pleural finding"}  # in prompts; others in lower case


def contradicted(row: Cells, uncertain: Uncertain) -> list[str]:
    """The columns that contradict No Finding = 1: findings that are there, or may be by the policy."""
    labels = {column: label_of(row, column) for column in PATHOLOGIES}
    return [name for name, label in labels.items() if label == 1 or (label == -1 and uncertain != "negative")]


def all_findings(row: Cells, uncertain: Uncertain, blank: Blank) -> Attributes:
    """The attributes of a film, as the module says.

    LeftOut by the rules `contradiction`, `uncertain` or `blank` (no finding is sure, and one of those that are not
    known may be there), and `unlabelled` (nothing is there, and No Finding is not 1).
    """
    labels = {column: label_of(row, column) for column in FINDING_COLUMNS}
    known = {column: _value(label, uncertain, blank) for column, label in labels.items()}
    if labels["No Finding"] is None:  # train.csv has no other way to say 0
        known["No Finding"] = 0
    if known["No Finding"] == 1:
        if others := contradicted(row, uncertain):
            raise LeftOut("rule", "contradiction", f"No Finding = 1 beside {', '.join(others)}")
        known |= dict.fromkeys(PATHOLOGIES, 0)
    elif not any(known[name] == 1 for name in PATHOLOGIES):
        _refuse(labels, uncertain, blank)
    else:
        known["No Finding"] = 0
    healthy = known["No Finding"] == 1
    flags = {attribute_of(name): value for name, value in known.items() if value is not None}
    return {"finding": CLASSES[not healthy], "findings": in_words(known), **flags}


def attribute_of(column: str) -> str:
    """The attribute of a column: `pleural_effusion` of Pleural Effusion."""
    return column.lower().replace(" ", "_")


def in_words(known: dict[str, int | None]) -> str:
    """What of a film's findings is there, as a prompt says it."""
    there = [_SPELT.get(name, name.lower()) for name in PATHOLOGIES if known[name] == 1]
    devices = [_DEVICES.lower()] if known[_DEVICES] == 1 else []
    if not there:
        return " but ".join(["no finding", *devices])
    *first, last = there + devices
    return f"{', '.join(first)} and {last}" if first else last


def _value(label: int | None, uncertain: Uncertain, blank: Blank) -> int | None:
    """1, 0, or None where nobody knows."""
    if label is None:
        return 0 if blank == "negative" else None
    if label == -1:
        return {"skip": None, "negative": 0, "positive": 1}[uncertain]
    return label


def _refuse(labels: dict[str, int | None], uncertain: Uncertain, blank: Blank) -> None:
    """Why a film in which nothing is surely there has no class."""
    doubtful = [name for name, label in labels.items() if label == -1 and name != _DEVICES]
    if doubtful and uncertain == "skip":
        raise LeftOut("rule", "uncertain", f"no finding is sure, uncertain (-1): {', '.join(doubtful)}")
    silent = [name for name in PATHOLOGIES if labels[name] is None]
    if silent and blank == "skip":
        raise LeftOut("rule", "blank", f"no finding is sure, blank: {', '.join(silent)}")
    raise LeftOut("rule", "unlabelled", "No Finding is not 1, and no other finding is")
