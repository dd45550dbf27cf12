"""What drift changes of a method, from the cells of `leaderboards/sampling_study.py`: tables, and a map of the gain.

    python -m leaderboards.sampling_table runs/drift
    python -m leaderboards.sampling_table runs/drift --figure docs/images/drift-gain.png

Prints a table a metric: for every task, method, kind of fit and sampler the value without any drift and what each drift
changes, the mean difference over the seeds that both have with its 95 % t-interval. The figure maps the change of one
metric over the drift of training and the drift of sampling, a panel a setting.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from ldbench.errors import LdbenchError, ResultError
from ldbench.records.identity import canonical
from ldbench.records.names import digest
from ldbench.studies.parameters.axes import INK, PAPER, SMALL, plain, sheet
from leaderboards.drift_effect import PairedChange
from leaderboards.sampling_cells import (
    NONE,
    Change,
    DriftPair,
    drift_changes,
    metrics_of,
    own_words,
    read_scores,
    study_table,
)  # fmt: skip

DARK = 0.35  # the ink on cells whose colour is further than this from the middle of the map


def draw(found: Sequence[Change], metric: str, path: Path) -> None:
    """A panel a setting: the change of the metric by training's drift (rows) and sampling's (columns).

    Colours follow the logarithm of the change, so that small gains show beside large losses. A star marks a change
    whose interval over the seeds leaves out zero. The file names what it was drawn from, under `Source`.
    """
    of_metric = [change for change in found if change.metric == metric]
    names = own_words(sorted({change.setting for change in of_metric}))
    if not names:
        raise ResultError(f"--metric: expected one of {', '.join(metrics_of(found))}, got {metric}")
    widest = max(abs(statistics.fmean(change.gaps)) for change in of_metric)
    colours = mpl.colors.SymLogNorm(widest / 100, vmin=-widest, vmax=widest)
    figure = sheet(3.6 * len(names), 2.6)
    for axes, (setting, name) in zip(figure.subplots(1, len(names), squeeze=False)[0], names.items(), strict=True):
        panel = {NONE: (0.0,)} | {change.drift: change.gaps for change in of_metric if change.setting == setting}
        rows, columns = (sorted({getattr(drift, name) for drift in panel}) for name in DriftPair._fields)
        title = "\n".join(textwrap.wrap(f"change of {metric}, {name}", 38))
        plain(axes, title, "drift of sampling", "drift of training")
        axes.grid(visible=False)
        for drift, gaps in panel.items():
            place, mean = (columns.index(drift.sample), rows.index(drift.train)), statistics.fmean(gaps)
            shade = float(colours(mean))
            colour = mpl.colormaps["RdBu_r"](0.1 + 0.8 * shade)
            axes.add_patch(mpl.patches.Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, color=colour))
            shown = "0" if drift == NONE else f"{mean:+.3g}" + ("" if abs(mean) <= PairedChange(gaps).half else "*")
            ink = PAPER if abs(shade - 0.5) > DARK else INK
            axes.text(*place, shown, ha="center", va="center", fontsize=SMALL, color=ink)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
    figure.savefig(path, metadata={"Software": None, "Source": drawn_from(found, metric)})


def drawn_from(found: Sequence[Change], metric: str) -> str:
    """The digest of all numbers in a figure."""
    return digest(canonical([change for change in found if change.metric == metric]), 16)


def main() -> None:
    """Print the table of a folder, and draw the map where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--metric", default="viewed_fid", help="the metric of the figure")
    asked = parser.parse_args()
    try:
        found = drift_changes(read_scores(asked.folder))
        print("\n\n".join(study_table(found, metric) for metric in metrics_of(found)))
        if asked.figure:
            draw(found, asked.metric, asked.figure)
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
