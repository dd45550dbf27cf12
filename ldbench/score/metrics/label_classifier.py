"""A classifier of several labels that an image may have at once: the ResNet18 of `classifier`, one output a label.

Each label is a question of its own, answered by binary cross-entropy. In a batch, the images that have a label weigh as
much as those that have it not, however rare it is; images of which nobody knows it weigh nothing, and a label that a
batch has one answer to teaches nothing there. Scores rank images, as areas under ROC curves ask for no more: what is
common to all images of a batch is taken off before the loss.

Images that hold nothing about a label must give tied scores, as in `classifier`, whose last layer starts at zero too.
There the classes of a batch are as many and treated alike. Here all images of a batch are moved and degraded alike:
with the weights above, all gradients of one image that is repeated under every label cancel but for round-off. Without
the common part these stay as small as they are: it would be an oscillation that AdamW drives up. What is common to the
features of a batch is taken off before the last layer, too: the loss does not see it, but times it round-off grows by
the features' size, and at a high rate tips scores from one rounded value to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldbench.api import ImageSet, Progress, silent
from ldbench.score.metrics.augmentation import augmented
from ldbench.score.metrics.classifier import fit, outputs_of, rounded, seeded
from ldbench.score.metrics.resnet18 import resnet18
from ldbench.task.metric_specs import ClassifierSpec

if TYPE_CHECKING:
    import torch

_LEAST = 1e-4  # a gradient of the last layer that counts: those of round-off are below 1e-7, others near 1e-2


@dataclass(frozen=True)
class _Training:
    """Images with what is known of their labels, `(N, L)`: 1, 0, or NaN."""

    images: ImageSet
    known_nl: torch.Tensor
    recipe: ClassifierSpec
    random: torch.Generator
    device: torch.device
    progress: Progress

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch in random order; batches differ by one image at most, as batch norm needs several."""
        import torch

        for rows in torch.randperm(len(self.known_nl), generator=self.random).tensor_split(self.steps()):
            yield augmented(self.images[rows], self.recipe, self.random, len(rows)), self.known_nl[rows]

    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.known_nl) // self.recipe.batch_size)


@dataclass(frozen=True)
class LabelClassifier:
    """A network in evaluation mode that says of each label how likely an image has it."""

    network: torch.nn.Module
    device: torch.device

    def scores(self, images: ImageSet) -> torch.Tensor:
        """`(N, L)` float64 on the CPU of images `(N, 3, H, W) float32 in [0, 1]`, rounded to 0.001: the larger, the
        likelier an image has the label."""
        return rounded(outputs_of(self.network, images, self.device))


def train_label_classifier(
    images: ImageSet, known_nl: torch.Tensor, *, recipe: ClassifierSpec, seed: int,
    device: torch.device | str = "cpu", progress: Progress = silent,
) -> LabelClassifier:
    """The classifier trained on `(N, 3, H, W) float32 in [0, 1]` with `(N, L) float32`: 1 for a label, 0, or NaN.

    Of the recipe everything but `objective` holds, and the margin stage is not run.
    """
    import torch

    random = torch.Generator(device="cpu").manual_seed(seed)
    training = _Training(images, known_nl, recipe, random, torch.device(device), progress)
    with seeded(seed, training.device):
        network = resnet18(known_nl.shape[1], training.device, recipe.width)
        with _centred_features(network):
            fit(network, training, label_loss, _groups(network))
    return LabelClassifier(network.eval(), training.device)


@contextmanager
def _centred_features(network: torch.nn.Module) -> Iterator[None]:
    """Meanwhile the last layer gets features without their mean over the batch."""
    def centred(_: torch.nn.Module, features: tuple[torch.Tensor]) -> torch.Tensor:
        return features[0] - features[0].mean(dim=0)

    hook = network.get_submodule("fc").register_forward_pre_hook(centred)
    try:
        yield
    finally:
        hook.remove()


def restored_label_classifier(
    state: Mapping[str, torch.Tensor], *, labels: int, recipe: ClassifierSpec, device: torch.device | str = "cpu"
) -> LabelClassifier:
    """The classifier whose network's `state_dict` this is."""
    import torch

    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from the global state, then replaced
        network = resnet18(labels, torch.device(device), recipe.width)
    network.load_state_dict(state)
    return LabelClassifier(network.eval(), torch.device(device))


def _groups(network: torch.nn.Module) -> list[dict[str, Any]]:
    """The last layer apart from the others: of its gradients AdamW takes the size away, but of mere round-off's."""
    last = list(network.get_submodule("fc").parameters())
    first = [each for name, each in network.named_parameters() if not name.startswith("fc.")]
    return [{"params": first}, {"params": last, "eps": _LEAST}]


def label_loss(logits_nl: torch.Tensor, known_nl: torch.Tensor) -> torch.Tensor:
    """The mean over labels of the cross-entropy in which both answers to a label weigh one half in the batch, of logits
    whose mean by these weights is taken off."""
    import torch
    from torch.nn import functional

    present, absent = known_nl == 1, known_nl == 0
    counts_l = present.any(0) & absent.any(0)
    weight_nl = (present / present.sum(0).clamp(min=1) + absent / absent.sum(0).clamp(min=1)) / 2
    centred_nl = logits_nl - torch.sum(weight_nl * logits_nl, dim=0)
    loss_nl = functional.binary_cross_entropy_with_logits(centred_nl, present.float(), reduction="none")
    return torch.sum(counts_l * weight_nl * loss_nl) / known_nl.shape[1]
