"""What a row is called in tables and sentences, so that no two rows of a board share a name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, count
from math import comb

from ldbench.board.leaderboard import BoardRow
from ldbench.records.identity import row_key
from ldbench.records.names import digest, one_line, readable_json

TRUTH_MARK = "†"
SCORED_MARK = "(scored)"
REPORTED_MARK = "(reported)"
Traits = dict[str, str]
_FIXED = ("distribution", "source", "version")  # the traits that are no parameters
_BACKBONE, _OF_CARD = "backbone", "the card's"  # rows on other backbones are no rivals, so their names say which
_PARAMETER = "parameters."  # before the name of a parameter that is called as one of these
_MOST = 300  # combinations of as many keys that are all tried
_DIGITS = 8


@dataclass(frozen=True)
class NamedRow(BoardRow):
    """A row that a report calls by another name than its label, for which the name stands. Files don't hold it."""

    called: str = ""
    stands_for: str = ""


def name_in_short(row: BoardRow) -> str:
    """The name that a report gives the row, or else its model's."""
    return row.called if isinstance(row, NamedRow) else row.model.name


@dataclass(frozen=True)
class Labels:
    """The names of rows and of the models with the same images, and the settings that the names leave out, by row
    key."""

    names: Mapping[str, str]
    left_out: Mapping[str, Traits]

    def of(self, row: BoardRow) -> str:
        """The row's name, which no other one has."""
        return self.names[row_key(row)]

    def untold(self, row: BoardRow) -> Traits:
        """The settings in which the row and its namesakes differ and that its name leaves out."""
        return self.left_out[row_key(row)]


def labels(rows: Iterable[BoardRow]) -> Labels:
    """A name for each row: the model, and where there are namesakes as few of its settings as tell all of them apart,
    those first that vary most, and the backbone wherever it differs. Models with the same images as a row are named
    after the rows.

    Values of which the texts are equal are spelled as JSON. Where names are still equal, a row that was reported is
    marked as such if one that was measured has its name; all others get a digest of the row key. A `NamedRow` is called
    as it says.
    """
    own = {row_key(row): row for row in rows}
    copies = [replace(row, model=model) for row in own.values() for model in row.same_images]
    everyone = own | {key: row for row in copies if (key := row_key(row)) not in own}
    groups: dict[tuple[str, bool, str], dict[str, Traits]] = {}
    for key, row in everyone.items():
        groups.setdefault((row.model.name, row.model.scored, row.origin), {})[key] = _traits(row)
    names: dict[str, str] = {}
    left_out: dict[str, Traits] = {}
    for group in groups.values():
        namesakes = [traits for key, traits in group.items() if key in own]
        differing, telling = _differing(namesakes), _telling(namesakes)
        more = _greedy(list(group.values()), telling)
        for key, texts in zip(group, _texts(list(group.values())), strict=True):
            names[key] = _name(everyone[key], texts, telling if key in own else more)
            left_out[key] = {name: texts[name] for name in sorted(differing - set(telling)) if name in texts}
    given = {key: _marked(row.called, row) for key, row in own.items() if isinstance(row, NamedRow)}
    return Labels(_distinct(names, everyone, own) | given, left_out)


def _name(row: BoardRow, texts: Traits, keys: Sequence[str]) -> str:
    said = {key: _OF_CARD if (key, text) == (_BACKBONE, "null") else text for key, text in texts.items()}
    apart = [f"{key}={said[key]}" for key in keys if key in said]
    name = f"{row.model.name} {SCORED_MARK}" if row.model.scored else row.model.name
    return f"{name} ({', '.join(apart)})" if apart else name


def _distinct(
    names: Mapping[str, str], everyone: Mapping[str, BoardRow], own: Mapping[str, BoardRow]
) -> dict[str, str]:
    """The names in one line each with their marks: measured rows first, so that no other one changes their names."""
    given: dict[str, str] = {}
    measured = [key for key, row in own.items() if row.origin == "measured"]
    reported = [key for key, row in own.items() if row.origin == "reported"]
    for keys in (measured, reported, [key for key in everyone if key not in own]):
        given |= _settled({key: names[key] for key in keys}, everyone, frozenset(given.values()))
    return given


