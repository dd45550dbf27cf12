"""A generator on a miniature task: fresh copies of it, fitted in folders of their own, one of them only half-way.

Fits copies, never the instance that was handed in. A fit is cut off as a crash or a time limit would cut it, through
its reports of progress: one that makes no reports can't be cut off from outside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ldbench.api import Context, Generator, Progress, Request, case_seed, silent
from ldbench.data.images import quantise
from ldbench.run.generate import checked_images
from ldbench.run.process_settings import settings_kept
from ldbench.testing.finding import ClauseError
from ldbench.testing.miniature import Miniature

TASK = "check"


@dataclass(frozen=True)
class Fitted:
    """A fitted generator with the context it was fitted in."""

    generator: Generator
    context: Context

    def grey(self, requests: Sequence[Request]) -> torch.Tensor:
        """The images as they would be stored: `(N, 3, H, W) uint8`."""
        return quantise(checked_images(self.generator, requests, self.context))


@dataclass(frozen=True)
class Trial:
    """A generator with its parameters, and the miniature task, device and folder it is tried in."""

    template: Generator
    task: Miniature
    device: torch.device
    backbone: str | None
    root: Path

    def requests(self, seed: int = 0) -> list[Request]:
        """One request a case of the run with this seed."""
        return [Request(case, case_seed(seed, TASK, case.id)) for case in self.task.cases]

    def fresh(self, folder: str, progress: Progress = silent) -> Fitted:
        """A copy of the generator that is not fitted yet, with a folder, which may hold what an earlier fit left."""
        copy = dataclasses.replace(self.template)
        self.folder(folder).mkdir(parents=True, exist_ok=True)
        truth = self.task.answers.__getitem__ if copy.sees_truth and self.task.answers else None
        channels, height, width = self.task.train[0].image.shape
        shape = (channels, height, width)
        context = Context(self.device, 0, self.folder(folder), shape, self.backbone, progress, truth)
        return Fitted(copy, context)

    def fitted(self, folder: str, progress: Progress = silent) -> Fitted:
        """A copy of the generator, fitted."""
        copy = self.fresh(folder, progress)
        with settings_kept():
            copy.generator.fit(self.task.train, copy.context)
        return copy

    def folder(self, name: str) -> Path:
        """A folder that is the generator's own."""
        return self.root / name


class CutOff(BaseException):
    """Like a keyboard's interrupt, so that no `except Exception` of a plugin swallows it."""


@dataclass
class Counting:
    """A `Progress` that counts its calls and, where `last` is one of them, cuts off there."""

    last: int | None = None
    calls: int = 0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Count; raise at the last."""
        self.calls += 1
        if self.calls == self.last:
            raise CutOff


def cut_off(trial: Trial, folder: str, calls: int) -> str:
    """Leave in the folder what a fit leaves that ends after half of its reports; in words, where. Empty: no reports."""
    if not calls:
        return ""
    last = (calls + 1) // 2
    try:
        trial.fitted(folder, Counting(last))
    except CutOff:
        return f"cut off at report {last} of {calls}"
    raise ClauseError(f"no end at report {last} of {calls}: fewer reports, or the interrupt was swallowed")
