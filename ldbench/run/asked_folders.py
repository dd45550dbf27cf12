"""What `ldbench measure` and `ldbench.run.measure` make of their options: the folders, and where they are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.api import Progress
from ldbench.errors import UsageError
from ldbench.records.files import user_cache_folder
from ldbench.run.environment import pick_device
from ldbench.score.folder_sets import Channels, Place
from ldbench.score.folder_subjects import pattern_of
from ldbench.score.folders import Folders
from ldbench.score.set_inputs import ScoringContext
from ldbench.task.card import Viewing


def folders_of(
    real: Place, generated: Place, training: Place | None, paired: bool, side: int | None, blur: float, noise: float,
    channels: Channels, subjects: Path | Mapping[str, Sequence[str | int]] | None, subject_pattern: str | None,
    images: int | None,
) -> Folders:
    """The folders with their viewing conditions, which blur and noise of 0 are none of, and what says the subjects."""
    if subjects is not None and subject_pattern is not None:
        raise UsageError("--subject-pattern: expected one way to know subjects, got --subjects too; drop one of them")
    whose = subjects if subject_pattern is None else pattern_of(subject_pattern)
    viewing = Viewing(blur, noise, "asked for") if (blur, noise) != (0, 0) else None
    return Folders(real, generated, training, paired, side, viewing, channels, whose, images)


def context_of(device: str, seed: int, progress: Progress) -> ScoringContext:
    """Where folders are measured, with the user's cache of features."""
    return ScoringContext(pick_device(device), seed, user_cache_folder() / "features", progress)
