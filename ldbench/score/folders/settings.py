"""The settings that metrics of folders are measured with, and their network, whose weights must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ldbench.api import Metric, ParameterValue
from ldbench.errors import UsageError, WeightsError
from ldbench.score.folders.classifiers import JUDGE
from ldbench.score.folders.metrics import NETWORK, recipes_of, settings_of
from ldbench.score.folders.sets import MeasuredSet
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


def changed_settings(
    asked: Mapping[str, Metric], chosen: Mapping[str, Any], recipes: Mapping[str, Any], sets: Mapping[str, MeasuredSet]
) -> dict[str, dict[str, ParameterValue]]:
    """What of each metric's settings is not its own default on these sets, by the name of its score; of a judge that it
    asks as "judge:key". The network stands in the score."""
    usual, found = recipes_of(asked, {}, sets), dict[str, dict[str, ParameterValue]]()
    for name, setting in chosen.items():
        metric = asked[name]
        changed = _changed(setting, usual.get(name) or _default(metric, setting))
        if "judge" in metric.needs and JUDGE in recipes:
            of_judge = _changed(recipes[JUDGE], usual[JUDGE])
            changed |= {f"{JUDGE}:{key}": value for key, value in of_judge.items()}
        if changed:
            found[metric.name] = changed
    return found


def _default(metric: Metric, setting: Any) -> Any:
    """The metric's own settings with the same network; None where it has none, since they are given."""
    try:
        return settings_of(metric, getattr(setting, "extractor", None), {})
    except UsageError:
        return None


def _changed(setting: Any, usual: Any) -> dict[str, ParameterValue]:
    own = asdict(setting)
    return {
        key: value for key, value in own.items()
        if key != "extractor" and (usual is None or getattr(usual, key) != value)
    }


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
