"""The training of `scan-network`: who is who, and what is known of them, under blur, noise and changed intensity.

Two views of each of a batch's subjects are drawn: of two of the subject's images where there are several, else of the
one. The network must find each view's partner among all others (NT-Xent, Chen et al. 2020, arXiv 2002.05709), and say
the attributes: classes by cross-entropy, numbers by the squared error of their z. What an augmentation changes cannot
tell who it is, so features lose it; images are neither mirrored nor turned, so that they keep what these would change.

Deterministic given its seed on one machine and thread count; the global random state is left as it was.

Shape suffixes: n images, b subjects of a batch, e features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Attributes, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.whole_batches import WholeBatches
from ldbench.task.scan_network_spec import ScanNetworkSpec

FEATURES = 128
_CHANNELS = (32, 64, 128, 128)
_PROJECTED, _TEMPERATURE, _DECAY = 64, 0.2, 0.05
_MOST_CLASSES = 20  # text of more values is a name, not a class


class ScanNetwork(nn.Module):
    """Grey images `(N, 1, side, side) float32 in [0, 1]` to features `(N, 128)`; half a million parameters at 64 px."""

    def __init__(self, side: int) -> None:
        super().__init__()
        sizes = zip((1, *_CHANNELS), _CHANNELS, (5, 3, 3, 3), strict=False)
        stages = [
            nn.Sequential(nn.Conv2d(i, o, k, 2, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU()) for i, o, k in sizes
        ]
        # pooled to a grid and not to one number: where something lies is kept
        self.body = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(min(4, -(-side // 16))), nn.Flatten())
        self.embed = nn.Linear(_CHANNELS[-1] * min(4, -(-side // 16)) ** 2, FEATURES)

    def forward(self, grey_n1hw: torch.Tensor) -> torch.Tensor:
        """Standardise, and what the layers make of it."""
        features: torch.Tensor = self.embed(self.body((grey_n1hw - 0.5) / 0.25))
        return features


@dataclass(frozen=True)
class Scans:
    """Real training images `(N, side, side) uint8`, whose each is, and what is known of it."""

    grey: npt.NDArray[np.uint8]
    subjects: Sequence[str]
    attributes: Sequence[Attributes]

    def targets(self) -> Mapping[str, torch.Tensor]:
        """Attributes that all scans have and that differ: class indices `(N,) int64`, or z `(N,) float32`."""
        names = set(self.attributes[0]).intersection(*self.attributes)
        found = {name: _target([each[name] for each in self.attributes]) for name in sorted(names)}
        return {name: values for name, values in found.items() if values is not None}


def _target(values: Sequence[object]) -> torch.Tensor | None:
    if all(isinstance(value, str | bool) for value in values):
        labels = sorted(set(map(str, values)))
        if 2 <= len(labels) <= _MOST_CLASSES:
            return torch.tensor([labels.index(str(value)) for value in values])
        return None
    if not all(isinstance(value, int | float) for value in values):
        return None
    numbers = np.array(values, np.float64)
    if not np.isfinite(numbers).all() or not numbers.std():
        return None
    return torch.from_numpy((numbers - numbers.mean()) / numbers.std()).float()


@dataclass(frozen=True)
class _Training:
    scans: Scans
    recipe: ScanNetworkSpec
    random: torch.Generator
    device: torch.device
    members: Mapping[str, list[int]] = field(default_factory=dict)

    def steps(self) -> int:
        return max(len(self.members) // self.recipe.batch_size, 1)

    def pairs(self) -> Iterator[tuple[list[int], list[int]]]:
        """One epoch: each batch's subjects by two of their images, or by one twice."""
        names = sorted(self.members)
        order = torch.randperm(len(names), generator=self.random).tolist()
        for start in range(0, self.steps() * self.recipe.batch_size, self.recipe.batch_size):
            drawn = [self._two(self.members[names[i]]) for i in order[start : start + self.recipe.batch_size]]
            yield [first for first, _ in drawn], [second for _, second in drawn]

    def _two(self, images: list[int]) -> tuple[int, int]:
        order = torch.randperm(len(images), generator=self.random).tolist()
        return images[order[0]], images[order[-1]]

    def view(self, indices: list[int]) -> torch.Tensor:
        """Images `(B, 1, side, side)` shifted, brightened, blurred and with noise, drawn on the CPU."""
        grey = torch.from_numpy(self.scans.grey[indices])[:, None].float() / 255
        return augmented(grey, self.recipe, self.random)


