"""The errors that a user can put right, each one line: expected, got, where, remedy.

A subclass says what kind of thing is wrong; the command line prints the line and exits with code 2. Nothing
here wraps a defect of the suite itself: those keep their traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LdbenchError(Exception):
    """Something the user can put right; its text is one line."""

    exit_code = 2


class CardError(LdbenchError):
    """A task card has a wrong key, type or value (named as file:key)."""


class UnknownNameError(LdbenchError):
    """A task, model, metric or parameter that nobody registered."""


class PluginError(LdbenchError):
    """A registered generator could not be imported or does not fulfil the protocol."""


class GeneratorError(LdbenchError):
    """A generator raised, or returned images that break the contract."""


class ImageError(LdbenchError):
    """An image file is missing, unreadable, of the wrong size or mode, or out of range."""


class FaultyImageError(ImageError):
    """An image of an owner's data set that can't be used, with the rule under which a report counts it.

    The suite's own rules: `NaN`, `several volumes`, `several frames`, `colour`, `not axial`, `oblique`, `orientation
    unknown`, `broken header`, `no contrast`, `compressed`, `alignment`, `transparency`. Any other `ImageError` counts
    as unreadable.
    """

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


class DataError(LdbenchError):
    """A data set, manifest or split is missing, inconsistent or altered."""


class WeightsError(LdbenchError):
    """A weight file is missing or is not the file it should be."""


class MetricError(LdbenchError):
    """A metric can't be computed from what it was given."""


class ResultError(LdbenchError):
    """A result file or results folder can't be read, or belongs to another task, version or run."""


class UsageError(LdbenchError):
    """An option or setting that contradicts another, or has a wrong type."""


def unknown_name(
    kind: str, name: str, known: Iterable[str], remedy: str, *, listed: bool = False
) -> UnknownNameError:
    """One line for a name nobody registered, with the nearest known ones; where none is near, with all of them.

    Not with all where they are `listed`: in `remedy` already, or nowhere, as they would not help.

    >>> print(unknown_name("model", "reel", ["real", "sd"], "see `ldbench list models`"))
    unknown model 'reel': did you mean real? see `ldbench list models`
    """
    options = sorted(known)
    by_lower_case: dict[str, list[str]] = {}
    for option in options:
        by_lower_case.setdefault(option.lower(), []).append(option)
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=3, cutoff=0.5)
    near = [option for lower in close for option in by_lower_case[lower]][:3]
    every = "" if listed else f"known: {', '.join(options) or 'none'}; "
    hint = f"did you mean {' or '.join(near)}? " if near else every
    return UnknownNameError(f"unknown {kind} {name!r}: {hint}{remedy}")
