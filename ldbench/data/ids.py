"""Ids in an order and where each stands, in one array: a dict of texts takes six times the memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np


class Ids(Sequence[str]):
    """Texts in their order, each at most once; `place` finds one without reading the others."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._encoded_n = np.array([_encoded(each) for each in ids], np.bytes_)
        self._order_n = np.argsort(self._encoded_n, kind="stable").astype(np.int32)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        """The id at a place, or those of a slice."""
        found = self._encoded_n[place]
        return _decoded(found) if isinstance(found, bytes) else tuple(map(_decoded, found))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._encoded_n)

    def __contains__(self, text: object) -> bool:
        """Whether it is one of them."""
        return isinstance(text, str) and self._find(text) is not None

    def place(self, text: str) -> int:
        """Where an id stands; KeyError for any other text."""
        place = self._find(text)
        if place is None:
            raise KeyError(text)
        return place

    def _find(self, text: str) -> int | None:
        encoded = _encoded(text)
        rank = bisect_left(self._order_n, encoded, key=self._encoded_n.__getitem__)
        place = int(self._order_n[rank]) if rank < len(self) else None
        return place if place is not None and self._encoded_n[place] == encoded else None


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # names of files need not be text


def _decoded(encoded: Any) -> str:
    return str(encoded, "utf-8", "surrogatepass")
