"""Free memory goes back to the system each time that so many numbers have been read."""

from __future__ import annotations

import pytest

from ldbench.score import free_memory
from ldbench.score.free_memory import ReadingCount, give_back


def test_it_goes_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    returns: list[int] = []
    count = ReadingCount(every=10)
    monkeypatch.setattr(free_memory, "give_back", lambda: returns.append(count.numbers))
    for _ in range(7):
        count.add(4)
    assert (returns, count.numbers) == ([0, 0], 4)


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_it_may_be_asked_for_anywhere(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    give_back()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # a C library without the call
    give_back()
