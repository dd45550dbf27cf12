"""The loop that fine-tuners share: seeded draws, micro-batches, AdamW, averaging, checkpoints, several processes.

On a GPU the host runs ahead: a step's loss is read when the next step has been asked for, and no step waits for it.

Each step's randomness comes from (seed, step) alone and is drawn for the whole batch, so a run resumed from a
checkpoint, a smaller micro-batch and a second process all see what one uninterrupted process would have seen. Refuses
a checkpoint of other settings.

Memory that runs out on the device is answered by halving the micro-batch and doing the step again; the gradient is
that of the whole batch either way, so the batch that is learnt from stays what was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import torch

from ldbench.api import Batches, Progress, halved, out_of_memory
from ldbench.errors import GeneratorError

from ..backbone.precision import Precision, arithmetic
from .all_reduce import sum_over_processes
from .average import Average, HostAverage
from .checkpoint import Checkpoint, CheckpointPace, Writer
from .masters import MasterAdamW
from .transfer import Arriving


@dataclass(frozen=True)
class Columns:
    """Tensors with equal first sizes, one row a training image; what a step draws derives from it."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(vars(self).values())))

    def part(self, rows: slice) -> Self:
        """Some of the rows."""
        return replace(self, **{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True)
class Batch(Columns):
    """What one step draws, on the CPU: B training images at B times with B noises.

    `index (B,) int64`, `timestep (B,) int64`, `posterior_eps` and `eps (B, C, h, w)`, `dropped (B,) bool` (prompt left
    out), `weight (B,)` of each image's loss.
    """

    index: torch.Tensor
    timestep: torch.Tensor
    posterior_eps: torch.Tensor
    eps: torch.Tensor
    dropped: torch.Tensor
    weight: torch.Tensor


AnyBatch = TypeVar("AnyBatch", bound=Columns)


class Objective(Protocol[AnyBatch]):
    """What is minimised."""

    def draw(self, source: torch.Generator) -> AnyBatch:
        """One whole batch from the step's own source of randomness."""

    def loss(self, batch: AnyBatch) -> torch.Tensor:
        """The weighted errors of a part of a batch, summed over its images."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast: `steps` optimiser steps of `batch_size` images, linear warm-up, cosine decay to zero.

    `micro_batch_size` images at a time go through the network (0: all of a process's share). `precision` is that of the
    network's arithmetic; trained values and moments stay float32. With `masters` the network holds bfloat16 and float32
    stands beside it (masters.py); else it holds float32, and autocast rounds.
    """

    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    warmup_steps: int = 20
    weight_decay: float = 1e-2
    ema_decay: float = 0.0
    checkpoint_every: int = 100
    micro_batch_size: int = 0
    precision: Precision = "float32"
    masters: bool = False

    def fingerprint(self) -> dict[str, object]:
        """What a checkpoint must agree with: all but how often it is written and how steps are computed."""
        free = ("checkpoint_every", "micro_batch_size", "masters")
        return {k: v for k, v in asdict(self).items() if k not in free}


@dataclass(frozen=True)
class Share:
    """This process's part of each batch: cut evenly, and empty for some where processes outnumber images."""

    process: int = 0
    processes: int = 1

    def of(self, batch_size: int) -> int:
        """How many images of a batch are a process's, at most."""
        return -(-batch_size // self.processes)

    def at_once(self, batch_size: int, micro_batch_size: int) -> int:
        """How many of them go through the network in one piece: fewer where this machine's memory asks for it."""
        share = self.of(batch_size)
        return Batches("fit", min(micro_batch_size or share, share)).size

    def slices(self, batch_size: int, micro_batch_size: int) -> Iterator[slice]:
        """The micro-batches that are this process's, cut from the whole batch."""
        first, last = (batch_size * place // self.processes for place in (self.process, self.process + 1))
        size = micro_batch_size or batch_size
        yield from (slice(start, min(start + size, last)) for start in range(first, last, size))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of all randomness of one training step, on the CPU so that every device draws the same."""
    return torch.Generator("cpu").manual_seed((seed * 1_000_003 + step) % 2**63)


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def train(
    parameters: Mapping[str, torch.nn.Parameter], objective: Objective[AnyBatch], settings: TrainingSettings,
    folder: Path, fingerprint: Mapping[str, object], progress: Progress, share: Share = Share(),
) -> None:
    """Optimise `parameters` in place; afterwards they hold the trained (or averaged, with EMA) values.

    `fingerprint` is what a checkpoint must have been made with to be continued. Several processes call this at the same
    time, each with its share, on one folder. Raises `GeneratorError` for a foreign checkpoint and for a loss or weights
    that are no numbers.
    """
    optimiser = _optimiser(parameters, settings)
    values = optimiser.masters if isinstance(optimiser, MasterAdamW) else parameters
    on_gpu = next(iter(values.values())).device.type == "cuda"
    gradients = _Gradients(list(parameters.values()), objective, settings, share)
    with Writer(in_background=on_gpu) as writer:
        checkpoint = Checkpoint(folder, {**settings.fingerprint(), **fingerprint}, writer)
        average = (HostAverage if on_gpu else Average)(values, settings.ema_decay)
        first = checkpoint.resume(values, average.values, optimiser, gradients.scaler)
        if isinstance(optimiser, MasterAdamW):
            optimiser.show()
        optimiser.register_step_pre_hook(lambda *_: average.hold_back())
        pace, losses = CheckpointPace.of(settings.checkpoint_every, on_gpu), _Losses(settings.steps, progress)
        for step in range(first, settings.steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate_at(step, settings)
            losses.ask(step, gradients.step(step, optimiser))
            average.update(step)
            last = step + 1 == settings.steps
            due = share.process == 0 and (last or pace.due(step + 1))
            losses.read(everything=last or due)
            if due:
                average.wait()
                checkpoint.save(values, average.values, optimiser, gradients.scaler, step + 1, last=last)
            losses.tell()
    if isinstance(optimiser, MasterAdamW):
        optimiser.give_back()
    average.wait()
    with torch.no_grad():
        for name, value in average.values.items():
            parameters[name].copy_(value)


def _optimiser(parameters: Mapping[str, torch.nn.Parameter], settings: TrainingSettings) -> torch.optim.AdamW:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.masters:
        return MasterAdamW(parameters, rate, decay)
    # fused: 5 ms a step less on two CPU threads and 4.8 M parameters
    return torch.optim.AdamW(parameters.values(), lr=rate, weight_decay=decay, fused=True)


@dataclass
class _Losses:
    """Losses on their way from the device, until they are reported."""

    steps: int
    progress: Progress
    _asked: list[tuple[int, Arriving]] = field(default_factory=list)
    _read: list[tuple[int, float]] = field(default_factory=list)

    def ask(self, step: int, loss: Arriving) -> None:
        """Note that the loss of a step is on its way."""
        self._asked.append((step, loss))

    def read(self, everything: bool) -> None:
        """Wait for the losses asked for; not for the newest, unless it is there or `everything` is wanted."""
        keep = 1 if self._asked[-1][1].late and not everything else 0
        count = len(self._asked) - keep
        for step, arriving in self._asked[:count]:
            loss = float(arriving)
            if not math.isfinite(loss):
                raise GeneratorError(
                    f"step {step + 1}: the loss is {loss}; lower learning_rate, or take precision bfloat16 or float32"
                )
            self._read.append((step, loss))
        del self._asked[:count]

    def tell(self) -> None:
        """Report the losses that were read."""
        for step, loss in self._read:
            self.progress("fit", step + 1, self.steps, f"loss {loss:.4f}")
        self._read.clear()


class _Gradients(Generic[AnyBatch]):
    """One optimiser step's gradient, from as many micro-batches as memory asks for and from all processes."""

    def __init__(
        self, parameters: Sequence[torch.nn.Parameter], objective: Objective[AnyBatch], settings: TrainingSettings,
        share: Share,
    ) -> None:
        self.parameters, self.objective, self.settings, self.share = parameters, objective, settings, share
        self.device = parameters[0].device
        self.micro_batch_size: int | None = None  # until the first batch shows how many rows it has
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")

    def step(self, step: int, optimiser: torch.optim.AdamW) -> Arriving:
        """Draw, differentiate, clip and apply; the loss over this process's share."""
        batch = self.objective.draw(step_generator(self.settings.seed, step))
        loss = self._differentiate(batch)
        if self.share.processes > 1:
            sum_over_processes(self.parameters)
        if isinstance(optimiser, MasterAdamW):
            optimiser.clip(1.0)
            optimiser.step()
            return Arriving(loss)
        self.scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.scaler.step(optimiser)
        self.scaler.update()
        optimiser.zero_grad(set_to_none=True)
        return Arriving(loss)

    def _differentiate(self, batch: AnyBatch) -> torch.Tensor:
        if self.micro_batch_size is None:
            self.micro_batch_size = self.share.at_once(len(batch), self.settings.micro_batch_size)
        while True:
            try:
                return self._micro_batches(batch, self.micro_batch_size)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                first = next(self.share.slices(len(batch), self.micro_batch_size))
                size = first.stop - first.start
                if size == 1:
                    raise GeneratorError(
                        "out of memory with one image at a time; set gradient_checkpointing=true, precision=bfloat16 "
                        "or a smaller resolution"
                    ) from error
            for parameter in self.parameters:
                parameter.grad = None
            self.micro_batch_size = halved("fit", size)

    def _micro_batches(self, batch: AnyBatch, size: int) -> torch.Tensor:
        total = torch.zeros((), device=self.device)
        self.scaler.scale(total)  # which makes its scale: a process without images has one too, as it unscales
        for rows in self.share.slices(len(batch), size):
            with nullcontext() if self.settings.masters else arithmetic(self.device, self.settings.precision):
                loss = self.objective.loss(batch.part(rows)) / len(batch)
            self.scaler.scale(loss).backward()
            total += loss.detach()
        return total * self.share.processes
