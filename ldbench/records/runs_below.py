"""Which runs below a folder count: all but those of an ablation, which are no rows of a board.

Every command that reads folders of runs asks here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ldbench.records.run_folder import ABLATION, RESULT


def files_below(folder: Path, name: str) -> list[Path]:
    """The files of this name in the runs below a folder that count."""
    return [path for path in folder.rglob(name) if path.is_file() and counts(path.parent, folder)]


def counts(run: Path, folder: Path) -> bool:
    """Whether the folder of a run below `folder` is none of an ablation, or `folder` is the ablation's own.

    A task may be called `ablation`, too: its runs lie a folder less deep, and count.
    """
    return ABLATION not in run.relative_to(folder).parts[:-3]


def or_its_ablation(folders: Iterable[Path]) -> str:
    """What follows the remedy where no run below the folders counts: ", or name ..." if an ablation's lie there."""
    return f", or name its {ABLATION}/ itself" if any(any(folder.rglob(RESULT)) for folder in folders) else ""
