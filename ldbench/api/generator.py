"""What a generator plug-in is: what it is asked, what it is given, what it must return.

A generator is a dataclass that derives from `Generator`; its fields are its parameters (`--set key=value`),
typed by their annotations.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from ldbench.api.values import Attributes, ParameterValue, Progress, silent

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Edit:
    """What an edit changes: `attribute` from `source` to `target`, other attributes as they are or as follows from it.

    The sentences name the value, in the same wordings for source and target: sentence i of one side differs from
    sentence i of the other in the value alone. So the difference of their embeddings is a direction (Parmar et al.
    2023, Sec. 3.1). Each side has at least one.
    """

    attribute: str
    source: str | int | float
    target: str | int | float
    source_sentences: tuple[str, ...]
    target_sentences: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One image to generate.

    `attributes` describe the image that is wanted. For the editing kinds `source` is the image to edit,
    `(3, H, W) float32 in [0, 1]`, `source_attributes` describe it, `prompt` is the instruction, `source_prompt` and
    `target_prompt` are captions of the source and of the image that is wanted, and `edit` says what differs between
    them (None where nothing does: the null edit). The true answer is never here.
    """

    id: str
    prompt: str
    attributes: Attributes
    source: torch.Tensor | None = None
    source_attributes: Attributes | None = None
    source_prompt: str | None = None
    target_prompt: str | None = None
    edit: Edit | None = None


@dataclass(frozen=True)
class Request:
    """A case with the seed its noise must come from, whatever batch or process it lands in."""

    case: Case
    seed: int

    def noise(self, shape: Sequence[int]) -> torch.Tensor:
        """Standard normal noise of `shape`, float32 on the CPU, equal on every machine and in every batch.

        >>> request = Request(Case("a", "a brain", {}), seed=7)
        >>> request.noise((1, 2, 2)).shape
        torch.Size([1, 2, 2])
        >>> bool((request.noise((3,)) == request.noise((3,))).all())
        True
        """
        import torch

        source = torch.Generator(device="cpu").manual_seed(self.seed)
        return torch.randn(tuple(shape), generator=source, dtype=torch.float32)


@dataclass(frozen=True)
class Example:
    """One training image, `(3, H, W) float32 in [0, 1]`, with its prompt and attributes.

    For the editing kinds `source` is the image before the edit that `prompt` asks for, the captions are as in `Case`,
    and `instruction` is what a case would ask. Where a task has no training pairs, `source` is None, `prompt` is the
    image's own caption, and `target_prompt` is its caption after the edit (None where no edit would be asked for). `id`
    is the source's where there is one.
    """

    id: str
    image: torch.Tensor
    prompt: str
    attributes: Attributes
    source: torch.Tensor | None = None
    source_attributes: Attributes | None = None
    source_prompt: str | None = None
    target_prompt: str | None = None
    instruction: str | None = None


class TrainingSet(Protocol):
    """The task's training split; an example is read when it is asked for."""

    def __len__(self) -> int:
        """Number of training examples."""

    def __getitem__(self, index: int) -> Example:
        """The example at `index`, 0 <= index < len."""


@dataclass(frozen=True)
class Context:
    """Where and how a generator runs.

    `folder` is the generator's own place on disk. It survives an interruption, so a `fit` that leaves
    checkpoints there can go on from them; `fit` is called again after every restart. `image_shape` is
    `(3, H, W)`. `backbone` names what the card recommends (a folder or hub id); a parameter may override it.
    `truth` is set only for a generator that declares `sees_truth`, which is never ranked. `process` of `processes`
    is this one, where several do one run together (`accelerate launch`). `shared` is a place on disk that all runs of
    the same code with the same --out have in common, for fits that several of them start from; None where there is no
    such place.
    """

    device: torch.device
    seed: int
    folder: Path
    image_shape: tuple[int, int, int]
    backbone: str | None = None
    progress: Progress = silent
    truth: Callable[[str], torch.Tensor] | None = None
    process: int = 0
    processes: int = 1
    shared: Path | None = None


@dataclass(frozen=True)
class Capabilities:
    """The kinds of task a generator can do; `reason` says, in one line, why not the others."""

    kinds: frozenset[str]
    reason: str = ""


