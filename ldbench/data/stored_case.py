"""A case whose source is read when it is asked for: the cases of a task hold no pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ldbench.api import Case

if TYPE_CHECKING:
    import torch


class StoredCase(Case):
    """A `Case` whose source may be a function that reads the image; a copy of it reads in its turn."""

    @property
    def source(self) -> Any:
        """The image to edit, `(3, H, W) float32 in [0, 1]`, read anew each time; None where there is none."""
        source = unread_source(self)
        return source() if callable(source) else source

    @source.setter
    def source(self, source: Any) -> None:
        vars(self)["source"] = source


def stored_case(case: Case, read: Callable[[], torch.Tensor]) -> StoredCase:
    """The case with a source that `read` gives when it is asked for."""
    copy = StoredCase(**{**vars(case), "source": None})
    vars(copy)["source"] = read
    return copy


def loaded(case: Case) -> Case:
    """The case with its image read, and without the function that reads it; a case that holds its image is returned as
    is."""
    return Case(**{**vars(case), "source": case.source}) if isinstance(case, StoredCase) else case


def unread_source(case: Case) -> Any:
    """The source as the case holds it, an image, a function that reads it, or None; reads nothing."""
    return vars(case)["source"]
