"""The one line that says why something is no backbone: expected, got, where, remedy."""

from __future__ import annotations

from ldbench.errors import WeightsError

REMEDY = "give a diffusers folder of Stable Diffusion 1.x or 2.x, or a hub id"


class MissingPartError(WeightsError):
    """A part of a backbone that isn't there (yet); `part` is what is missing, for a download to fetch."""

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message)
        self.part = part


def wrong(name: str, where: str, expected: str, got: str, remedy: str = REMEDY) -> WeightsError:
    """The error for a part of the backbone `name` (as the user called it) that is of another kind."""
    return WeightsError(f"backbone {name!r}: {where}: expected {expected}, got {got}; {remedy}")


def one_line(error: BaseException) -> str:
    """A library's message, without its line breaks and not longer than a line can bear."""
    return " ".join(str(error).split())[:160]
