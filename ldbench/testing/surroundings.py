"""What a generator must leave alone: the process's states, what it is handed, folders around its own, tasks' data.

The kit moves the global random states of Python, numpy and torch itself, to see whether a generator depends on them,
and puts them back. Requests, examples and folders are compared before and after; nothing is deleted.

An audit hook notes which of the tasks' files this process opens through Python, in any of its threads. It does not see
compiled code that opens files by itself, child processes, or data that the suite itself holds in memory already.
"""
# ruff: noqa: NPY002 - the legacy global state is the very thing that is looked at here

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch

from ldbench.api import Example, Request
from ldbench.data.prepared import data_folder
from ldbench.errors import PluginError
from ldbench.plugins.kinds import DATASETS
from ldbench.run.process_settings import FOLDER, ProcessSettings
from ldbench.testing.finding import ClauseError
from ldbench.testing.trial import Trial

CPU = torch.device("cpu")
FOLDERS = ("first", "second", "interrupted", "needs")


def seed_all(seed: int, device: torch.device = CPU) -> None:
    """Seed the global states of random, numpy.random and torch, the last on the CPU and on this device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


def states(device: torch.device = CPU) -> dict[str, str]:
    """A hash of each global state, by name; equal hashes mean that nobody drew from it."""
    legacy = np.random.get_state(legacy=False)["state"]
    states = {
        "random": repr(random.getstate()).encode(),
        "numpy.random": legacy["key"].tobytes() + repr(legacy["pos"]).encode(),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
    if device.type == "cuda":
        states["torch.cuda"] = torch.cuda.get_rng_state(device).numpy().tobytes()
    return {name: hashlib.sha256(state).hexdigest() for name, state in states.items()}


def undisturbed(before: dict[str, str], after: dict[str, str]) -> str:
    """The same states; else ClauseError, with the names of those that moved."""
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise ClauseError(f"that of {', '.join(moved)} moved")
    return f"{', '.join(before)} as before"


def seen_around(trial: Trial) -> set[Path]:
    """What lies in the working directory and beside the generator's folders (which are the kit's own)."""
    expected = {trial.folder(name) for name in FOLDERS}
    seen = {*Path.cwd().iterdir(), *trial.root.iterdir()} - expected
    return {path for path in seen if path.name != "__pycache__"}


@dataclasses.dataclass(frozen=True)
class Moved:
    """A setting of the process that a stage, `fit` or `generate`, left changed: its name, and the value left."""

    stage: str
    name: str
    value: object


@contextmanager
def settings_watched(stage: str, moved: list[Moved]) -> Iterator[None]:
    """Note in `moved` what the block leaves changed of the process's settings, and put it back."""
    before = ProcessSettings.now()
    try:
        yield
    finally:
        moved += [Moved(stage, name, value) for name, value in ProcessSettings.now().changes(before).items()]
        before.put_back()


def settings_undisturbed(moved: Sequence[Moved]) -> str:
    """No setting of torch among what was moved; else ClauseError, with stages and values."""
    of_torch = [f"{one.stage} left the {one.name} {_in_words(one.value)}" for one in moved if one.name != FOLDER]
    if of_torch:
        raise ClauseError(", ".join(of_torch))
    return "gradient mode, default dtype, default device and threads as before"


def _in_words(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else f"{value}"


def nothing_new(before: set[Path], after: set[Path], moved: Sequence[Moved]) -> str:
    """Nothing that wasn't there before, and the working directory not moved; else ClauseError, with names."""
    elsewhere = [f"{one.stage} left the working directory at {one.value}" for one in moved if one.name == FOLDER]
    if elsewhere:
        raise ClauseError(", ".join(elsewhere), "give functions their folder, or wrap the code in contextlib.chdir")
    new = sorted(path.name for path in after - before)
    if new:
        raise ClauseError(f"{', '.join(new[:5])} beside it or in the working directory")
    return "nothing new beside context.folder or in the working directory"


def fingerprint(trial: Trial) -> dict[str, str]:
    """A hash of each training example and request, by a name for it."""
    entries: list[Example | Request] = [*trial.task.train, *trial.requests()]
    return {_label(entry): hashlib.sha256(b"".join(_bytes(entry))).hexdigest() for entry in entries}


def unchanged(before: dict[str, str], after: dict[str, str]) -> str:
    """The same fingerprints; else ClauseError, with the names of what moved."""
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise ClauseError(f"fit or generate changed {', '.join(moved)} in place")
    return f"{len(before)} requests and examples as before"


def _label(entry: Example | Request) -> str:
    return f"example {entry.id}" if isinstance(entry, Example) else f"request {entry.case.id}"


def _bytes(entry: Example | Request) -> Iterator[bytes]:
    record = entry if isinstance(entry, Example) else entry.case
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        yield value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode()


class Watch:
    """The paths below `folders` that were opened; idle while there are no folders."""

    def __init__(self) -> None:
        self.folders: tuple[str, ...] = ()
        self.opened: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """The hook: called for every audited event of the process, so it must be quick and never raise."""
        if event != "open" or not self.folders or not isinstance(arguments[0], (str, bytes)):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(self.folders):
            self.opened.append(path)


@contextmanager
def opened_below(folders: Sequence[Path]) -> Iterator[list[str]]:
    """A list of the files below the folders that are opened inside the block, in order; not to be nested."""
    watch = _watch()
    watch.opened = []
    watch.folders = tuple(os.path.realpath(folder) + os.sep for folder in folders)
    try:
        yield watch.opened
    finally:
        watch.folders = ()


def task_folders() -> list[Path]:
    """Where the data of tasks lie: those that packages ship, and the user's prepared ones."""
    shipped: list[Path] = []
    for entry in DATASETS.entries():
        with suppress(PluginError):  # no task can have data that can't be loaded
            source = DATASETS.load(entry.name)
            shipped += source.folders() if source.folders else ()
    return [*shipped, data_folder("x").parent]


@functools.cache
def _watch() -> Watch:
    """The process's one watch: an audit hook can never be taken out again, so it is put in once."""
    watch = Watch()
    sys.addaudithook(watch)
    return watch
