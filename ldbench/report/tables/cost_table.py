"""What rows cost as a table: a line a row and device, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldbench.board.costs import RowCost
from ldbench.report.digits import duration, shortest
from ldbench.report.tables.parts import broken
from ldbench.report.tables.text_table import TextTable

_HEADINGS = ("model", "device", "runs", "training", "an image", "memory,\ntraining", "memory,\nimages")
_NOTES = (
    "Means over runs. Training: all of a run's fit. An image: the time of generating over the number of images, with "
    "reading weights and writing files. Memory: the highest peak on the device; a CPU's is not shown, since a "
    "process's peak has all in it that the process did before.",
    "Seconds depend on the machine and on what else it did. Nothing is ranked by them. What several runs share and "
    "another run had fitted before is not in them.",
)


def cost_table(task: str, by_row: Mapping[str, Sequence[RowCost]]) -> TextTable:
    """The rows by their labels, in the board's order."""
    lines = [[broken(label), *_cells(cost)] for label, costs in by_row.items() for cost in costs]
    return TextTable(_HEADINGS, lines, "llrrrrr", f"{task}: cost", lead=2)


def cost_notes(by_row: Mapping[str, Sequence[RowCost]]) -> list[str]:
    """How to read the table, and why cells are empty."""
    costs = [cost for of_row in by_row.values() for cost in of_row]
    partly = any(min(cost.fit_runs, cost.image_runs) < cost.runs for cost in costs)
    why = (
        "Runs that were killed on their way, went on on another device, share the fit of another run, or whose result "
        "is from before whole stages were timed, are in no mean; - stands where all runs are such."
    )
    return [*_NOTES, *([why] if partly else [])]


def _cells(cost: RowCost) -> list[str]:
    fit = "-" if cost.fit_seconds is None else duration(cost.fit_seconds)
    image = "-" if cost.image_seconds is None else _each(cost.image_seconds)
    return [
        cost.device, str(cost.runs), fit, image, *map(_memory, (cost.fit_memory_mib, cost.generate_memory_mib)),
    ]


def _each(seconds: float) -> str:
    return f"{seconds * 1000:.2g} ms" if seconds < 0.1 else f"{shortest(float(f'{seconds:.3g}'))} s"


def _memory(mib: float | None) -> str:
    return "-" if mib is None else f"{mib / 1024:.1f} GiB"
