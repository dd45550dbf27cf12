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
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from ldbench.errors import LdbenchError, ResultError
from ldbench.studies.parameters.axes import INK, SMALL, plain, sheet
from leaderboards.drift_effect import half_width
from leaderboards.sampling_cells import NONE, Change, Drift, changes, metrics_of, read_scores, study_table


def draw(found: Sequence[Change], metric: str, path: Path) -> None:
    """A panel a setting: the change of the metric by training's drift (rows) and sampling's (columns)."""
    of_metric = [change for change in found if change.metric == metric]
    settings = sorted({change.setting for change in of_metric})
    if not settings:
        raise ResultError(f"--metric: expected one of {', '.join(sorted({one.metric for one in found}))}, got {metric}")
    widest = max(abs(statistics.fmean(change.gaps)) for change in of_metric)
    figure = sheet(4.2 * len(settings), 3.6)
    for axes, setting in zip(figure.subplots(1, len(settings), squeeze=False)[0], settings, strict=True):
        panel = {change.drift: change for change in of_metric if change.setting == setting}
        rows, columns = (sorted({getattr(drift, name) for drift in (*panel, NONE)}) for name in Drift._fields)
        plain(axes, f"{setting}\nchange of {metric}", "drift of sampling", "drift of training")
        axes.grid(visible=False)
        for drift in (Drift(row, column) for row in rows for column in columns):
            place = columns.index(drift.sample), rows.index(drift.train)
            if drift not in (*panel, NONE):
                continue
            gaps = (0.0,) if drift == NONE else panel[drift].gaps
            mean = statistics.fmean(gaps)
            colour = mpl.colormaps["RdBu_r"](0.5 + 0.5 * mean / widest)
            axes.add_patch(mpl.patches.Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, color=colour))
            shown = "0" if drift == NONE else f"{mean:+.3g}" + ("" if abs(mean) <= half_width(gaps) else "*")
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
        lines = read_scores(asked.folder)
        found = changes(lines)
        print("\n\n".join(study_table(lines, metric) for metric in metrics_of(lines)))
        if asked.figure:
            draw(found, asked.metric, asked.figure)
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
