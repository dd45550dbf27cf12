"""The part of what metrics of folders are computed from that needs labels: their values, and a judge of them.

The judge learns from the training images. How well it tells the labels of the real ones stands beside what it says,
since nothing else says of folders how far it can be trusted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ldbench.api import ParameterValue, SetName
from ldbench.errors import MetricError
from ldbench.score.folders.tables import GENERATED
from ldbench.score.lazy_inputs import LabelledSet
from ldbench.score.set_inputs import SetInputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ldbench.score.folders.labels import Known
    from ldbench.score.metrics.intervals import Array, Subjects
    from ldbench.score.metrics.judge_labels_auc import LabelJudge

# parameters of a score: the mean area of the labels that count among the real images, and that of each
ON_REAL, OF_EACH = "judge_real_auc", "judge_real_auc_per_label"
_SETS: Mapping[LabelledSet, str] = {
    "generated": GENERATED, "all_generated": GENERATED, "training_scans": "training", "test_scans": "real",
}


@dataclass(frozen=True, kw_only=True)
class LabelInputs(SetInputs):
    """`labelled` has the labels of each image by what a set is: "real", "generated", "training"."""

    labelled: Mapping[str, Known] = field(default_factory=dict)

    @abstractmethod
    def subjects(self, images: SetName) -> Subjects:
        """The subject of each image of a set; None where no two share one."""

    def label_values(self, images: LabelledSet) -> Known:
        """By label which images of a set have it, `(N,)`: 1, 0, or NaN where nobody knows; `MetricError` where nobody
        says any."""
        name = _SETS[images]
        if not self.labelled.get(name):
            raise MetricError(f"expected labels of the {name} images, got none; give them in the tables of --labels")
        return self.labelled[name]

    @cached_property
    def label_judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Scores `(N, L)` of each label by the judge of the training images, and what the judge is: also how well it
        tells the labels of the real images."""
        return self._label_judge.scores(self.unviewed.generated), {
            **self._label_judge.parameters, **self._label_judge_on_real
        }

    @cached_property
    def _label_judge(self) -> LabelJudge:
        from ldbench.score.metrics.judge_labels_auc import label_judge_of

        known = self.label_values("training_scans")
        return label_judge_of(
            self.judge_recipe, self.unviewed.seen_scans()[0], known, device=self.device, folder=self.judge_folder,
            progress=self.progress,
        )

    @cached_property
    def _label_judge_on_real(self) -> Mapping[str, ParameterValue]:
        scores_nl = self._label_judge.scores(self.unviewed.real)
        return _areas_on_real(scores_nl, self.label_values("test_scans"), self.subjects("test_scans"))


def _areas_on_real(scores_nl: Array, known: Known, subjects: Subjects) -> Mapping[str, ParameterValue]:
    """The areas of a judge's scores `(N, L)` against the labels that real images have; nothing where none counts."""
    from ldbench.score.metrics.label_areas import counted_labels, label_areas, matrix_of
    from ldbench.score.metrics.roc import FEWEST

    try:
        counted = counted_labels(ON_REAL, FEWEST, subjects, real_images=known).names
    except MetricError:
        return {}
    labels, known_nl = list(known), matrix_of(known, counted)
    scores_snl = scores_nl[None][:, :, [labels.index(label) for label in counted]]
    each = [
        label_areas(ON_REAL, scores_snl[:, :, [place]], known_nl[:, [place]], subjects).mean
        for place in range(len(counted))
    ]
    return {
        ON_REAL: sum(each) / len(each),
        OF_EACH: ", ".join(f"{label} {area:.4f}" for label, area in zip(counted, each, strict=True)),
    }
