"""Statistics of a set of real images are made: which metrics they are for, and what must be said of what they tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ldbench import __version__
from ldbench.api import Need
from ldbench.data.volumes.cut import Cut
from ldbench.errors import MetricError, UsageError
from ldbench.score.arithmetic import arithmetic_of
from ldbench.score.folders.form import Conditions, check_form
from ldbench.score.folders.inputs import FolderInputs, of_sets
from ldbench.score.folders.metrics import by_asked_name, default_metrics, lacking, named_metrics, settings_of
from ldbench.score.folders.places import Place, opened
from ldbench.score.folders.sets import FolderSet, read_sets
from ldbench.score.folders.subjects import Whose
from ldbench.score.metrics.group_statistics import check_enough
from ldbench.score.reference.metrics import FROM_STATISTICS, statistics_of
from ldbench.score.reference.record import SCHEMA_VERSION, Reference, ReferenceRecord
from ldbench.score.set_inputs import ScoringContext


def make_reference(
    real: Place, where: Path, conditions: Conditions, context: ScoringContext, metrics: Sequence[str] = (), *,
    network: str | None = None, settings: Mapping[str, Mapping[str, str]] | None = None, whose: Whose | None = None,
    volumes: Cut | None = None,
) -> Reference:
    """The statistics that a file `where` will hold of real images; without `metrics` for all that can be had from some.

    `network` and `settings` are as in `measure_folders`; by `volumes` the slices of volumes along one plane are the
    images. Raises `ImageError`, `UsageError`, `UnknownNameError`,
    `WeightsError`; `MetricError` for too few images.
    """
    channels = conditions.channels or "rgb"
    check_form(conditions.side, conditions.fit, channels)
    chosen = _chosen(conditions, metrics, network, settings or {})
    if volumes is not None:
        if len(volumes.planes) > 1:
            raise UsageError(
                f"--volumes {','.join(volumes.planes)}: expected one plane, got {len(volumes.planes)}; write a file of "
                "each"
            )
        real = opened("real", real, volumes, context.cache_folder).plane(volumes.planes[0])
    sets = read_sets(
        {"real": real}, side=conditions.side, fit=conditions.fit, paired=False, channels=channels, whose=whose,
        images=None, seed=context.seed, progress=context.progress,
    )
    inputs = FolderInputs(
        device=context.device, seed=context.seed, cache_folder=context.cache_folder, progress=context.progress,
        conditions=conditions.viewing, **of_sets(sets),
    )
    try:
        check_enough(sets["real"].count, inputs.subjects("real"))
    except MetricError as error:
        raise MetricError(f"{sets['real'].where}: {error}") from error
    found = {name: statistics_of(name, each, inputs) for name, each in chosen.items()}
    features = {name: each for name, (each, _) in found.items()}
    record = replace(_record(sets["real"], conditions, features, context), volumes=volumes)
    statistics = {name: each for name, (_, each) in found.items()}
    return Reference(str(where), record, statistics, notes=sets["real"].notes)


def _chosen(
    conditions: Conditions, metrics: Sequence[str], network: str | None, given: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The settings of each metric; `UsageError` for one that statistics are not enough for."""
    offered: frozenset[Need] = frozenset() if conditions.viewing is None else frozenset({"viewing"})
    asked = named_metrics(metrics) or default_metrics(offered)[0]
    given = by_asked_name(given, asked)
    able = {name: metric for name, metric in asked.items() if name in FROM_STATISTICS}
    if metrics and (lost := next((name for name in asked if name not in able), None)) is not None:
        raise UsageError(
            f"--metric {lost}: expected {', '.join(FROM_STATISTICS)}, which alone can be had from statistics of the "
            "real images, got another; leave it out, and measure it beside their folder"
        )
    if foreign := [name for name in given if name not in able]:
        raise UsageError(f"--set {foreign[0]}: expected a metric with statistics, got another; leave it out")
    for name, metric in able.items():
        if reason := lacking(metric, offered):
            raise UsageError(f"--metric {name}: {reason}")
    return {name: settings_of(metric, network, given.get(name, {})) for name, metric in able.items()}


def _record(
    real: FolderSet, conditions: Conditions, metrics: Mapping[str, Any], context: ScoringContext
) -> ReferenceRecord:
    from ldbench.data.preparation import summary

    height, width = next(iter(real.images.values())).shape[1:]
    return ReferenceRecord(
        SCHEMA_VERSION, __version__, real.count, len(set(real.subjects)) or None, real.sha256, int(height), int(width),
        conditions.side, conditions.fit, conditions.channels or "rgb", conditions.viewing,
        summary(real.prepared, conditions.side), arithmetic_of(context.device), metrics,
    )


def told(reference: Reference) -> Iterator[str]:
    """Notes on tables, and warnings of what the statistics tell of single images: where a group has no more of these
    than features."""
    yield from reference.notes
    names, noun = dict[tuple[str, int, int], list[str]](), reference.noun
    for name, each in reference.statistics.items():
        record = reference.record.metrics[name]
        names.setdefault((record.extractor, record.features, int(each.counts_g.min())), []).append(name)
    for (extractor, features, count), metrics in names.items():
        if count <= features:
            yield (
                f"{', '.join(metrics)}: a group has {count} {noun}s, no more than {extractor} has features, "
                f"{features}: the file then says in which space the features of these {noun}s lie, and whoever has one "
                "can tell whether it was among them; give the file to nobody who may not have the features, or take "
                f"more {noun}s"
            )
