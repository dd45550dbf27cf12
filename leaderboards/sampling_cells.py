"""The cells of `leaderboards/sampling_study.py` in pairs: what each drift changes against none, all else equal.

A pair has one seed, measured on one device, and the change of a metric is the mean over the pairs with its 95 %
t-interval over the seeds: a cell keeps scores alone, so what other cases would change is not in it.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ldbench.errors import ResultError
from ldbench.report.digits import decimals_for, fixed
from ldbench.report.tables.text_table import TextCell, TextTable, to_markdown
from leaderboards.drift_effect import PairedChange, change_cell, changes

SCORES = "scores.jsonl"
TRAIN, SAMPLE = "delta", "delta_sample"
Line = Mapping[str, Any]


class DriftPair(NamedTuple):
    """The drift of training and of sampling as `--set` takes them."""

    train: str
    sample: str


NONE = DriftPair("0", "0")


class Change(NamedTuple):
    """A drift against none on one metric, the other settings equal: a number a seed that both have."""

    setting: str
    metric: str
    drift: DriftPair
    without: float
    gaps: tuple[float, ...]


def read_scores(folder: Path) -> list[Line]:
    """The lines measured so far."""
    file = folder / SCORES
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def drift_of(line: Line) -> DriftPair:
    """The drift of a cell; that of sampling is training's where it isn't set."""
    train = line["fit"].get(TRAIN, "0")
    return DriftPair(train, line["sampling"].get(SAMPLE, train))


def setting_of(line: Line) -> str:
    """All of a cell but its drift and seed."""
    rest = {**line["fit"], **line["sampling"]}
    said = " ".join(f"{key}={value}" for key, value in sorted(rest.items()) if key not in (TRAIN, SAMPLE))
    return " ".join(filter(None, (line["task"], line["model"], said)))


def drift_changes(lines: Sequence[Line]) -> list[Change]:
    """Every drift against none; `ResultError` where no drift has a pair of one seed."""
    values: dict[tuple[str, str, DriftPair], dict[int, float]] = {}
    for line in lines:
        for metric, (value, _, _) in line["scores"].items():
            values.setdefault((setting_of(line), metric, drift_of(line)), {})[line["seed"]] = value
    found = [
        _change(setting, metric, drift, of_seed, values[setting, metric, NONE])
        for (setting, metric, drift), of_seed in sorted(values.items(), key=_in_order)
        if drift != NONE and of_seed.keys() & values.get((setting, metric, NONE), {}).keys()
    ]
    if not found:
        raise ResultError("expected cells with drift and without, of one seed and otherwise equal, got none")
    return found


def _in_order(cells: tuple[tuple[str, str, DriftPair], object]) -> tuple[object, ...]:
    """Numbers in a setting by their size, and not by their digits."""
    (setting, *rest), _ = cells
    return [(word.rjust(20) if word.isdigit() else word) for word in re.split(r"(\d+)", setting)], *rest


def _change(
    setting: str, metric: str, drift: DriftPair, of_seed: Mapping[int, float], none: Mapping[int, float]
) -> Change:
    without = statistics.fmean(none[seed] for seed in of_seed if seed in none)
    return Change(setting, metric, drift, without, tuple(changes(of_seed, none)))


def study_table(found: Sequence[Change], metric: str) -> str:
    """Markdown of one of `metrics_of`: a line a setting, a column a drift of training → sampling.

    What all settings share is left out.
    """
    of_metric = [one for one in found if one.metric == metric]
    settings, drifts = list(dict.fromkeys(one.setting for one in of_metric)), sorted({one.drift for one in of_metric})
    names = own_words(settings)
    cells = {(one.setting, one.drift): one for one in of_metric}
    rows: list[list[TextCell]] = []
    for setting in settings:
        of_drifts = [cells.get((setting, drift)) for drift in drifts]
        of_setting = [one for one in of_drifts if one is not None]
        without, seeds = of_setting[0].without, [len(one.gaps) for one in of_setting]
        rows.append([
            names[setting],
            fixed(without, decimals_for(abs(without) / 100, without)),
            *(change_cell(PairedChange(one.gaps) if one else None) for one in of_drifts),
            str(max(seeds)) if len(set(seeds)) == 1 else f"{min(seeds)}-{max(seeds)}",
        ])
    headings = ["", f"{metric} without", *(f"{one.train} → {one.sample}" for one in drifts), "seeds"]
    return to_markdown(TextTable(headings, rows, "l" + "r" * (len(headings) - 1)))


def own_words(settings: Sequence[str]) -> dict[str, str]:
    """Each setting's words that not all of them share; all words where there is but one."""
    shared = set.intersection(*(set(setting.split()) for setting in settings)) if len(settings) > 1 else set()
    return {setting: " ".join(word for word in setting.split() if word not in shared) for setting in settings}


def metrics_of(found: Sequence[Change]) -> list[str]:
    """The metrics that changed, by name."""
    return sorted({one.metric for one in found})
