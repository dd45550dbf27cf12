"""The metrics that statistics of the real images are enough for: distances of Gaussians, and which features these are
of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ldbench.api import Measured, Metric, ParameterValue
from ldbench.errors import MetricError, UsageError
from ldbench.score.metrics.fid import FID, VIEWED_FID, checked_features, gaussians_score
from ldbench.score.metrics.frechet_readings import FRD, standardised_gaussians_score
from ldbench.score.metrics.gaussians import FeatureSet
from ldbench.score.metrics.group_statistics import GroupStatistics, group_statistics
from ldbench.score.metrics.intervals import GROUPS, independent
from ldbench.score.metrics.set_distance import dependence_of
from ldbench.score.networks.features import foreign_code, network_of
from ldbench.score.networks.radiomics import LEAST_SPREADS
from ldbench.score.networks.radiomics import NAME as RADIOMICS
from ldbench.score.reference.record import FeaturesRecord, Reference

if TYPE_CHECKING:
    from ldbench.score.folders.inputs import FolderInputs


@dataclass(frozen=True)
class _Distance:
    """A metric of two Gaussians.

    `features` gives the network and the side that it sees, by the metric's settings and the side of the images; None
    takes them from the settings. `viewed`: under the viewing conditions, where there are any.
    """

    score: Callable[..., Measured]
    viewed: bool
    features: Callable[[int], tuple[str, int]] | None = None


_DISTANCES: Mapping[str, _Distance] = {
    FID.name: _Distance(gaussians_score, viewed=False), VIEWED_FID.name: _Distance(gaussians_score, viewed=True),
    FRD.name: _Distance(
        partial(standardised_gaussians_score, least_d=LEAST_SPREADS), viewed=True,
        features=lambda side: (RADIOMICS, side),
    ),
}


FROM_STATISTICS = tuple(_DISTANCES)  # the metrics that can be had from statistics of the real images


def network_beside(reference: Reference) -> str | None:
    """The network of the metrics of a file that take one; None where none of them does."""
    return next(
        (each.extractor for name, each in reference.record.metrics.items() if _DISTANCES[name].features is None), None
    )


def settings_beside(reference: Reference, name: str) -> dict[str, str]:
    """The settings of a metric, as texts, with which a file's statistics were made; none where it takes none."""
    record = reference.record.metrics.get(name)
    if record is None or _DISTANCES[name].features is not None:
        return {}
    return {"extractor": record.extractor, "resize": str(record.resize)}


def statistics_of(name: str, settings: Any, inputs: FolderInputs) -> tuple[FeaturesRecord, GroupStatistics]:
    """What a file keeps of the real images for a metric. Raises what extracting features and `group_statistics` do."""
    seen = inputs.viewed if _DISTANCES[name].viewed else inputs
    extractor, resize = _features(name, settings, int(inputs.lazy.real.shape[-1]))
    real_nd = checked_features(name, "real", seen.real_features(extractor, resize), least=1)
    found = group_statistics(real_nd, inputs.subjects("real"))
    return FeaturesRecord(extractor, resize, found.width, _parameters(seen, extractor, resize)), found


def beside(reference: Reference, metric: Metric) -> Metric:
    """The metric, computed from the statistics of a file where it has some for it."""
    if metric.name not in reference.statistics:
        return metric
    return replace(metric, compute=partial(_compute, reference, metric.name))


def check_asked(
    reference: Reference, asked: Mapping[str, Metric], network: str | None, *, named: bool
) -> dict[str, Metric]:
    """The metrics that can be measured beside statistics, or are not known to compare all real images.

    `UsageError` where another network is asked for than that of the statistics, and for any other metric if `named`.
    """
    own = network_beside(reference)
    if network is not None and own not in (None, network):
        raise UsageError(
            f"--network {network}: expected {own}, whose features {reference.where} has statistics of; "
            "leave it out, or ask for a file of that network"
        )
    there = reference.statistics
    found = {name: metric for name, metric in asked.items() if name in there or not metric.whole_sets}
    if named and (lost := next((name for name in asked if name not in found), None)) is not None:
        file = ", or ask for a file with it" if lost in FROM_STATISTICS else ""
        raise UsageError(
            f"--metric {lost}: expected one that {reference.where} has statistics for, {', '.join(there)}, or one that "
            f"looks at no real image; name the folder of the real images{file}"
        )
    return found


def check_settings(reference: Reference, name: str, settings: Any) -> None:
    """`UsageError` where the features that a metric's settings ask for are not those of its statistics."""
    own = reference.record.metrics[name]
    asked = _features(name, settings, reference.record.width)
    if asked != (own.extractor, own.resize):
        raise UsageError(
            f"--metric {name}: expected features of {own.extractor} at {own.resize} px, which {reference.where} has "
            f"statistics of, got {asked[0]} at {asked[1]} px; leave these settings out, or ask for a file of them"
        )


def _compute(reference: Reference, name: str, inputs: FolderInputs, settings: Any) -> Measured:
    distance, own = _DISTANCES[name], reference.record.metrics[name]
    seen = inputs.viewed if distance.viewed else inputs
    here = _parameters(seen, own.extractor, own.resize)
    if other := [key for key in {**own.parameters, **here} if own.parameters.get(key) != here.get(key)]:
        raise MetricError(
            f"{name}: expected {own.extractor} as {reference.where} says, {_some(own.parameters, other)}, got "
            f"{_some(here, other)}; take the same network, or measure beside the images"
        )
    generated_md = checked_features(name, "generated", seen.features(own.extractor, own.resize)[1], least=GROUPS)
    units = independent(len(generated_md), inputs.subjects("generated"))
    if units < GROUPS:
        raise MetricError(
            f"{name}: expected generated images of {GROUPS} subjects or more, one for each group of real images in "
            f"{reference.where}, got {units}; score more images"
        )
    if generated_md.shape[1] != own.features:
        raise MetricError(
            f"{name}: expected {own.features} features, as {reference.where} says, got {generated_md.shape[1]}; take "
            "the same network"
        )
    score = distance.score(
        name, reference.statistics[name], FeatureSet(generated_md), extractor=own.extractor,
        parameters=seen.network_parameters(own.extractor, own.resize), dependence=dependence_of(inputs.for_metrics),
    )
    return replace(score, parameters={**score.parameters, **seen.viewing_parameters})


def _features(name: str, settings: Any, side: int) -> tuple[str, int]:
    features = _DISTANCES[name].features
    return (settings.extractor, settings.resize) if features is None else features(side)


def _parameters(seen: FolderInputs, extractor: str, resize: int) -> dict[str, ParameterValue]:
    """All that the features of an image depend on."""
    network, _ = network_of(extractor)
    code = foreign_code(network)
    return {**seen.network_parameters(extractor, resize), **({"code": None} if code is None else code)}


def _some(parameters: Mapping[str, ParameterValue], keys: list[str]) -> str:
    return ", ".join(f"{key} {parameters.get(key)}" for key in keys)
