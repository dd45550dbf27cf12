"""What is seen of an image while it is prepared: how well it could be aligned, say.

A reader returns pixels alone. Code far below it calls `observe`, and whoever asked for the pixels inside `observing`
has what was seen. Outside of it nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Observations = Mapping[str, float | str]

_seen: ContextVar[dict[str, float | str] | None] = ContextVar("observations", default=None)


@contextmanager
def observing() -> Iterator[Observations]:
    """What is observed inside, by name; filled as it comes."""
    seen: dict[str, float | str] = {}
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def observe(**values: float | str) -> None:
    """Add to what is seen of the image that is being prepared."""
    seen = _seen.get()
    if seen is not None:
        seen.update(values)
