"""The settings that metrics of folders are measured with, and their network, whose weights must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ldbench.api import Metric
from ldbench.errors import WeightsError
from ldbench.score.folders.metrics import NETWORK, settings_of
from ldbench.score.reference.metrics import check_asked, check_settings, network_beside, settings_beside
from ldbench.score.reference.record import Reference


def settings_beside_real(
    reference: Reference | None, asked: Mapping[str, Metric], network: str | None,
    given: Mapping[str, Mapping[str, str]], *, named: bool,
) -> tuple[dict[str, Any], str | None]:
    """The settings of each metric that can be measured, and the network that holds for all; statistics bring theirs."""
    chosen = dict[str, Any]()
    if reference is not None:
        asked, network = check_asked(reference, asked, network, named=named), network or network_beside(reference)
    for name, metric in asked.items():
        own = {} if reference is None else settings_beside(reference, name)
        chosen[name] = settings_of(metric, network, {**own, **given.get(name, {})})
        if reference is not None and name in reference.statistics:
            check_settings(reference, name, chosen[name])
    if network is not None and any(getattr(each, "extractor", None) == network for each in chosen.values()):
        _check_weights(network)
    return chosen, network


def network_in_use(settings: Sequence[Any], network: str | None) -> tuple[str, int]:
    """The network, and the side that it sees, of the first metric that has one; else the one that was asked for."""
    from ldbench.score.networks.features import network_of

    for each in settings:
        if hasattr(each, "extractor") and hasattr(each, "resize"):
            return each.extractor, each.resize
    name = network or NETWORK
    return name, network_of(name)[0].resize


def _check_weights(extractor: str) -> None:
    """`WeightsError` where the weights of the network that was asked for are missing or others; loads nothing."""
    from ldbench.score.networks.features import find_weights

    try:
        find_weights(extractor)
    except WeightsError as error:
        raise WeightsError(f"--network {extractor}: {error}") from error
