"""Whether the seeds of one row were made alike: by the same code, device, processor, precision and packages.

They are folded either way, as a board takes results of different machines. Where they differ the row says so, since its
spread between seeds then holds that difference too. What a result doesn't record counts as equal. Other weights are an
error (`ldbench.board.compatible`). Files that belong to one seed are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.records.digests import CODE, PARAMETER, RESOLVED
from ldbench.records.result import Result

_MOST = 3  # things that a note names with their values


def mixed(runs: Sequence[Result]) -> set[str]:
    """The note on a row whose measured runs were not made alike; none where they were."""
    made = [
        {"device": run.environment.device}
        | ({"processor": run.environment.processor} if run.environment.processor else {})
        | {name: value for name, value in run.environment.packages.items() if not name.startswith(PARAMETER)}
        for run in runs if run.origin == "measured" and run.environment is not None and not run.model.scored
    ]
    names = sorted({name for one in made for name in one}, key=lambda name: (name != "device", name))
    seen = {name: sorted({one[name] for one in made if name in one}) for name in names}
    said = [_said(name, values) for name, values in seen.items() if len(values) > 1]
    if not said:
        return set()
    more = f" and {len(said) - _MOST} more" if len(said) > _MOST else ""
    return {f"seeds not made alike: {', '.join(said[:_MOST])}{more}"}


def _said(name: str, values: Sequence[str]) -> str:
    """What differs, and between which values; digests of code would tell a reader nothing."""
    return name if name == CODE else f"{name.removeprefix(RESOLVED)} {' and '.join(values)}"