def augmented(grey_n1hw: torch.Tensor, recipe: ScanNetworkSpec, random: torch.Generator) -> torch.Tensor:
    """Another view of each image; the blur is one for the batch."""
    declare_missing_ops()
    from torchvision.transforms.v2.functional import gaussian_blur

    count, side = len(grey_n1hw), grey_n1hw.shape[-1]

    def drawn(most: float, low: float = -1.0) -> torch.Tensor:
        return (most * (low + (1 - low) * torch.rand(count, generator=random)))[:, None, None, None]

    if recipe.shift:
        padded = functional.pad(grey_n1hw, (recipe.shift,) * 4, mode="replicate")
        offsets = torch.randint(0, 2 * recipe.shift + 1, (count, 2), generator=random).tolist()
        grey_n1hw = torch.stack(
            [padded[i, :, top : top + side, left : left + side] for i, (top, left) in enumerate(offsets)]
        )
    grey_n1hw = (1 + drawn(recipe.intensity)) * grey_n1hw + drawn(recipe.intensity / 4)
    sigma = recipe.blur * float(torch.rand(1, generator=random))
    if sigma > 0.05:
        reach = min(int(3 * sigma + 0.5) or 1, side - 1)
        grey_n1hw = gaussian_blur(grey_n1hw, [2 * reach + 1] * 2, [sigma] * 2)
    noise = torch.randn(grey_n1hw.shape, generator=random)
    return (grey_n1hw + drawn(recipe.noise, 0.0) * noise).clamp(0, 1)


def train(
    scans: Scans, recipe: ScanNetworkSpec, device: torch.device | str = "cpu", progress: Progress = silent
) -> ScanNetwork:
    """The trained network, in evaluation mode. Raises `MetricError` for fewer than two subjects."""
    members: dict[str, list[int]] = {}
    for index, subject in enumerate(scans.subjects):
        members.setdefault(subject, []).append(index)
    if len(members) < 2:
        raise MetricError(f"scan_network: expected training scans of two or more subjects, got {len(members)}")
    random = torch.Generator(device="cpu").manual_seed(recipe.seed)
    training = _Training(scans, recipe, random, torch.device(device), members)
    targets = scans.targets()
    with torch.random.fork_rng(devices=[]):  # layers draw from the CPU's global state, which is put back
        torch.default_generator.manual_seed(recipe.seed)
        learner = _Learner(scans.grey.shape[-1], list(targets.values()))
    _fit(learner, training, list(targets.values()), progress)
    return learner.network.eval()


class _Learner(nn.Module):
    """The network with what it is trained by, and dropped afterwards: a layer for each attribute, one for identity."""

    def __init__(self, side: int, targets: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.network = ScanNetwork(side)
        self.heads = nn.ModuleList(nn.Linear(FEATURES, _outputs(values_n)) for values_n in targets)
        self.project = nn.Linear(FEATURES, _PROJECTED)

    def forward(self, grey_n1hw: torch.Tensor, targets: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss of two views of each image, the first views first."""
        features = self.network(grey_n1hw)
        losses = [_of_attribute(head(features), values) for head, values in zip(self.heads, targets, strict=True)]
        return sum(losses, identity_loss(self.project(features)))


def _outputs(values_n: torch.Tensor) -> int:
    return 1 if values_n.is_floating_point() else int(values_n.max()) + 1


def _fit(learner: _Learner, training: _Training, targets: Sequence[torch.Tensor], progress: Progress) -> None:
    recipe, device = training.recipe, training.device
    learner.to(device).train()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=recipe.learning_rate, weight_decay=_DECAY)
    # The schedule's first phase must hold a step, or torch divides by zero.
    count = max(recipe.epochs * training.steps(), 4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=count, cycle_momentum=False
    )

    def loss_of(views: torch.Tensor, indices: list[int]) -> torch.Tensor:
        loss: torch.Tensor = learner(views.to(device), [values_n[indices].to(device) for values_n in targets])
        return loss

    steps = WholeBatches("scan network", learner, optimiser, loss_of)
    for epoch in range(recipe.epochs):
        for first, second in training.pairs():
            loss = steps.step(torch.cat([training.view(first), training.view(second)]), first + second)
            schedule.step()
        progress("scan network", epoch + 1, recipe.epochs, f"loss {loss.item():.3f}")


def identity_loss(projected: torch.Tensor) -> torch.Tensor:
    """NT-Xent of `(2 B, e)`: the first half's partners are the second half's, in order."""
    unit = functional.normalize(projected, dim=1)
    likeness = (unit @ unit.T / _TEMPERATURE).fill_diagonal_(-torch.inf)
    count = len(unit)
    partner = (torch.arange(count, device=unit.device) + count // 2) % count
    return functional.cross_entropy(likeness, partner)


def _of_attribute(outputs: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    if values.is_floating_point():
        return functional.mse_loss(outputs[:, 0], values)
    return functional.cross_entropy(outputs, values)