@dataclass
class Generator(ABC):
    """Base of every generator, built-in or not.

    Derive a dataclass from it; give each field a type (bool, int, float, str, or one of these | None) and a
    default. `kinds` names what it can do. `reference` rows (real images, a mean image) are shown apart from
    the ranked ones; `sees_truth` gives access to the answers and takes the row out of the ranking.

    `sampling_parameters` are those that `fit` never reads: where only they differ, one fit serves. With
    `fits_together` several processes call `fit` at the same time with one folder and share the work; without it each
    fits on its own, in a folder of its own.

    `api_version` names the version of this API that the class was written for ("1", "1.0"); the suite refuses one with
    another major number in one line, instead of failing somewhere inside. Empty: no claim.

    >>> @dataclass
    ... class Grey(Generator):
    ...     '''The same grey for every case.'''
    ...     kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    ...     reason: ClassVar[str] = "It looks at no source."
    ...     level: float = 0.5
    ...     def generate(self, requests, context):
    ...         import torch
    ...         return torch.full((len(requests), *context.image_shape), self.level)
    >>> Grey(level=0.25).level
    0.25
    >>> sorted(Grey.capabilities().kinds)
    ['text-to-image']
    """

    kinds: ClassVar[frozenset[str]] = frozenset()
    reason: ClassVar[str] = ""
    reference: ClassVar[bool] = False
    sees_truth: ClassVar[bool] = False
    sampling_parameters: ClassVar[frozenset[str]] = frozenset()
    fits_together: ClassVar[bool] = False
    api_version: ClassVar[str] = ""

    @classmethod
    def capabilities(cls) -> Capabilities:
        """What this generator can do."""
        return Capabilities(frozenset(cls.kinds), cls.reason)

    def fit(self, train: TrainingSet, context: Context) -> None:  # noqa: B027 (doing nothing is a valid fit)
        """Adapt to the training split; does nothing by default. May resume from `context.folder`."""

    @abstractmethod
    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a request, in order: `(N, 3, H, W) float32 in [0, 1]`, on any device."""


@dataclass(frozen=True)
class Preset:
    """A generator class under other defaults, registered under a name of its own: a row without a class.

    `parameters` are values of `generator`'s fields. Results, run folders and `--set` take them for the defaults.
    Register it as any generator: `name = "package.module:PRESET"` in the entry points of `ldbench.generators`.
    """

    generator: type[Generator]
    parameters: Mapping[str, ParameterValue]
    summary: str


@dataclass(frozen=True)
class Moment:
    """One step of a reverse process.

    `latents` are z_t `(N, C, h, w)` after `step` (0, 1, ...) of `steps`, at `timestep`; `images` `(N, 3, H, W) float32
    in [0, 1]` are decoded from the clean latent that is predicted there.
    """

    step: int
    steps: int
    timestep: int
    latents: torch.Tensor
    images: torch.Tensor


@runtime_checkable
class HasLatents(Protocol):
    """A generator that can show images in its own latent space."""

    def encode(self, images: torch.Tensor, context: Context) -> torch.Tensor:
        """Latents `(N, C, h, w) float32` of images `(N, 3, H, W) float32 in [0, 1]`."""


@dataclass(frozen=True)
class Needs:
    """What a run of a generator would need: what is `missing`, a line each, and estimates of the rest.

    Floating-point operations of the whole fit and of one image, bytes that the fit leaves on disk, bytes that weights,
    gradients and optimiser take on the device (activations, which depend on the batch, may come on top), and bytes that
    the fit leaves on disk for each training example, beside the others.
    """

    missing: tuple[str, ...] = ()
    fit_flops: float = 0.0
    image_flops: float = 0.0
    disk_bytes: int = 0
    device_bytes: int = 0
    example_bytes: int = 0


@runtime_checkable
class HasNeeds(Protocol):
    """A generator that can say before a run what it would need."""

    def needs(self, context: Context) -> Needs:
        """Found without loading weights and without writing anything; what can be wrong is in `Needs.missing`."""


@runtime_checkable
class HasFiles(Protocol):
    """A generator that can say which files its images depend on beside those that its parameters name."""

    def files(self, context: Context) -> Mapping[str, Mapping[str, Path]]:
        """The files that are on this disk now, by what they are ("backbone") and then by name.

        Called before `fit` and after it, as a fit may download. Downloads, loads and writes nothing, and leaves out
        what isn't there. A run records their digests, and is not continued with others.
        """


@runtime_checkable
class HasResolved(Protocol):
    """A generator that can say which values its parameters take here, where they leave a choice to the machine."""

    def resolved(self, context: Context) -> Mapping[str, str]:
        """By the parameter's name, `{"precision": "bfloat16"}` for `auto` on a GPU say.

        Called before `fit`; loads and writes nothing. A result records it, and a run is not continued with another.
        """


@runtime_checkable
class HasTrajectory(Protocol):
    """A generator that can show its reverse process step by step."""

    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        """The moments of one batch, from noise to images."""


def case_seed(run_seed: int, task: str, case_id: str) -> int:
    """The seed of one case: 63 bits of SHA-256 over run seed, task id and case id.

    >>> case_seed(0, "sandbox-brain-t2i", "brain-0001")
    8990830440959654052
    """
    digest = hashlib.sha256(f"{run_seed}\0{task}\0{case_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
