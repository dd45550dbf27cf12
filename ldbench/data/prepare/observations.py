"""What is seen of an image while it is prepared: how well it could be aligned, say, or what of it was taken on trust.

A reader returns pixels alone. Code far below it calls `observe` and `note`, and whoever asked for the pixels inside
`observing` has what was seen. Outside of it nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

Observations = Mapping[str, float | str]


@dataclass(frozen=True)
class Seen:
    """What was seen of one image: `values` by name, and `notes`, short lines that summaries count."""

    values: dict[str, float | str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


_seen: ContextVar[Seen | None] = ContextVar("observations", default=None)


@contextmanager
def observing() -> Iterator[Seen]:
    """What is seen inside; filled as it comes."""
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def observe(**values: float | str) -> None:
    """Add to what is seen of the image that is being prepared."""
    seen = _seen.get()
    if seen is not None:
        seen.values.update(values)


def note(text: str) -> None:
    """Say what is taken on trust of the image that is being prepared, in a line that counts images."""
    seen = _seen.get()
    if seen is not None:
        seen.notes.append(text)
