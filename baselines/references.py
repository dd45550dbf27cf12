"""Reference rows: what a perfect memory, a blur, doing nothing, and knowing the answer would score.

None is a model. `real` and `mean-image` bound a text-to-image table from both ends; `copy-source` and `oracle` bound
an editing one. `oracle` is given the truth, says so, and is never ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request, TrainingSet
from ldbench.errors import GeneratorError

EDITING = frozenset({"aging", "disease-counterfactual"})


@dataclass
class Real(Generator):
    """The training scan whose attributes a case carries: the floor that the distance to other real scans has."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "An edited scan is not among the training scans."
    reference: ClassVar[bool] = True
    _train: TrainingSet | None = field(default=None, init=False, repr=False, compare=False)
    _place: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Remember where each scan is."""
        self._train = train
        self._place = {train[index].id: index for index in range(len(train))}

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The scans themselves, `(N, 3, H, W)`."""
        if self._train is None:
            raise GeneratorError("real: expected fit before generate")
        absent = [request.case.id for request in requests if request.case.id not in self._place]
        if absent:
            raise GeneratorError(f"real: case {absent[0]!r} is no training scan; this row needs cases drawn from them")
        return torch.stack([self._train[self._place[request.case.id]].image for request in requests])


@dataclass
class MeanImage(Generator):
    """The pixelwise mean of the training scans, for every case: good pixels, no anatomy."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"}) | EDITING
    reference: ClassVar[bool] = True
    _mean: torch.Tensor | None = field(default=None, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Average the training scans."""
        total = torch.zeros(context.image_shape, dtype=torch.float64)
        for index in range(len(train)):
            total += train[index].image
        self._mean = (total / len(train)).float()

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The mean, once a request, `(N, 3, H, W)`."""
        if self._mean is None:
            raise GeneratorError("mean-image: expected fit before generate")
        return self._mean.expand(len(requests), -1, -1, -1).clone()


@dataclass
class CopySource(Generator):
    """The source as it is: perfect identity, no edit."""

    kinds: ClassVar[frozenset[str]] = EDITING
    reason: ClassVar[str] = "A prompt alone has no source to copy."
    reference: ClassVar[bool] = True

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each case's source, `(N, 3, H, W)`."""
        sources = [request.case.source for request in requests if request.case.source is not None]
        if len(sources) != len(requests):
            raise GeneratorError("copy-source: expected a source image in every case")
        return torch.stack(sources)


@dataclass
class Oracle(Generator):
    """The true answer, which only a sandbox knows. Shown as the bound, never ranked."""

    kinds: ClassVar[frozenset[str]] = EDITING
    reason: ClassVar[str] = "A prompt has many right images; the row `real` is the bound there."
    reference: ClassVar[bool] = True
    sees_truth: ClassVar[bool] = True

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each case's true image, `(N, 3, H, W)`."""
        if context.truth is None:
            raise GeneratorError("oracle: this task has no known truth; it runs on sandbox editing tasks")
        return torch.stack([context.truth(request.case.id) for request in requests])
