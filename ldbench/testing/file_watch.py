"""Whether anybody opens a task's data while a generator fits and generates, seen by an audit hook.

Sees what this process opens through Python, in any of its threads. Does not see compiled code that opens files by
itself, child processes, or data that the suite itself holds in memory already. Refuses to stop anybody: it notes.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ldbench.data.prepared import data_folder
from ldbench.plugins.kinds import DATASETS


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
    sources = [DATASETS.load(entry.name) for entry in DATASETS.entries()]
    shipped = [folder for source in sources if source.folders for folder in source.folders()]
    return [*shipped, data_folder("x").parent]


@functools.cache
def _watch() -> Watch:
    """The process's one watch: an audit hook can never be taken out again, so it is put in once."""
    watch = Watch()
    sys.addaudithook(watch)
    return watch
