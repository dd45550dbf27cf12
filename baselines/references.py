"""Reference rows: what a perfect memory, a blur, doing nothing, another's scan, and knowing the answer would score.

None is a model. `real` and `mean-image` bound a text-to-image table from both ends; `copy-source`, `other-subject` and
`oracle` bound an editing one: all identity and no effect, all effect and no identity, and both. `oracle` is given the
truth, says so, and is never ranked.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from ldbench.api import Attributes, Case, Context, Generator, Request, TrainingSet
from ldbench.errors import GeneratorError

EDITING = frozenset({"aging", "disease-counterfactual"})
NEAREST = 10


@dataclass
class Real(Generator):
    """The training scan whose attributes a case carries: the floor of the distance to real scans."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "An edited scan is not among the training scans."
    reference: ClassVar[bool] = True
    _train: TrainingSet | None = field(default=None, init=False, repr=False, compare=False)
    _index_of: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Remember where each scan is."""
        self._train = train
        self._index_of = {train[index].id: index for index in range(len(train))}

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The scans themselves, `(N, 3, H, W)`."""
        if self._train is None:
            raise GeneratorError("real: expected fit before generate")
        absent = [request.case.id for request in requests if request.case.id not in self._index_of]
        if absent:
            raise GeneratorError(f"real: case {absent[0]!r} is no training scan; this row needs cases drawn from them")
        return torch.stack([self._train[self._index_of[request.case.id]].image for request in requests])


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
class OfTrainingScans(Generator):
    """A reference row that is made of the training scans alone, one request after another."""

    reference: ClassVar[bool] = True
    _train: TrainingSet | None = field(default=None, init=False, repr=False, compare=False)
    _attributes: list[Attributes] = field(default_factory=list, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Remember the attributes of each training scan (of pairs: of the later or other one)."""
        self._train = train
        self._attributes = [train[index].attributes for index in range(len(train))]

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a request, `(N, 3, H, W)`."""
        if self._train is None:
            raise GeneratorError(f"{type(self).__name__}: expected fit before generate")
        return torch.stack([self._image(self._train, request) for request in requests])

    @abstractmethod
    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        """The image of one request, `(3, H, W)`."""


@dataclass
class OtherSubject(OfTrainingScans):
    """A training scan of another subject with what the edit asks for: real, effective, no identity.

    Drawn by the request's seed from the scans that agree best with the classes asked for (diagnosis, sex, ...) and,
    where the edit changes a number, from the ten nearest of them. With the age alone, a scan ten years older was of any
    diagnosis, and no nearer to the truth's ventricles than the source. A scan of which a class isn't known differs in
    it, and one without the number is the farthest.
    """

    kinds: ClassVar[frozenset[str]] = EDITING
    reason: ClassVar[str] = "Without a source nobody is another subject; the row `real` shows real scans there."

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        return train[self._drawn(request)].image

    def _drawn(self, request: Request) -> int:
        candidates = self._agreeing(request.case)
        source = torch.Generator(device="cpu").manual_seed(request.seed)
        return candidates[int(torch.randint(len(candidates), (1,), generator=source))]

    def _agreeing(self, case: Case) -> list[int]:
        """The scans to draw from: those that differ in the fewest classes, and of them the nearest in numbers."""
        classes = {name: value for name, value in case.attributes.items() if isinstance(value, str)}
        edited = set(case.attributes) if case.edit is None else {case.edit.attribute}
        numbers = {name: float(value) for name, value in case.attributes.items() if name in edited - classes.keys()}
        needed = {} if case.edit is None else {name: classes[name] for name in edited & classes.keys()}
        allowed = [index for index, scan in enumerate(self._attributes) if needed.items() <= scan.items()]
        if not allowed:
            lacking = ", ".join(f"{name} {value!r}" for name, value in needed.items())
            raise GeneratorError(f"other-subject: no training scan has {lacking}")

        def differing(index: int) -> int:
            return sum(self._attributes[index].get(name) != value for name, value in classes.items())

        def distance(index: int) -> float:
            scan = self._attributes[index]
            return sum(abs(float(scan.get(name, math.inf)) - value) for name, value in numbers.items())

        fewest = min(map(differing, allowed))
        candidates = [index for index in allowed if differing(index) == fewest]
        return sorted(candidates, key=distance)[:NEAREST] if numbers else candidates


@dataclass
class Oracle(Generator):
    """The true answer, which only a sandbox knows; shown as the bound, never ranked."""

    kinds: ClassVar[frozenset[str]] = EDITING
    reason: ClassVar[str] = "A prompt has many right images; the row `real` is the bound there."
    reference: ClassVar[bool] = True
    sees_truth: ClassVar[bool] = True

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each case's true image, `(N, 3, H, W)`."""
        if context.truth is None:
            raise GeneratorError("oracle: this task has no known truth; it runs on sandbox editing tasks")
        return torch.stack([context.truth(request.case.id) for request in requests])