def _settled(names: dict[str, str], everyone: Mapping[str, BoardRow], taken: frozenset[str]) -> dict[str, str]:
    for digits in count(0, _DIGITS):
        marked = {key: _marked(name, everyone[key]) for key, name in names.items()}
        holders = Counter([*marked.values(), *taken])
        shared = [key for key, name in marked.items() if holders[name] > 1]
        if not shared:
            break
        for key in shared:
            if digits:
                names[key] += f" #{digest(key, digits)}"
            elif everyone[key].origin == "reported" and marked[key] in taken:
                names[key] += f" {REPORTED_MARK}"
    return marked


def _marked(name: str, row: BoardRow) -> str:
    return one_line(f"{name} {TRUTH_MARK}" if row.model.sees_truth else name)


def _telling(namesakes: Sequence[Traits]) -> tuple[str, ...]:
    """The fewest keys that tell apart all that differ, sorted; few where too many combinations are to be tried."""
    keys = _by_span(namesakes)
    different, given = _told_apart(namesakes, keys), tuple({_BACKBONE} & {*keys})
    others = [key for key in keys if key not in given]
    for size in range(len(others)):
        if comb(len(others), size) > _MOST:
            break
        for some in combinations(others, size):
            if _told_apart(namesakes, (*given, *some)) == different:
                return tuple(sorted((*given, *some)))
    return _greedy(namesakes, given)


def _greedy(namesakes: Sequence[Traits], start: Sequence[str]) -> tuple[str, ...]:
    """The keys with those that tell most of the rest apart, one after the other, until all that differ are told apart;
    sorted."""
    keys, chosen = _by_span(namesakes), list(start)
    different = _told_apart(namesakes, keys)
    while _told_apart(namesakes, chosen) < different:
        chosen.append(max(keys, key=lambda key: _told_apart(namesakes, [*chosen, key])))
    for key in chosen[len(start):]:
        rest = [each for each in chosen if each != key]
        if _told_apart(namesakes, rest) == different:
            chosen = rest
    return tuple(sorted(chosen))


def _told_apart(namesakes: Sequence[Traits], keys: Sequence[str]) -> int:
    """How many of the rows differ in these keys."""
    return len({tuple([one.get(key) for key in keys]) for one in namesakes})


def _by_span(namesakes: Sequence[Traits]) -> list[str]:
    """The keys in which they differ, those first that vary most."""
    return sorted(_differing(namesakes), key=lambda key: (-_span(namesakes, key), key))


def _differing(namesakes: Sequence[Traits]) -> set[str]:
    keys = {key for one in namesakes for key in one}
    return {key for key in keys if len({one.get(key) for one in namesakes}) > 1}


def _span(namesakes: Sequence[Traits], key: str) -> float:
    """The largest value divided by the smallest; 0 where a value is not a number above 0."""
    try:
        values = [float(_text(key, one[key])) for one in namesakes]
    except (KeyError, ValueError):
        return 0.0
    return max(values) / min(values) if min(values) > 0 else 0.0


def _traits(row: BoardRow) -> Traits:
    model = row.model
    named = {key: f"{_PARAMETER}{key}" if key in _FIXED or key.startswith(_PARAMETER) else key
             for key in model.parameters}  # fmt: skip
    fixed = {"distribution": model.distribution, "source": row.source, "version": model.version}
    values = {**fixed, **{named[key]: value for key, value in model.parameters.items()}}
    return {key: readable_json(value) for key, value in values.items()}


def _texts(namesakes: Sequence[Traits]) -> list[Traits]:
    """The values as they are printed: as JSON under keys where two values would print alike."""
    spelled: dict[str, set[str]] = {}
    for one in namesakes:
        for key, value in one.items():
            spelled.setdefault(key, set()).add(value)
    alike = {key for key, values in spelled.items() if len({_text(key, value) for value in values}) < len(values)}
    return [{key: value if key in alike else _text(key, value) for key, value in one.items()} for one in namesakes]


def _text(key: str, value: str) -> str:
    return json.loads(value) or "" if key in _FIXED else value.strip('"')
