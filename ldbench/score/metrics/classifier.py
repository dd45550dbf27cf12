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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldbench.api import Batches, ImageSet, ParameterValue, Progress, silent
from ldbench.errors import UsageError
from ldbench.score.arithmetic import deterministic
from ldbench.score.image_sets import read_ahead
from ldbench.score.metrics.resnet18 import resnet18, zero_layer
from ldbench.score.whole_batches import WholeBatches
from ldbench.task.metric_specs import ClassifierSpec, table_of

if TYPE_CHECKING:
    import torch

_TEST_BATCH = 64
_RESOLUTION = 1e-3  # of a score; closer scores are ties


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
            yield _augmented(self.images[indices], self.recipe, self.random, self.classes), self.labels[indices]

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

        def raw(rows: slice) -> torch.Tensor:
            outputs: torch.Tensor = self.network(_standardised(read[rows].to(self.device)))
            return outputs.double().cpu()

        with torch.inference_mode(), read_ahead(images) as (read,):
            scores = torch.cat(Batches("classifier's scores", _TEST_BATCH).run(len(images), raw))
        if self.recipe.objective == "cross-entropy":
            scores = _log_odds(scores)
        elif self.classes == 2:
            scores = torch.cat([-scores, scores], dim=1)
        return (scores / _RESOLUTION).round() * _RESOLUTION


def train_classifier(
    images: ImageSet, labels: torch.Tensor, *, classes: int, recipe: ClassifierSpec, seed: int,
    device: torch.device | str = "cpu", progress: Progress = silent,
) -> Classifier:
    """The classifier trained on `(N, 3, H, W) float32 in [0, 1]` with labels `(N,) int64` below `classes`.

    Raises `UsageError` where the objective's package is missing.
    """
    import torch

    random = torch.Generator(device="cpu").manual_seed(seed)
    training = _Training(images, labels, classes, recipe, random, torch.device(device), progress)
    with torch.random.fork_rng(devices=[]), deterministic(training.device):
        # layers and PESG draw from the CPU's global state only; it is put back afterwards, and no GPU's is touched
        torch.default_generator.manual_seed(seed)
        network = resnet18(training.classes, training.device, recipe.width)
        _fit_cross_entropy(network, training)
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


def _standardised(images: torch.Tensor) -> torch.Tensor:
    import torch

    return ((images - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def _augmented(images: torch.Tensor, recipe: ClassifierSpec, random: torch.Generator, repeats: int) -> torch.Tensor:
    """Shifted, flipped and dequantised copies; each run of `repeats` images is treated alike. Drawn on the CPU."""
    import torch
    from torch.nn import functional

    n, channels, height, width = images.shape
    draws = n // repeats
    if recipe.shift:
        padded = functional.pad(images, (recipe.shift,) * 4, mode="replicate")
        offsets = torch.randint(0, 2 * recipe.shift + 1, (draws, 2), generator=random).repeat_interleave(repeats, 0)
        images = torch.stack(
            [padded[i, :, top : top + height, left : left + width] for i, (top, left) in enumerate(offsets.tolist())]
        )
    if recipe.flip:
        mirrored = (torch.rand(draws, generator=random) < 0.5).repeat_interleave(repeats)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    noise = torch.rand((draws, channels, height, width), generator=random) - 0.5
    return _degraded(images, recipe, random, repeats) + noise.repeat_interleave(repeats, 0) / 255


def _degraded(images: torch.Tensor, recipe: ClassifierSpec, random: torch.Generator, repeats: int) -> torch.Tensor:
    """Images with a blur, a noise and a veil of random strength up to the recipe's; each run of `repeats` alike."""
    import torch

    def strengths(most: float) -> torch.Tensor:
        return (most * torch.rand(len(images) // repeats, generator=random)).repeat_interleave(repeats)

    if recipe.blur:
        images = _blurred(images, strengths(recipe.blur))
    if recipe.noise:
        drawn = torch.randn((len(images) // repeats, *images.shape[1:]), generator=random).repeat_interleave(repeats, 0)
        images = images + strengths(recipe.noise)[:, None, None, None] * drawn
    if recipe.veil:
        images = images + strengths(recipe.veil)[:, None, None, None]
    return images.clamp(0, 1) if recipe.noise or recipe.veil else images


def _blurred(images: torch.Tensor, sigma_n: torch.Tensor) -> torch.Tensor:
    """Each image `(C, H, W)` of a batch under a Gaussian of its own, edges repeated."""
    import torch
    from torch.nn import functional

    n, channels, height, width = images.shape
    reach = max(int(3 * float(sigma_n.max()) + 0.5), 1)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    kernel_nk = torch.exp(-0.5 * (offsets / sigma_n[:, None].clamp(min=1e-3)) ** 2)
    kernel_nk = (kernel_nk / kernel_nk.sum(dim=1, keepdim=True)).repeat_interleave(channels, 0)
    flat = functional.pad(images.reshape(1, n * channels, height, width), (reach,) * 4, mode="replicate")
    rows = functional.conv2d(flat, kernel_nk[:, None, :, None], groups=n * channels)
    return functional.conv2d(rows, kernel_nk[:, None, None, :], groups=n * channels).reshape(images.shape)


def _fit_cross_entropy(network: torch.nn.Module, training: _Training) -> None:
    import torch
    from torch.nn import functional

    recipe = training.recipe
    optimiser = torch.optim.AdamW(  # fused: 158 images/s against 141 on one thread, batches of 32
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    # The schedule's first phase must hold a step, or torch divides by zero.
    count = max(recipe.epochs * training.steps(), 4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=count, cycle_momentum=False
    )

    def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(network(_standardised(images.to(training.device))), labels.to(training.device))

    network.train()
    steps = WholeBatches("classifier", network, optimiser, loss_of)
    for epoch in range(recipe.epochs):
        for batch in training.batches():
            loss = steps.step(*batch)
            schedule.step()
        training.progress("classifier", epoch + 1, recipe.epochs, f"loss {loss.item():.3f}")


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
        scores = torch.sigmoid(network(_standardised(images.to(device))))
        margin: torch.Tensor = loss_function(scores, (labels.to(device)[:, None] == positives).float())
        return margin

    steps = WholeBatches("classifier, AUC margin", network, optimiser, loss_of)
    for epoch in range(recipe.margin_epochs):
        if epoch == recipe.margin_epochs // 2 > 0:
            optimiser.update_regularizer(decay_factor=10)
        for batch in training.batches():
            loss = steps.step(*batch)
        training.progress("classifier, AUC margin", epoch + 1, recipe.margin_epochs, f"loss {loss.item():.3f}")
