"""Generators that keep the contract, and one for each way of breaking it, with the findings that must name it."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from ldbench.api import Context, Generator, Request, TrainingSet

EDITING = frozenset({"aging", "disease-counterfactual"})


def noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return torch.stack([0.5 + 0.1 * request.noise(context.image_shape) for request in requests]).clamp(0, 1)


@dataclass
class Good(Generator):
    """Noise about the training mean, or about the source where there is one."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"}) | EDITING
    strength: float = 0.1
    _mean: torch.Tensor | None = field(default=None, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        self._mean = torch.stack([train[index].image for index in range(len(train))]).mean(0)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert self._mean is not None
        start = [self._mean if request.case.source is None else request.case.source for request in requests]
        return (torch.stack(start) + self.strength * (noise(requests, context) - 0.5)).clamp(0, 1)


@dataclass
class BrainsAlone(Good):
    """Good on brains; it asks every case for its diagnosis, which films don't have."""

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert all(request.case.attributes["diagnosis"] for request in requests)
        return super().generate(requests, context)


@dataclass
class OnlyText(Generator):
    """A text-to-image generator that the broken ones below are made from."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "It edits nothing."

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return noise(requests, context)


@dataclass
class FilmOfFindings(OnlyText):
    """Right on a card of several findings: a training film of those that are asked for, drawn by the request's seed."""

    seeded: bool = True
    _of: dict[str, list[torch.Tensor]] = field(default_factory=dict, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        self._of = {}
        for example in (train[place] for place in range(len(train))):
            self._of.setdefault(str(example.attributes["findings"]), []).append(example.image)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        films = [self._of[str(request.case.attributes["findings"])] for request in requests]
        drawn = [request.seed if self.seeded else 0 for request in requests]
        return torch.stack([of[number % len(of)] for of, number in zip(films, drawn, strict=True)])


Make = Callable[[Sequence[Request], Context], torch.Tensor]

# what is returned, the clauses that it breaks, and what the first of them says was seen
BROKEN_IMAGES: dict[str, tuple[Make, list[str], str]] = {
    "too few": (lambda r, c: noise(r, c)[1:], ["shape"], r"got \(5, 3, 64, 64\) where \(6, 3, 64, 64\) was asked for"),
    "grey": (lambda r, c: noise(r, c)[:, :1], ["shape"], r"got \(6, 1, 64, 64\)"),
    "other size": (lambda r, c: noise(r, c)[:, :, :32], ["shape"], r"got \(6, 3, 32, 64\)"),
    "channels last": (lambda r, c: noise(r, c).permute(0, 2, 3, 1), ["shape"], r"got \(6, 64, 64, 3\)"),
    "none at all": (lambda r, c: noise(r, c)[:0], ["shape", "range"], r"got \(0, 3, 64, 64\)"),
    "double": (lambda r, c: noise(r, c).double(), ["dtype"], "float32, got torch.float64"),
    "bytes": (lambda r, c: (noise(r, c) * 255).byte(), ["dtype", "range"], "float32, got torch.uint8"),
    "array": (lambda r, c: noise(r, c).numpy(), ["dtype"], "got ndarray; return a torch.Tensor"),
    "nan": (lambda r, c: noise(r, c) / (noise(r, c) * 0), ["range"], "expected finite pixels.*got NaN or infinity"),
    "signed": (lambda r, c: noise(r, c) * 2 - 1, ["range"], r"finite pixels in \[0, 1\], got -0.*; scale them"),
    "answers": (lambda r, c: torch.stack([c.truth(q.case.id) for q in r]), ["fit and generate"], "raised TypeError"),
    "raises": (lambda r, c: noise(r[7:99], c), ["fit and generate"], "generate raised RuntimeError"),
    "divides": (
        lambda r, c: 1 / 0, ["fit and generate"], r"generate raised ZeroDivisionError: .* \(broken_generators.py:\d+\)",
    ),
}  # fmt: skip


def global_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return (0.5 + 0.1 * torch.randn((len(requests), *context.image_shape))).clamp(0, 1)


def numpy_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    np.random.seed(requests[0].seed % 2**32)  # noqa: NPY002 - what a plugin must not do
    return noise(requests, context)


def batch_noise(requests: Sequence[Request], context: Context) -> torch.Tensor:
    """One seed for the whole batch, the commonest mistake."""
    source = torch.Generator().manual_seed(requests[0].seed)
    return (0.5 + 0.1 * torch.randn((len(requests), *context.image_shape), generator=source)).clamp(0, 1)


def batch_normalised(requests: Sequence[Request], context: Context) -> torch.Tensor:
    images = noise(requests, context)
    return (images / images.amax()).clamp(0, 1)


def fixed(requests: Sequence[Request], context: Context) -> torch.Tensor:
    return torch.full((len(requests), *context.image_shape), 0.5)


def half_fixed(requests: Sequence[Request], context: Context) -> torch.Tensor:
    images = noise(requests, context)
    images[[place for place, request in enumerate(requests) if int(request.case.id[-2:]) % 2]] = 0.5
    return images


def counted(requests: Sequence[Request], context: Context) -> torch.Tensor:
    """Another image a call: what is kept between calls must not show."""
    tally = context.folder / "calls"
    tally.write_text(tally.read_text() + "." if tally.exists() else ".")
    return (noise(requests, context) + 0.01 * len(tally.read_text())).clamp(0, 1)


def relabelling(requests: Sequence[Request], context: Context) -> torch.Tensor:
    for request in requests:
        request.case.attributes["seen"] = "yes"  # type: ignore[index]
    return noise(requests, context)


def straying(requests: Sequence[Request], context: Context) -> torch.Tensor:
    (context.folder.parent / "elsewhere.bin").write_bytes(b"")
    return noise(requests, context)


def littering(requests: Sequence[Request], context: Context) -> torch.Tensor:
    Path("litter.bin").write_bytes(b"")
    return noise(requests, context)


def prying(requests: Sequence[Request], context: Context) -> torch.Tensor:
    """Reads the sandbox's own file, in a thread, for what good that may do."""
    path = resources.files("ldbench_tasks").joinpath("sandbox_brain", "manifest.csv")
    thread = threading.Thread(target=path.read_bytes)
    thread.start()
    thread.join()
    return noise(requests, context)


def wandering(requests: Sequence[Request], context: Context) -> torch.Tensor:
    os.chdir(context.folder)
    return noise(requests, context)


def switching(requests: Sequence[Request], context: Context) -> torch.Tensor:
    images = noise(requests, context)
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    return images


BROKEN_CONDUCT: dict[str, tuple[Make, set[str]]] = {
    "global noise": (global_noise, {"global random state unused", "global random state undisturbed"}),
    "numpy's global seed": (numpy_noise, {"global random state undisturbed"}),
    "one seed a batch": (batch_noise, {"batch size and order"}),
    "normalised over the batch": (batch_normalised, {"batch size and order"}),
    "no seed at all": (fixed, {"seed matters"}),
    "no seed for every other case": (half_fixed, {"seed matters"}),
    "counts its calls": (counted, {"same request, same bytes"}),
    "writes into requests": (relabelling, {"inputs left alone"}),
    "writes beside its folder": (straying, {"writes in its folder only"}),
    "writes into the working directory": (littering, {"writes in its folder only"}),
    "changes the working directory": (wandering, {"writes in its folder only"}),
    "leaves torch's settings changed": (switching, {"torch settings undisturbed"}),
    "reads the data of a task": (prying, {"answers unread"}),
}  # fmt: skip


@dataclass
class UnseededFit(OnlyText):
    """Weights drawn from nowhere."""

    _level: float = field(default=0.0, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        self._level = random.SystemRandom().random()

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return (noise(requests, context) * 0.5 + 0.5 * self._level).clamp(0, 1)


@dataclass
class GlobalLayer(OnlyText):
    """A new layer drawn from torch's global state."""

    _layer: torch.nn.Module | None = field(default=None, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        self._layer = torch.nn.Conv2d(3, 3, 1)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert self._layer is not None
        with torch.no_grad():
            return self._layer(noise(requests, context)).sigmoid()


@dataclass
class BadRestart(OnlyText):
    """Goes on from its own checkpoint and ends elsewhere."""

    _level: float = field(default=0.0, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train
        checkpoint = context.folder / "level"
        self._level = float(checkpoint.read_text()) + 0.1 if checkpoint.exists() else 0.1
        checkpoint.write_text(str(self._level))

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return (noise(requests, context) + self._level).clamp(0, 1)


@dataclass
class InPlace(OnlyText):
    """Normalises the training images where they lie."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        train[3].image.mul_(2).sub_(1)


@dataclass
class FailingFit(OnlyText):
    """Its fit raises, over two lines."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train, context
        raise MemoryError("no room\nat all")


@dataclass
class HalfWritten(OnlyText):
    """Takes what an interrupted fit left for the whole."""

    _level: float = field(default=0.0, init=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train
        checkpoint = context.folder / "level"
        if not checkpoint.exists():
            for step in range(1, 5):
                checkpoint.write_text(str(0.1 * step))
                context.progress("fit", step, 4)
        self._level = float(checkpoint.read_text())

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return (noise(requests, context) + self._level).clamp(0, 1)


@dataclass
class Stubborn(OnlyText):
    """Swallows whatever is raised while it fits, a keyboard's interrupt included."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del train
        for step in range(1, 5):
            try:
                context.progress("fit", step, 4)
            except BaseException:
                continue


BROKEN_FIT: list[tuple[type[Generator], set[str]]] = [
    (UnseededFit, {"refitted, same bytes", "restarted, same bytes"}),
    (GlobalLayer, {"global random state undisturbed", "refitted, same bytes", "restarted, same bytes"}),
    (BadRestart, {"restarted, same bytes"}),
    (InPlace, {"inputs left alone"}),
    (FailingFit, {"fit and generate"}),
    (HalfWritten, {"interrupted, same bytes"}),
    (Stubborn, {"interrupted, same bytes"}),
]
