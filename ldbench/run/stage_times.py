"""How long a stage of a run took, and where its memory ran out, over all calls that worked at it.

A run that was stopped goes on in another call, which does only what is left. Its own seconds are then not what the
stage costs. So each call adds its seconds in `times.json` in the run's folder. A call that is killed can't: the seconds
of such a stage are known to be too few. Seconds of several devices are no device's: they are not whole either.
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
from ldbench.records.walk import walk
from ldbench.run.environment import device_name, peak_memory_mib, timed

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Spent:
    """What the calls so far took for one stage: seconds, the highest peak of memory in MiB, and whether that is all.

    `at_work`: a call is working at the stage, or was killed there. `where` names the device and how much of it is used.
    `notes` are what was said of memory that ran out.
    """

    seconds: float = 0.0
    peak_memory_mib: float = 0.0
    whole: bool = True
    at_work: bool = False
    where: str = ""
    notes: tuple[str, ...] = ()


@contextmanager
def timed_over_calls(
    name: str, stages: list[Stage], device: torch.device, times: Path | None, work: Iterable[Path] | None,
    processes: int = 1, notes: list[str] | None = None,
) -> Iterator[None]:
    """As `timed`, with the seconds of earlier calls, which `times` holds; None keeps none.

    To `notes`, which fill meanwhile, those of earlier calls are added.

    `work` are the folders that the stage fills. While they are empty nothing of an earlier call is used, so its seconds
    don't count. None: another run did the work.
    """
    if times is None:
        with timed(name, stages, device):
            yield
        return
    where = _where(device, processes)
    before = Spent(whole=False, where=where) if work is None else _spent_before(name, times, work, where)
    _note(times, name, replace(before, at_work=True))
    here: list[Stage] = []
    notes = [] if notes is None else notes
    said = len(notes)
    start = time.perf_counter()
    try:
        with timed(name, here, device):
            yield
    except BaseException:
        with suppress(ResultError):  # a full disk, say, which may be why the stage failed
            _note(times, name, _added(before, time.perf_counter() - start, peak_memory_mib(device), notes[said:]))
        raise
    after = _added(before, here[0].seconds, here[0].peak_memory_mib or 0.0, notes[said:])
    _note(times, name, after)
    notes += [line for line in after.notes if line not in notes]
    stages.append(Stage(name, after.seconds, after.peak_memory_mib, after.whole))


def _where(device: torch.device, processes: int) -> str:
    import torch

    threads = f", threads: {torch.get_num_threads()}" if device.type == "cpu" else ""
    return f"{device_name(device)}, processes: {processes}{threads}"


def _spent_before(name: str, times: Path, work: Iterable[Path], where: str) -> Spent:
    if not any(names for folder in work for _, _, names in walk(folder, hidden=True)):
        return Spent(where=where)
    before = _read(times).get(name, Spent(whole=False))  # work that nobody timed
    whole = before.whole and not before.at_work and before.where == where
    return replace(before, whole=whole, at_work=False, where=where)


def _added(before: Spent, seconds: float, peak_memory_mib: float, notes: Iterable[str]) -> Spent:
    """With what a call took that has ended, and what it said."""
    return replace(
        before, seconds=round(before.seconds + seconds, 3),
        peak_memory_mib=max(before.peak_memory_mib, peak_memory_mib),
        notes=tuple(dict.fromkeys([*before.notes, *notes])),
    )


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
