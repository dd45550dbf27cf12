"""Steps that are counted: whoever watches sees which one is at work, of how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ldbench.api import Progress

_Step = TypeVar("_Step")


def steps(
    items: Sequence[_Step], progress: Progress, stage: str, name_of: Callable[[_Step], str] = str
) -> Iterator[_Step]:
    """Each item in turn. `progress` is called before it with its name as the note, and at the end without one."""
    for done, item in enumerate(items):
        progress(stage, done, len(items), name_of(item))
        yield item
    progress(stage, len(items), len(items), "")
