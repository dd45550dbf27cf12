"""The classifier behind the AUC metric: a ResNet18 from scratch, trained on one set of images.

The recipe is the card's (`ldbench.task.metric_specs.ClassifierSpec`). Deterministic given its seed on one machine
and thread count; on a GPU torch's deterministic kernels are asked for. No pretrained weights; the global random state
is left as it was.

Images that hold nothing about their label must give tied scores, hence an AUC of one half, where a plain training
gives any number (0.67 was seen): ranks magnify what is left of random initial weights. So the last layer starts
at zero, and batches hold as many images of each class, the i-th of each class augmented alike: for one image
repeated under every label all gradients cancel but for round-off, which the rounding of scores takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ldbench.api import Batches, ImageSet, ParameterValue, Progress, silent
from ldbench.errors import UsageError
from ldbench.score.arithmetic import deterministic
from ldbench.score.image_sets import read_ahead
from ldbench.score.metrics.augmentation import augmented, standardised
from ldbench.score.metrics.resnet18 import resnet18, zero_layer
from ldbench.score.whole_batches import WholeBatches
from ldbench.task.metric_specs import ClassifierSpec, table_of

if TYPE_CHECKING:
    import torch

_TEST_BATCH = 64
_RESOLUTION = 1e-3  # of a score; closer scores are ties


class Training(Protocol):
    """What a network is fitted to: batches of augmented images and what they show, both on the CPU."""

    @property
    def recipe(self) -> ClassifierSpec:
        """How it is trained."""

    @property
    def device(self) -> torch.device:
        """Where it is trained."""

    @property
    def progress(self) -> Progress:
        """Say how far it is."""

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch."""

    def steps(self) -> int:
        """Batches in an epoch."""


@dataclass(frozen=True)
class _Training:
    """What both objectives train with: the images, where they run, and the generator all randomness comes from."""

    images: ImageSet
    labels: torch.Tensor
    classes: int
    recipe: ClassifierSpec
    random: torch.Generator
    device: torch.device
    progress: Progress

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch of augmented images and their labels, classes in turn, as many of each; both on the CPU."""
        import torch

        members = [torch.nonzero(self.labels == k).flatten() for k in range(self.classes)]
        largest = max(len(member) for member in members)
        order_rk = torch.stack([self._cycled(member, largest) for member in members], dim=1)
        for rows in order_rk.split(max(self.recipe.batch_size // self.classes, 1)):
            indices = rows.flatten()
            yield augmented(self.images[indices], self.recipe, self.random, self.classes), self.labels[indices]

    def steps(self) -> int:
        """Batches in an epoch."""
        rows = max(self.recipe.batch_size // self.classes, 1)
        return -(-int(self.labels.bincount(minlength=self.classes).max()) // rows)

    def _cycled(self, members: torch.Tensor, count: int) -> torch.Tensor:
        import torch

        rounds = -(-count // len(members))
        shuffled = [members[torch.randperm(len(members), generator=self.random)] for _ in range(rounds)]
        return torch.cat(shuffled)[:count]


@dataclass(frozen=True)
class Classifier:
    """A network in evaluation mode with what it takes to read its outputs."""

    network: torch.nn.Module
    classes: int
    recipe: ClassifierSpec
    device: torch.device

    def scores(self, images: ImageSet) -> torch.Tensor:
        """`(N, classes)` float64 on the CPU of images `(N, 3, H, W) float32 in [0, 1]`, rounded to 0.001: each class's
        log odds against the rest, or the margin network's raw outputs."""
        import torch

        scores = outputs_of(self.network, images, self.device)
        if self.recipe.objective == "cross-entropy":
            scores = _log_odds(scores)
        elif self.classes == 2:
            scores = torch.cat([-scores, scores], dim=1)
        return rounded(scores)


def train_classifier(
    images: ImageSet, labels: torch.Tensor, *, classes: int, recipe: ClassifierSpec, seed: int,
    device: torch.device | str = "cpu", progress: Progress = silent,
) -> Classifier:
    """The classifier trained on `(N, 3, H, W) float32 in [0, 1]` with labels `(N,) int64` below `classes`.

    Raises `UsageError` where the objective's package is missing.
    """
    import torch
    from torch.nn import functional

    random = torch.Generator(device="cpu").manual_seed(seed)
    training = _Training(images, labels, classes, recipe, random, torch.device(device), progress)
    with seeded(seed, training.device):
        network = resnet18(training.classes, training.device, recipe.width)
        fit(network, training, functional.cross_entropy)
        if recipe.objective == "auc-margin":
            _fit_auc_margin(network, training)
    return Classifier(network.eval(), classes, recipe, training.device)


