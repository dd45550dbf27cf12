"""Sequences that make an item when it is asked for and hold none: a case and its texts take a thousand bytes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from ldbench.data.ids import Ids

Item = TypeVar("Item")


@dataclass(frozen=True)
class OnDemand(Sequence[Item]):
    """What `make` makes of each item of another sequence, anew each time that it is asked for."""

    make: Callable[[Any], Item]
    of: Sequence[Any]

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, place: int | slice) -> Item | tuple[Item, ...]:
        """The item at a place, or those of a slice."""
        return tuple(map(self.make, self.of[place])) if isinstance(place, slice) else self.make(self.of[place])

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.of)

    def __iter__(self) -> Iterator[Item]:
        """All items in their order."""
        return map(self.make, self.of)


@dataclass(frozen=True)
class ById(Mapping[str, Item]):
    """The items of a sequence by their ids, which stand in its order."""

    ids: Ids
    items_in_order: Sequence[Item]

    def __getitem__(self, item_id: str) -> Item:
        """The item of an id; KeyError for another one."""
        return self.items_in_order[self.ids.place(item_id)]

    def __contains__(self, item_id: object) -> bool:
        """Whether there is such an item; makes none."""
        return item_id in self.ids

    def __iter__(self) -> Iterator[str]:
        """The ids in their order."""
        return iter(self.ids)

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.ids)


def picked(items: Sequence[Item], places: Iterable[int]) -> OnDemand[Item]:
    """The items at some places of a sequence, in the order of the places."""
    return OnDemand(items.__getitem__, array("q", places))
