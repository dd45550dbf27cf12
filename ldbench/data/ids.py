"""Ids in an order and where each stands, in one array: a dict of texts takes six times the memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ldbench.errors import DataError

_BLOCK = 4096


class Ids(Sequence[str]):
    """Texts in their order, each at most once; `place` finds one without reading the others."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._encoded_n = encoded(ids)
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

    def __eq__(self, other: object) -> bool:
        """Whether it is the same texts in the same order."""
        return isinstance(other, Ids) and np.array_equal(self._encoded_n, other._encoded_n)

    def __hash__(self) -> int:
        """Equal for equal ones."""
        return hash(self._encoded_n.tobytes())

    def __contains__(self, text: object) -> bool:
        """Whether it is one of them."""
        return isinstance(text, str) and self._find(text) is not None

    def place(self, text: str) -> int:
        """Where an id stands; KeyError for any other text."""
        place = self._find(text)
        if place is None:
            raise KeyError(text)
        return place

    def in_order(self) -> Ids:
        """The same ones, sorted as texts are: so are their bytes."""
        ordered = Ids(())
        ordered._encoded_n = self._encoded_n[self._order_n]
        ordered._order_n = np.arange(len(self), dtype=np.int32)
        return ordered

    def repeated(self) -> list[str]:
        """Those that stand there twice or more, sorted and each once."""
        sorted_n = self._encoded_n[self._order_n]
        return [_decoded(each) for each in np.unique(sorted_n[1:][sorted_n[1:] == sorted_n[:-1]])]

    def _find(self, text: str) -> int | None:
        if "\0" in text:
            return None
        wanted = _encoded(text)
        rank = bisect_left(self._order_n, wanted, key=self._encoded_n.__getitem__)
        place = int(self._order_n[rank]) if rank < len(self) else None
        return place if place is not None and self._encoded_n[place] == wanted else None


def encoded(texts: Iterable[str]) -> NDArray[np.bytes_]:
    """Texts in one array, of which no more than a block are held as objects. `DataError` for a zero byte, which the
    array would lose at an end."""
    left, blocks = iter(texts), [np.array([], np.bytes_)]
    while block := [_encoded(each) for each in islice(left, _BLOCK)]:
        if odd := next((each for each in block if b"\0" in each), None):
            raise DataError(f"expected names without a zero byte, got {_decoded(odd)!r:.80}; rename it")
        blocks.append(np.array(block, np.bytes_))
    return np.concatenate(blocks)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # names of files need not be text


def _decoded(encoded: Any) -> str:
    return str(encoded, "utf-8", "surrogatepass")
