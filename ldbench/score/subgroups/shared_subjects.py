"""How the scores of two groups are correlated where a subject is in both: in two bands of age by its visits, say.

Subjects are independent of each other and their own images are not. So the covariance of two scores is the sum, over
the subjects of both groups, of what each adds to the one times what it adds to the other (`ldbench.api.Measured`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import Array

Whose = npt.NDArray[np.int64]  # the subject of each unit of a group, numbered over the whole run
OfBoth = tuple[Mapping[str, Whose], Mapping[str, Whose]]


def correlation(one: Mapping[str, Array], other: Mapping[str, Array], whose: OfBoth) -> float:
    """Of the errors of two groups' scores, from what each unit adds, by kind; exactly 0 where no subject is in both.

    `whose` are the subjects of both groups' units; a kind that it lacks has units of their own.
    """
    together = 0.0
    for kind in whose[0].keys() & whose[1].keys() & one.keys() & other.keys():
        count = 1 + int(max(each[kind].max(initial=-1) for each in whose))
        sums = (
            np.bincount(each[kind], parts[kind], minlength=count)
            for each, parts in zip(whose, (one, other), strict=True)
        )
        together += float(np.dot(*sums))
    apart = [sum(float((each**2).sum()) for each in parts.values()) for parts in (one, other)]
    return together / (apart[0] * apart[1]) ** 0.5 if together else 0.0


def in_both(whose: OfBoth) -> int:
    """How many subjects are in two groups; of images of several kinds, those of the kind that has most."""
    kinds = whose[0].keys() & whose[1].keys()
    return max((len(np.intersect1d(whose[0][kind], whose[1][kind])) for kind in kinds), default=0)
