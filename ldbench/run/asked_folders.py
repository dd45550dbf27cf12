"""What `ldbench measure` and `ldbench.run.measure` make of their options: the folders, and where they are measured."""

from __future__ import annotations

from ldbench.api import Progress
from ldbench.records.files import user_cache_folder
from ldbench.run.environment import pick_device
from ldbench.score.folder_sets import Channels, Place
from ldbench.score.folders import Folders
from ldbench.score.set_inputs import ScoringContext
from ldbench.task.card import Viewing


def folders_of(
    real: Place, generated: Place, training: Place | None, paired: bool, side: int | None, blur: float, noise: float,
    channels: Channels,
) -> Folders:
    """The folders with their viewing conditions, which blur and noise of 0 are none of."""
    viewing = Viewing(blur, noise, "asked for") if (blur, noise) != (0, 0) else None
    return Folders(real, generated, training, paired, side, viewing, channels)


def context_of(device: str, seed: int, progress: Progress) -> ScoringContext:
    """Where folders are measured, with the user's cache of features."""
    return ScoringContext(pick_device(device), seed, user_cache_folder() / "features", progress)
