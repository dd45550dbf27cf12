"""Files beside results: found, read and known to be the result's own, where a run may lie in several folders.

A file that contradicts the result beside it is an error. Copies of a run with the same scores share the files that any
of them has: a fold keeps one copy, and must not depend on which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ldbench.errors import ResultError
from ldbench.records.identity import Found, canonical, run_key
from ldbench.records.result import Result

Sidecar = TypeVar("Sidecar")


def own_sidecar(
    path: Path | str, name: str, read: Callable[[Path], Sidecar], repeated: Callable[[Sidecar], Mapping[str, object]],
    of_result: Mapping[str, object],
) -> Sidecar | None:
    """What `read` makes of the file `name` beside a result's file, or None where there is none.

    The values that it repeats of its result (`repeated`) must be those of this result (`of_result`); else a
    `ResultError`.
    """
    file = Path(path).with_name(name)
    if not file.is_file():
        return None
    found = read(file)
    for what, value in repeated(found).items():
        if value != of_result.get(what):
            raise ResultError(
                f"{file}: expected {what} {of_result.get(what)!s:.24} as in the result beside it, got "
                f"{value!s:.24}; they contradict each other: restore both as one run left them (where its images lie, "
                "`ldbench verify` says which was altered)"
            )
    return found


def values_of(result: Result) -> dict[str, float]:
    """By metric, a result's values: what a file beside it repeats of them."""
    return {score.metric: score.value for score in result.scores}


def beside_all(
    found: Iterable[Found], beside: Callable[[str, Result], Sidecar | None],
    damaged: dict[str, ResultError] | None = None,
) -> dict[str, Sidecar]:
    """By path, what lies `beside` each complete measured result or a copy of it; paths without are absent.

    Of several the one with the first text counts. The first error of each path goes to `damaged`; without it, reading
    ends there.
    """
    runs: dict[str, tuple[str, str, str]] = {}
    by_run: dict[tuple[str, str, str], Sidecar] = {}
    for path, result in found:
        if (result.status, result.origin) != ("complete", "measured"):
            continue
        run = runs[path] = (result.task.id, run_key(result), canonical(values_of(result)))
        try:
            here, known = beside(path, result), by_run.get(run)
        except ResultError as error:
            if damaged is None:
                raise
            damaged.setdefault(path, error)
            continue
        if here is not None and here != known:
            by_run[run] = here if known is None else min(here, known, key=repr)
    return {path: by_run[run] for path, run in runs.items() if run in by_run}
