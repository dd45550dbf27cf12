"""Several processes at one run, as `accelerate launch` starts them: who this is, and where all wait for each other.

Accelerate does the work; this module only asks it. One process is the rule and needs none of it. Variables that a
launcher left behind, or a cluster sets for its own ends, are no launch: a run then is one process, and one warning says
so. Refuses to start processes of its own, and to wait for days for some that never come.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from ldbench.errors import LdbenchError, UsageError
from ldbench.records.names import reason

_MEETING = timedelta(minutes=2)  # all have been started; what takes time is importing torch
# the others wait while the first scores, for longer than the 10 minutes that NCCL gives them
_WORK = timedelta(days=7)
_ADDRESS = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Processes:
    """This process's place among those of a run; `local_index` counts those on the same machine, as GPUs do."""

    index: int = 0
    count: int = 1
    local_index: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process does what must be done once."""
        return self.index == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def end(self) -> None:
        """Wait a last time in a run that ended well; this process leaves the others when it exits."""
        self.wait()
        if self.count > 1:
            _leave_at_exit(True)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """A part of a run that the first process does while the others wait at its end; where it fails, all do.

        The others raise an `LdbenchError` with what the first one said: left alone they would wait for days.
        """
        try:
            yield
        except Exception as error:
            with suppress(RuntimeError):  # who is gone needn't be told
                self._tell(str(error) if isinstance(error, LdbenchError) else reason(error))
            raise
        if failure := self._tell(""):
            raise LdbenchError(f"the first process ended: {failure}")

    def _tell(self, failure: str) -> str:
        """What the first process says, to all."""
        if self.count == 1:
            return ""
        import torch

        told = [failure]
        torch.distributed.broadcast_object_list(told, src=0)
        return told[0] if not self.is_first else ""


def current_processes(device: str) -> Processes:
    """The processes that a launcher has started for this run; on a CPU they meet over gloo.

    Raises `UsageError` where the others don't come.
    """
    launched = launch()
    if launched is None:
        return Processes()
    state = _joined(*launched, device == "cpu")
    _leave_at_exit(_over_gloo())
    return Processes(state.process_index, state.num_processes, state.local_process_index)


def is_first_process() -> bool:
    """Whether this process is the one that speaks; true without a launcher."""
    launched = launch()
    return launched is None or launched[0] == 0


def launch(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """This process's rank and how many there are, as a launcher says them; None for one process.

    What says less than a launcher does (a rank of a job array, a number of processes without a place to meet) is left
    over from something else.
    """
    size = environment.get("WORLD_SIZE", "").strip()
    count, rank = _whole(size), _whole(environment.get("RANK", ""))
    if not size or count == 1:
        return None
    missing = [name for name in _ADDRESS if not environment.get(name)]
    if not count:
        _warn_left_over(f"WORLD_SIZE={size!r:.20} is no number of processes")
    elif rank is None or rank >= count:
        _warn_left_over(f"WORLD_SIZE={count} goes with a RANK below it, got {environment.get('RANK', 'none')!s:.20}")
    elif missing:
        _warn_left_over(f"WORLD_SIZE={count} goes with {' and '.join(missing)}, got none")
    else:
        return rank, count
    return None


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


@cache  # once a process
def _warn_left_over(what: str) -> None:
    print(
        f"warning: {what}: left over from another launch, so this is one process. Unset WORLD_SIZE, or start "
        "several with `accelerate launch`",
        file=sys.stderr,
    )


@cache  # a process joins once
def _joined(rank: int, count: int, cpu: bool) -> Any:
    """Accelerate's state of this process, once all have met."""
    import torch
    from accelerate import PartialState

    several = cpu or ("LOCAL_RANK" in os.environ and torch.cuda.is_available())
    store = _store() if several and not torch.distributed.is_initialized() else None
    where = {} if store is None else {"store": store, "rank": rank, "world_size": count}
    return PartialState(cpu=cpu, timeout=_WORK, **where)


def _over_gloo() -> bool:
    import torch

    return torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo"


def _leave_at_exit(leave: bool) -> None:
    """Gloo is always left: its threads, still there at the very end, now and then abort the process. NCCL is left only
    after a run that ended well, as torch asks for: after an error it might wait for one who is gone."""
    atexit.unregister(_leave)
    if leave:
        atexit.register(_leave)


def _leave() -> None:
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _store() -> Any:
    """Where the processes of a launch find each other. `UsageError` where one doesn't come in time."""
    import torch

    distributed: Any = torch.distributed  # whose stubs name neither
    try:
        store, *_ = next(distributed.rendezvous("env://", timeout=_MEETING))
    except (RuntimeError, ValueError, OSError) as error:
        size, address, port = (os.environ[name] for name in ("WORLD_SIZE", *_ADDRESS))
        raise UsageError(
            f"WORLD_SIZE={size}: expected so many processes to meet at {address}:{port} within {_MEETING.seconds} s, "
            "got fewer; unset WORLD_SIZE for one process, or start all with `accelerate launch`"
        ) from error
    store.set_timeout(_WORK)
    return distributed.PrefixStore("ldbench", store)
