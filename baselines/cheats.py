"""Cheats as reference rows: what memorising, repeating and patching training scans together would score.

None is a model and none is ranked. Where one of them is as good as a trained row, the metric says little of that row,
and the board says which one it is. `real` repeats whole training scans, each once, and is the bound for all of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from ldbench.api import Attributes, Case, Context, Generator, Request, TrainingSet
from ldbench.errors import GeneratorError, UsageError


@dataclass
class _Cheat(Generator):
    """A row made of the training scans alone."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "An edited scan is not among the training scans; copy-source and other-subject cheat there."
    reference: ClassVar[bool] = True
    _train: TrainingSet | None = field(default=None, init=False, repr=False, compare=False)
    _attributes: list[Attributes] = field(default_factory=list, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Remember whose scan is where."""
        self._train = train
        self._attributes = [train[index].attributes for index in range(len(train))]

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a request, `(N, 3, H, W)`."""
        if self._train is None:
            raise GeneratorError(f"{type(self).__name__.lower()}: expected fit before generate")
        return torch.stack([self._image(self._train, request) for request in requests])

    @abstractmethod
    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        """The image of one request, `(3, H, W)`."""

    def _alike(self, case: Case) -> list[int]:
        """The training scans that differ from the case in the fewest words (diagnosis, sex), in the set's order."""
        words = {name: value for name, value in case.attributes.items() if isinstance(value, str)}
        differing = [sum(scan.get(name) != value for name, value in words.items()) for scan in self._attributes]
        return [index for index, count in enumerate(differing) if count == min(differing)]


@dataclass
class Copies(_Cheat):
    """Training scans moved to the right by some pixels, with faint noise: copies that no comparison of files finds."""

    shift: int = 1
    noise: float = 0.005

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        image = train[_one_of(self._alike(request.case), _source(request))].image
        drawn = torch.randn((1, *image.shape[1:]), generator=_source(request))
        return (torch.roll(image, self.shift, dims=-1) + self.noise * drawn).clamp(0, 1)


@dataclass
class Collapse(_Cheat):
    """A few training scans for each combination of classes, repeated: `images` says how many."""

    images: int = 5

    def __post_init__(self) -> None:
        if self.images < 1:
            raise UsageError(f"collapse: expected images of 1 or more, got {self.images}")

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        return train[_one_of(self._alike(request.case)[: self.images], _source(request))].image


@dataclass
class Chimera(_Cheat):
    """The left half of one training scan beside the right half of another one of the same classes."""

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        source, alike = _source(request), self._alike(request.case)
        image, other = (train[_one_of(alike, source)].image for _ in range(2))
        middle = image.shape[-1] // 2
        return torch.cat([image[..., :middle], other[..., middle:]], dim=-1)


def _source(request: Request) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(request.seed)


def _one_of(indices: Sequence[int], source: torch.Generator) -> int:
    return indices[int(torch.randint(len(indices), (1,), generator=source))]
