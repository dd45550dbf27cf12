"""Which runs below a folder count: all but those of an ablation, which are no rows of a board.

Every command that reads folders of runs asks here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ldbench.records.run_folder import ABLATION, FIT, FURTHER_PASSES, IMAGES, RESULT, STATE
from ldbench.records.walk import walk


def runs_below(folder: Path) -> Iterator[Path]:
    """The folders of runs below a folder that count, finished or begun, in order; links are followed."""
    return (run for run in _runs(folder) if counts(run, folder))


def _runs(folder: Path) -> Iterator[Path]:
    for place, folders, names in walk(folder, hidden=True):
        if RESULT in names or STATE in names:
            # what a run makes holds no run, and may be large
            folders[:] = [name for name in folders if name.split("-")[0] not in (IMAGES, *FURTHER_PASSES, FIT)]
            yield place


def counts(run: Path, folder: Path) -> bool:
    """Whether the folder of a run below `folder` is none of an ablation, or `folder` is the ablation's own.

    A task may be called `ablation`, too: its runs lie a folder less deep, and count.
    """
    return ABLATION not in run.relative_to(folder).parts[:-3]


def or_its_ablation(folders: Iterable[Path]) -> str:
    """What follows the remedy where no run below the folders counts: ", or name ..." if an ablation's lie there."""
    return f", or name its {ABLATION}/ itself" if any(map(_has_finished, folders)) else ""


def _has_finished(folder: Path) -> bool:
    return any((run / RESULT).is_file() for run in _runs(folder))
