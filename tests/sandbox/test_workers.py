"""Work that is spread over processes comes back in order, whatever their number."""

from __future__ import annotations

import os

import pytest
from ldbench_sandbox.workers import mapped

from ldbench.errors import DataError


def doubled(number: int) -> int:
    return 2 * number


def threads(name: str) -> str | None:
    return os.environ.get(name)


def ends(number: int) -> int:
    os._exit(number)


@pytest.mark.parametrize("processes", [0, 2])
def test_results_keep_their_order_and_progress_counts(processes: int) -> None:
    seen: list[tuple[int, int]] = []
    found = mapped(doubled, list(range(20)), processes, lambda stage, done, total, note="": seen.append((done, total)))
    assert found == [2 * number for number in range(20)]
    assert seen == [(number + 1, 20) for number in range(20)]


def test_each_process_has_one_thread_and_this_one_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    quiet = lambda stage, done, total, note="": None  # noqa: E731
    assert mapped(threads, ["OMP_NUM_THREADS", "MKL_NUM_THREADS"], 1, quiet) == ["1", "1"]
    assert (os.environ["OMP_NUM_THREADS"], os.environ.get("MKL_NUM_THREADS")) == ("7", None)


def test_a_process_that_dies_is_one_line() -> None:
    with pytest.raises(DataError, match="a worker process died"):
        mapped(ends, [3], 1, lambda stage, done, total, note="": None)
