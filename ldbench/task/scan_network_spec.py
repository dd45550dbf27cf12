"""The recipe of the feature network that learns from a task's own real training scans: a card's `[scan_network]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ldbench.records.from_table import TypedError
from ldbench.task.fresh_spec import Rule
from ldbench.task.metric_specs import LATER, check_digest, needing

SCAN_NETWORK = "scan-network"  # what a metric's extractor is then


@dataclass(frozen=True)
class ScanNetworkSpec:
    """The feature network that learns from a task's real training scans (`ldbench.score.networks.scan_training`).

    `side` is that of the images which it sees, in pixels. An epoch shows each subject once, `batch_size` at a time.
    AdamW's one-cycle schedule peaks at `learning_rate`. Each view of an image is moved by up to `shift` pixels, its
    brightness changed by up to the share `intensity` and a quarter of it added, blurred by up to `blur` pixels and
    given noise of up to `noise`. `sha256` is the digest of the weights (`ldbench.score.networks.kept_state`): where it
    stands, no others serve.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 2e-3
    side: int = 64
    shift: int = 2
    blur: float = 1.5
    noise: float = 0.05
    intensity: float = 0.2
    seed: int = 0
    sha256: str | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 2, "side": 8, "shift": 0, "blur": 0, "noise": 0, "intensity": 0, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise TypedError(f"{name}: expected {value} or more, got {getattr(self, name)}")
        check_digest(self.sha256)

    @property
    def training(self) -> ScanNetworkSpec:
        """The recipe alone: what a training depends on, without the digest of what came of it."""
        return replace(self, sha256=None)


def users_of_network(metrics: Mapping[str, Any]) -> list[str]:
    """The metrics that take features of the network."""
    return [
        name for name, settings in metrics.items()
        if getattr(settings, "extractor", None) == SCAN_NETWORK or needing([name], "scan_network")
    ]


def scan_network_rules(recipe: ScanNetworkSpec | None, metrics: Mapping[str, Any]) -> list[Rule]:
    """That there is a recipe where metrics take features of the network, and that they ask for its side."""
    asked = {
        name: settings.resize for name, settings in metrics.items()
        if getattr(settings, "extractor", None) == SCAN_NETWORK
    }
    if recipe is None:
        users = users_of_network(metrics)
        return [(not users, "scan_network", f"a table, as {', '.join(users)} take features of scan-network", "nothing")]
    return [
        (resize == recipe.side, f"metrics.{name}.resize", f"{recipe.side}, as scan_network.side", resize)
        for name, resize in asked.items()
    ]