def restored_classifier(
    state: Mapping[str, torch.Tensor], *, classes: int, recipe: ClassifierSpec, device: torch.device | str = "cpu"
) -> Classifier:
    """The classifier whose network's `state_dict` this is; RuntimeError where names or shapes differ."""
    import torch

    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from the global state, then replaced
        outputs = _outputs(classes) if recipe.objective == "auc-margin" else classes
        network = resnet18(outputs, torch.device(device), recipe.width)
    network.load_state_dict(state)
    return Classifier(network.eval(), classes, recipe, torch.device(device))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A training whose layers, and PESG, draw from the CPU's global state alone, which is put back afterwards; no GPU's
    is touched."""
    import torch

    with torch.random.fork_rng(devices=[]), deterministic(device):
        torch.default_generator.manual_seed(seed)
        yield


def outputs_of(network: torch.nn.Module, images: ImageSet, device: torch.device) -> torch.Tensor:
    """What a network in evaluation mode gives of images `(N, 3, H, W) float32 in [0, 1]`, float64 on the CPU."""
    import torch

    def raw(rows: slice) -> torch.Tensor:
        outputs: torch.Tensor = network(standardised(read[rows].to(device)))
        return outputs.double().cpu()

    with torch.inference_mode(), read_ahead(images) as (read,):
        return torch.cat(Batches("classifier's scores", _TEST_BATCH).run(len(images), raw))


def rounded(scores: torch.Tensor) -> torch.Tensor:
    """Scores to 0.001: closer ones are ties."""
    return (scores / _RESOLUTION).round() * _RESOLUTION


def training_table(recipe: ClassifierSpec) -> dict[str, ParameterValue]:
    """How it is trained, without the seeds."""
    return {name: value for name, value in table_of(recipe).items() if name not in ("seed", "spread_seeds")}


def _outputs(classes: int) -> int:
    """How many numbers a margin network gives: one for two classes, else one a class."""
    return 1 if classes == 2 else classes


def _log_odds(logits_nk: torch.Tensor) -> torch.Tensor:
    """Log odds of each class against the rest: ranks as its probability does, without rounding to ties at 1."""
    import torch

    own = torch.eye(logits_nk.shape[1], dtype=torch.bool)
    others_nkk = logits_nk[:, None, :].masked_fill(own, -torch.inf)
    return logits_nk - others_nkk.logsumexp(dim=2)


def fit(
    network: torch.nn.Module, training: Training, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    parameters: Iterable[dict[str, Any]] | None = None,
) -> None:
    """Fit a network by AdamW under the recipe's one-cycle schedule; `loss` is one of its outputs and what is known.

    `parameters` are AdamW's groups, where the network's are not to be treated alike.
    """
    import torch

    recipe = training.recipe
    optimiser = torch.optim.AdamW(  # fused: 158 images/s against 141 on one thread, batches of 32
        parameters or network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    # The schedule's first phase must hold a step, or torch divides by zero.
    count = max(recipe.epochs * training.steps(), 4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=count, cycle_momentum=False
    )

    def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return loss(network(standardised(images.to(training.device))), labels.to(training.device))

    network.train()
    steps = WholeBatches("classifier", network, optimiser, loss_of)
    for epoch in range(recipe.epochs):
        for batch in training.batches():
            latest = steps.step(*batch)
            schedule.step()
        training.progress("classifier", epoch + 1, recipe.epochs, f"loss {latest.item():.3f}")


def _fit_auc_margin(network: torch.nn.Module, training: _Training) -> None:
    """LibAUC's recipe: its margin loss and optimiser; one output for two classes, else one a class."""
    import torch

    try:
        from libauc.losses import AUCMLoss, MultiLabelAUCMLoss
        from libauc.optimizers import PESG
    except ImportError as error:
        raise UsageError(
            f"objective auc-margin needs LibAUC ({error}); pip install libauc==1.3.3, or use cross-entropy"
        ) from error
    recipe, classes, device = training.recipe, training.classes, training.device
    outputs = _outputs(classes)
    network.fc = zero_layer(network.fc, outputs).to(device)
    loss_function = AUCMLoss(device=device) if outputs == 1 else MultiLabelAUCMLoss(num_labels=outputs, device=device)
    optimiser = PESG(
        network.parameters(), loss_fn=loss_function, lr=recipe.margin_learning_rate, verbose=False, device=device
    )
    positives = torch.arange(classes, device=device)[-outputs:]

    def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        scores = torch.sigmoid(network(standardised(images.to(device))))
        margin: torch.Tensor = loss_function(scores, (labels.to(device)[:, None] == positives).float())
        return margin

    steps = WholeBatches("classifier, AUC margin", network, optimiser, loss_of)
    for epoch in range(recipe.margin_epochs):
        if epoch == recipe.margin_epochs // 2 > 0:
            optimiser.update_regularizer(decay_factor=10)
        for batch in training.batches():
            loss = steps.step(*batch)
        training.progress("classifier, AUC margin", epoch + 1, recipe.margin_epochs, f"loss {loss.item():.3f}")
