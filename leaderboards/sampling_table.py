"""What drift changes of a method, from the cells of `leaderboards/sampling_study.py`: tables, and a map of the gain.

    python leaderboards/sampling_table.py runs/drift
    python leaderboards/sampling_table.py runs/drift --figure docs/images/drift-gain.png

Prints, for every task, method, kind of fit, sampler and metric, the value without any drift and what each drift
changes: the mean difference over the seeds that both have, with its 95 % t-interval. The figure maps the change of one
metric over the drift of training and the drift of sampling, a panel a setting.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from drift_effect import half_width
from sampling_study import read_scores

from ldbench.errors import LdbenchError, ResultError
from ldbench.studies.parameters.axes import INK, SMALL, plain, sheet

TRAIN, SAMPLE = "delta", "delta_sample"
Line = Mapping[str, Any]


class Drift(NamedTuple):
    """The drift of training and of sampling as `--set` takes them."""

    train: str
    sample: str


NONE = Drift("0", "0")


class Change(NamedTuple):
    """A drift against none on one metric, the other settings equal: the mean over pairs of one seed."""

    setting: str
    metric: str
    drift: Drift
    without: float
    mean: float
    half_width: float
    seeds: int

    @property
    def words(self) -> str:
        """The change with its interval and whether that holds zero."""
        if self.seeds < 2:
            return f"{self.mean:+.4g} (one seed)"
        ends = f"[{self.mean - self.half_width:+.4g}, {self.mean + self.half_width:+.4g}]"
        return f"{self.mean:+.4g} {ends}" + ("" if abs(self.mean) <= self.half_width else " *")


def drift_of(line: Line) -> Drift:
    """The drift of a cell; that of sampling is training's where it isn't set."""
    train = line["fit"].get(TRAIN, "0")
    return Drift(train, line["sampling"].get(SAMPLE, train))


def setting_of(line: Line) -> str:
    """All of a cell but its drift and seed."""
    rest = {**line["fit"], **line["sampling"]}
    said = " ".join(f"{key}={value}" for key, value in sorted(rest.items()) if key not in (TRAIN, SAMPLE))
    return " ".join(filter(None, (line["task"], line["model"], said)))


def changes(lines: Sequence[Line]) -> list[Change]:
    """Every drift against none; `ResultError` where no drift has a pair of one seed."""
    values: dict[tuple[str, str, Drift], dict[int, float]] = {}
    for line in lines:
        for metric, (value, _, _) in line["scores"].items():
            values.setdefault((setting_of(line), metric, drift_of(line)), {})[line["seed"]] = value
    found = [
        _change(setting, metric, drift, of_seed, values[setting, metric, NONE])
        for (setting, metric, drift), of_seed in sorted(values.items())
        if drift != NONE and of_seed.keys() & values.get((setting, metric, NONE), {}).keys()
    ]
    if not found:
        raise ResultError("expected cells with drift and without, of one seed and otherwise equal, got none")
    return found


def _change(setting: str, metric: str, drift: Drift, of_seed: Mapping[int, float], none: Mapping[int, float]) -> Change:
    seeds = sorted(of_seed.keys() & none.keys())
    gaps = [of_seed[seed] - none[seed] for seed in seeds]
    without = statistics.fmean(none[seed] for seed in seeds)
    return Change(setting, metric, drift, without, statistics.fmean(gaps), half_width(gaps), len(seeds))


def table(found: Sequence[Change]) -> Iterator[str]:
    """Markdown, a row a setting and metric and a column a drift."""
    drifts = sorted({change.drift for change in found})
    yield f"| setting | metric | no drift | {' | '.join(f'{one.train} → {one.sample}' for one in drifts)} |"
    yield "|---|---|---|" + "---|" * len(drifts)
    cells = {(change.setting, change.metric, change.drift): change for change in found}
    for setting, metric in sorted({(change.setting, change.metric) for change in found}):
        row = [cells.get((setting, metric, drift)) for drift in drifts]
        without = next(change.without for change in row if change)
        yield f"| {setting} | {metric} | {without:.4g} | {' | '.join(one.words if one else '' for one in row)} |"


def draw(found: Sequence[Change], metric: str, path: Path) -> None:
    """A panel a setting: the change of the metric by training's drift (rows) and sampling's (columns)."""
    of_metric = [change for change in found if change.metric == metric]
    settings = sorted({change.setting for change in of_metric})
    if not settings:
        raise ResultError(f"--metric: expected one of {', '.join(sorted({one.metric for one in found}))}, got {metric}")
    widest = max(abs(change.mean) for change in of_metric)
    figure = sheet(4.2 * len(settings), 3.6)
    for axes, setting in zip(figure.subplots(1, len(settings), squeeze=False)[0], settings, strict=True):
        panel = {change.drift: change for change in of_metric if change.setting == setting}
        rows, columns = (sorted({getattr(drift, name) for drift in (*panel, NONE)}) for name in Drift._fields)
        plain(axes, f"{setting}\nchange of {metric}", "drift of sampling", "drift of training")
        axes.grid(visible=False)
        for drift in (Drift(row, column) for row in rows for column in columns):
            place = columns.index(drift.sample), rows.index(drift.train)
            mean = 0.0 if drift == NONE else panel[drift].mean if drift in panel else None
            if mean is None:
                continue
            colour = mpl.colormaps["RdBu_r"](0.5 + 0.5 * mean / widest)
            axes.add_patch(mpl.patches.Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, color=colour))
            shown = "0" if drift == NONE else f"{mean:+.3g}" + ("" if abs(mean) <= panel[drift].half_width else "*")
            axes.text(*place, shown, ha="center", va="center", fontsize=SMALL, color=INK)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Print the table of a folder, and draw the map where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--metric", default="viewed_fid", help="the metric of the figure")
    asked = parser.parse_args()
    try:
        found = changes(read_scores(asked.folder))
        print("\n".join(table(found)))
        if asked.figure:
            draw(found, asked.metric, asked.figure)
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
