"""The objective of a counterfactual (paper, Eq. 5): that the edit is seen to have happened, and that little else did.

For one image it is `outcome_weight * BCE(f(x'), y') + mean |x - x'|`, f the task's judge, y' the class that was asked
for, x the source; a set's is the mean. Written as a `Measure` of one feature against zero, it goes through the same
curve and the same resampling as the distances between sets. The task must have a judge, as f is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ldbench.api import Case
from ldbench.data.task_data import network_files
from ldbench.errors import UsageError
from ldbench.records.caches import JUDGES
from ldbench.records.files import user_cache_folder
from ldbench.score.lazy_inputs import TaskImages, TaskSets
from ldbench.score.metrics.judge import Judge, judge_of
from ldbench.studies.parameters.distance import Array, Measure
from ldbench.studies.parameters.workbench import Workbench

MEASURE = Measure("counterfactual", np.zeros((1, 0), dtype=np.float32))
ZERO = np.zeros(1, dtype=np.float32)


@dataclass(frozen=True)
class EditObjective:
    """The objective of the edits that `cases` ask for, in their order."""

    judge: Judge
    sources_nchw: torch.Tensor
    targets: tuple[str, ...]
    outcome_weight: float

    def of(self, results_nchw: torch.Tensor) -> Array:
        """One value an image, `(N, 1)`, of results `(N, 3, H, W) float32 in [0, 1]`."""
        change_n = (results_nchw - self.sources_nchw).abs().mean((1, 2, 3)).double().numpy()
        column_n = [self.judge.classes.index(target) for target in self.targets]
        log_odds_n = self.judge.scores(results_nchw)[np.arange(len(column_n)), column_n]
        missed_n = np.logaddexp(0.0, -log_odds_n)  # the cross-entropy -log f(x')_y', from log odds
        return np.asarray((self.outcome_weight * missed_n + change_n)[:, None], dtype=np.float32)


def edit_objective(bench: Workbench, cases: Sequence[Case], outcome_weight: float) -> EditObjective:
    """The objective on these cases, with the task's judge, which is trained once on the real training scans.

    Raises UsageError for a task without a judge or cases without sources, and for a weight below zero.
    """
    task = bench.data.task
    if task.judge is None:
        raise UsageError(f"--distance counterfactual: expected a card with [judge], got {task.id}; take channels")
    if not outcome_weight >= 0:  # also for NaN
        raise UsageError(f"--outcome-weight: expected 0 or more, got {outcome_weight}")
    judge = judge_of(
        task.judge, task.data.classes, *TaskSets(TaskImages(bench.data, {}, {})).training_scans(), device=bench.device,
        folder=user_cache_folder() / JUDGES, progress=bench.settings.progress, shipped=network_files(task.data),
    )
    sources = [case.source for case in cases if case.source is not None]
    targets = tuple(str(case.attributes[task.data.class_attribute]) for case in cases)
    return EditObjective(judge, torch.stack(sources), targets, outcome_weight)
