"""A group's inputs after its real and generated images have been exchanged at random: what chance alone gives.

If a group's generated images came from where its real ones come from, every exchange would be as likely as what was
seen, as long as no two images of a set are of one subject (`set_scores` sees to it). The mean of a distance over
exchanges is then the distance's own expectation, whatever the sizes of the sets and the spread of the images. An image
stays in its class; where real images are the truths of the same cases, a case's two images change places or do not.
Features and readings are exchanged, and images are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, LazyInputs, ParameterValue
from ldbench.errors import PluginError
from ldbench.score.metrics.row_blocks import Number
from ldbench.score.subgroups.inputs import GroupInputs, GroupSets, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


@dataclass(frozen=True)
class ExchangedInputs(GroupInputs):
    """A group whose real images are the rows `from_n` of both sets, real ones first, and its generated ones `from_m`.

    Only what is computed of `features` and `readings` is exchanged; `PluginError` for images and the judge's scores.
    """

    from_n: Rows
    from_m: Rows

    @property
    def lazy(self) -> LazyInputs:
        """The sets of the group, of which only the shapes can be asked."""
        return _Shapes(self.whole.lazy, self.real_n, self.generated_m)

    @property
    def judged(self) -> tuple[npt.NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Refused: real images have no such scores."""
        raise _refused()

    def of_both(
        self, real: npt.NDArray[Number], generated: npt.NDArray[Number]
    ) -> tuple[npt.NDArray[Number], npt.NDArray[Number]]:
        """The rows of both sets after the exchange."""
        both = np.concatenate(super().of_both(real, generated))
        return both[self.from_n], both[self.from_m]


def exchanged(group: GroupInputs, random: np.random.Generator) -> ExchangedInputs:
    """One random exchange; of pairs, a truth and its result change places or do not."""
    n, m = len(group.real_n), len(group.generated_m)
    if group.paired:
        order = _swapped(n, random)
    else:
        order, labels = np.arange(n + m), np.array([*group.real_labels, *group.labels])
        for label in np.unique(labels):
            of_class = np.flatnonzero(labels == label)
            order[of_class] = random.permutation(of_class)
    return ExchangedInputs(group.whole, group.real_n, group.generated_m, order[:n], order[n:])


def _swapped(count: int, random: np.random.Generator) -> Rows:
    pairs = np.arange(2 * count).reshape(2, count)
    return np.where(random.random(count) < 0.5, pairs[::-1], pairs).ravel()


class _Shapes(GroupSets):
    """The sets of a group, whose images cannot be read."""

    def _rows(self, images: ImageSet, rows: Rows) -> ImageSet:
        return _Unread(super()._rows(images, rows).shape)


@dataclass(frozen=True)
class _Unread:
    shape: Any

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> torch.Tensor:
        raise _refused()


def _refused() -> PluginError:
    return PluginError(
        "expected a metric of features or readings, whose rows can be exchanged, got one that asks for more; take "
        'groups="equal"'
    )
