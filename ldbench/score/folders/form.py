"""The form that images of folders are brought to before they are compared, and how they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ldbench.errors import UsageError
from ldbench.score.folders.one_size import Fit
from ldbench.task.card import ViewingConditions

Channels = Literal["rgb", "grey-as-rgb"]
_SMALLEST = 8  # pixels of a side


@dataclass(frozen=True)
class Conditions:
    """How images are brought to one form and looked at; None where nobody said it."""

    side: int | None = None
    fit: Fit | None = None
    channels: Channels | None = None
    viewing: ViewingConditions | None = None


def check_form(side: int | None, fit: Fit | None, channels: Channels) -> None:
    """`UsageError` for a form that no images can be brought to."""
    if fit is not None and fit not in get_args(Fit):
        raise UsageError(f"--fit: expected {', '.join(get_args(Fit))}, got {fit!r}")
    if fit is not None and side is None:
        raise UsageError(f"--fit {fit}: expected a side to bring images to, got none; add --side")
    if side is not None and side < _SMALLEST:
        raise UsageError(f"--side: expected {_SMALLEST} pixels or more, got {side}")
    if channels not in get_args(Channels):
        raise UsageError(f"--channels: expected {' or '.join(get_args(Channels))}, got {channels!r}")
