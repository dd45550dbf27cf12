"""ldbench: a benchmark for generators of medical images and counterfactuals.

From Python, what the command line does most is one call each: run a generator on a task (`run_task`), score images that
were made elsewhere (`score_images`), read results (`read_results`), rank them (`leaderboard`) and test them
(`compare`). Without a task, measure folders of images (`measure`, `measure_each`), test their differences
(`differences`) or those of methods of several seeds (`over_seeds`), and keep statistics that stand for real images
(`save_reference`). Mistakes of the caller raise `ldbench.errors.LdbenchError`, one line each.

Importing the package loads neither torch nor diffusers: each name is fetched when it is asked for first. A generator
plug-in imports `ldbench.api` and nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ldbench.board.folder_differences import differences
    from ldbench.board.folder_seeds import over_seeds
    from ldbench.board.paired_tests import Comparison
    from ldbench.report.task_boards import TaskBoard, TaskComparisons, compare, leaderboard, read_results
    from ldbench.run.measure import measure, measure_each
    from ldbench.run.reference import save_reference
    from ldbench.run.task_runs import TaskRun, run_task, score_images

__version__ = "0.1.0"
__all__ = [
    "Comparison", "TaskBoard", "TaskComparisons", "TaskRun", "compare", "differences", "leaderboard", "measure",
    "measure_each", "over_seeds", "read_results", "run_task", "save_reference", "score_images",
]  # fmt: skip

_HOMES = {
    "ldbench.board.folder_differences": ("differences",),
    "ldbench.board.folder_seeds": ("over_seeds",),
    "ldbench.board.paired_tests": ("Comparison",),
    "ldbench.report.task_boards": ("TaskBoard", "TaskComparisons", "compare", "leaderboard", "read_results"),
    "ldbench.run.measure": ("measure", "measure_each"),
    "ldbench.run.reference": ("save_reference",),
    "ldbench.run.task_runs": ("TaskRun", "run_task", "score_images"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
