"""How long a stage of a run took, over all calls that worked at it.

A run that was stopped goes on in another call, which does only what is left. Its own seconds are then not what the
stage costs. So each call adds its seconds in `times.json` in the run's folder. A call that is killed can't: the seconds
of such a stage are known to be too few.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.errors import ResultError
from ldbench.records.files import read_json, write_json
from ldbench.records.from_table import built
from ldbench.records.result import Stage
from ldbench.run.environment import timed

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Spent:
    """What the calls so far took for one stage: seconds, the highest peak of memory in MiB, and whether that is all.

    `at_work`: a call is working at the stage, or was killed there.
    """

    seconds: float = 0.0
    peak_memory_mib: float = 0.0
    whole: bool = True
    at_work: bool = False


@contextmanager
def timed_over_calls(
    name: str, stages: list[Stage], device: torch.device, times: Path | None, work: Iterable[Path] | None
) -> Iterator[None]:
    """As `timed`, with the seconds of earlier calls, which `times` holds; None keeps none.

    `work` are the folders that the stage fills. While they are empty nothing of an earlier call is used, so its seconds
    don't count. None: another run did the work.
    """
    if times is None:
        with timed(name, stages, device):
            yield
        return
    before = Spent(whole=False) if work is None else _spent_before(name, times, work)
    _note(times, name, replace(before, at_work=True))
    here: list[Stage] = []
    start = time.perf_counter()
    try:
        with timed(name, here, device):
            yield
    except BaseException:
        with suppress(ResultError):  # a full disk, say, which may be why the stage failed
            _note(times, name, replace(before, seconds=round(before.seconds + time.perf_counter() - start, 3)))
        raise
    seconds = round(before.seconds + here[0].seconds, 3)
    after = Spent(seconds, max(before.peak_memory_mib, here[0].peak_memory_mib or 0.0), before.whole)
    _note(times, name, after)
    stages.append(Stage(name, after.seconds, after.peak_memory_mib, after.whole))


def _spent_before(name: str, times: Path, work: Iterable[Path]) -> Spent:
    if not any(path.is_file() for folder in work for path in folder.rglob("*")):
        return Spent()
    before = _read(times).get(name, Spent(whole=False))  # work that nobody timed
    return replace(before, whole=before.whole and not before.at_work)


def _read(times: Path) -> Mapping[str, Spent]:
    """By stage; nothing of a file that is missing or damaged, since a run must not fail for its clock."""
    try:
        table = read_json(times, "the times of a run", "remove it")
        return {name: built(Spent, spent, str(times), ResultError) for name, spent in dict(table).items()}
    except (ResultError, TypeError, ValueError):
        return {}


def _note(times: Path, name: str, spent: Spent) -> None:
    noted = {**_read(times), name: spent}
    write_json(times, {stage: asdict(one) for stage, one in noted.items()})
