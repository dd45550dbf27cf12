"""What lies beside results, where a run may lie in several folders.

Copies share what any of them has, as a fold keeps any one of them: what it says must not depend on which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ldbench.records.identity import Found, run_key
from ldbench.records.result import Result

Beside = TypeVar("Beside")


def beside_copies(
    found: Iterable[Found], read: Callable[[str, Result], Beside | None], text: Callable[[Beside], str]
) -> dict[str, Beside]:
    """By path, what `read` finds beside each complete measured result or a copy of it; paths without are absent.

    Of several the one with the first `text` counts.
    """
    runs: dict[str, tuple[str, str]] = {}
    by_run: dict[tuple[str, str], Beside] = {}
    for path, result in found:
        if (result.status, result.origin) != ("complete", "measured"):
            continue
        run = runs[path] = (result.task.id, run_key(result))
        here, known = read(path, result), by_run.get(run)
        if here is not None and here != known:
            by_run[run] = here if known is None else min(here, known, key=text)
    return {path: by_run[run] for path, run in runs.items() if run in by_run}
