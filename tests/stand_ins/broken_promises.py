"""Generators that break what they declare or what they offer besides images, with the clauses that must name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch

from ldbench.api import API_VERSION, Context, Generator, Moment, Needs, Request

from .broken_generators import OnlyText, noise


@dataclass
class Offering(OnlyText):
    """Offers all that a generator may offer, as promised."""

    def needs(self, context: Context) -> Needs:
        del context
        return Needs(image_flops=1e6)

    def encode(self, images: torch.Tensor, context: Context) -> torch.Tensor:
        del context
        return images[:, :, ::8, ::8]

    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        for step in range(3):
            images = noise(requests, context)
            yield Moment(step, 3, 1000 - step, images, images)


    def files(self, context: Context) -> dict[str, dict[str, Path]]:
        del context
        return {"its own code": {"this": Path(__file__)}}


@dataclass
class WritingNeeds(Offering):
    """Writes to find out what it would need."""

    def needs(self, context: Context) -> Needs:
        (context.folder / "probe").write_bytes(b"")
        return Needs()


@dataclass
class EndlessNeeds(Offering):
    """An estimate that is none."""

    def needs(self, context: Context) -> Needs:
        del context
        return Needs(fit_flops=float("inf"))


@dataclass
class HalfLatents(Offering):
    """Latents in half precision."""

    def encode(self, images: torch.Tensor, context: Context) -> torch.Tensor:
        return super().encode(images, context).half()


@dataclass
class ShortTrajectory(Offering):
    """Stops before the last step."""

    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        yield from list(super().trajectory(requests, context))[:2]


@dataclass
class LoudTrajectory(Offering):
    """Shows images that are none yet."""

    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        for moment in super().trajectory(requests, context):
            yield Moment(moment.step, moment.steps, moment.timestep, moment.latents, 3 * moment.images)


@dataclass
class AbsentFiles(Offering):
    """Names a file that isn't there."""

    def files(self, context: Context) -> dict[str, dict[str, Path]]:
        return {"weights": {"unet.bin": context.folder / "unet.bin"}}


@dataclass
class OfAnotherTime(OnlyText):
    """Written for an API that isn't this one."""

    api_version: ClassVar[str] = "2.1"


@dataclass
class SamplesUnknown(OnlyText):
    """Names a parameter that it lacks."""

    sampling_parameters: ClassVar[frozenset[str]] = frozenset({"steps"})


@dataclass
class Untyped(OnlyText):
    """A list is no parameter."""

    levels: list[int] = field(default_factory=list)


@dataclass
class Undocumented(OnlyText):
    __doc__ = ""


@dataclass
class Unexplained(OnlyText):
    """Says not why it edits nothing."""

    reason: ClassVar[str] = ""


BROKEN_OFFERS: list[tuple[type[Generator], str, str]] = [
    (WritingNeeds, "needs", "got probe written"),
    (EndlessNeeds, "needs", "got fit_flops inf"),
    (HalfLatents, "latents", r"got torch.float16 of shape \(2, 3, 8, 8\) of 2 images"),
    (ShortTrajectory, "trajectory", r"got steps \[0, 1\] of 3"),
    (AbsentFiles, "files read", "got no file weights: unet.bin"),
    (LoudTrajectory, "trajectory", r"got step 0: images outside \[0, 1\]"),
]
BROKEN_WORD: list[tuple[type[Generator], set[str], str]] = [
    (OfAnotherTime, {"protocol"}, f"written for ldbench.api 2.1, this ldbench has {API_VERSION}; install"),
    (SamplesUnknown, {"sampling parameters"}, "got steps, which it has no parameter of"),
    (Untyped, {"protocol", "parameters", "sampling parameters"}, "Untyped.levels: expected bool"),
    (Undocumented, {"docstring"}, "got none; write one line"),
    (Unexplained, {"capabilities"}, "got reason '' for not aging, disease-counterfactual"),
]
