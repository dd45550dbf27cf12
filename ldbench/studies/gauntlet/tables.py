"""A gauntlet as text: a table of every score with a mark for what the metric said, and a list a metric."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from ldbench.report.digits import decimals_for, fixed
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.text_table import TextTable, escape, to_markdown, to_terminal
from ldbench.studies.gauntlet.findings import Findings, findings
from ldbench.studies.gauntlet.record import Gauntlet, GauntletMetric, Obstacle, Verdict

_WIDTH = 100
MARKS: Mapping[Verdict, str] = {
    "caught": "x", "missed": ".", "rewarded": "+", "over-read": "!", "quiet": " ", "refused": "?"
}
LEGEND = (
    "x caught: worse than the control by more than chance. . missed. + better than the control by more than chance. "
    "! over-read: no reader sees this change, and the metric punishes it. ? the metric refuses these images. "
    "Severities in brackets are those that no reader sees."
)


def terminal(gauntlet: Gauntlet) -> str:
    """The findings for a terminal."""
    lists = [[name, *(_folded(line, "  ") for line in lines)] for name, lines in _lists(gauntlet)]
    notes = "\n".join(map(_folded, _notes(gauntlet)))
    return "\n\n".join([f"{to_terminal(_table(gauntlet))}\n{_folded(LEGEND)}", *map("\n".join, lists), notes]) + "\n"


def _folded(line: str, indent: str = "") -> str:
    return textwrap.fill(line, _WIDTH, initial_indent=indent, subsequent_indent=indent and 2 * indent)


def markdown(gauntlet: Gauntlet) -> str:
    """The findings as a page."""
    title = f"# The gauntlet on {escape(gauntlet.task.id)}"
    lists = [f"## `{name}`\n\n" + "\n".join(f"- {escape(line)}" for line in lines) for name, lines in _lists(gauntlet)]
    notes = "\n".join(f"- {escape(note)}" for note in (*_notes(gauntlet), LEGEND))
    return "\n\n".join([title, notes, to_markdown(_table(gauntlet)), *lists]) + "\n"


def _notes(gauntlet: Gauntlet) -> list[str]:
    task = gauntlet.task
    moved = any(score.chance for score in gauntlet.measured_control.scores.values())
    return [
        f"{task.id}, version {task.version} (card {task.card_hash[:12]}), {gauntlet.cases} images a set, seed "
        f"{gauntlet.seed}; control: {gauntlet.control}{', with ± how far chance moves its score' if moved else ''}.",
        *(f"{name} is skipped: {reason}." for name, reason in gauntlet.skipped.items()),
        *(f"{name} is left out: {reason}." for name, reason in gauntlet.left_out.items()),
    ]


def _table(gauntlet: Gauntlet) -> TextTable:
    headings = ["failure", "severity", *(f"{one.name} {ARROWS[one.direction]}" for one in gauntlet.metrics)]
    columns = [_column(gauntlet, metric) for metric in gauntlet.metrics]
    rows = []
    for index, obstacle in enumerate(gauntlet.obstacles):
        severity = f"{obstacle.severity:g}" if obstacle.failure else ""
        rows.append([
            obstacle.failure or "(control)", f"({severity})" if obstacle.unseen else severity,
            *(column[index] for column in columns),
        ])
    return TextTable(headings, rows, "lr" + "r" * len(gauntlet.metrics))


def _column(gauntlet: Gauntlet, metric: GauntletMetric) -> list[str]:
    """A metric's scores, all to the digits that the control's chance or, without any, the control supports."""
    scores = [one.scores[metric.name] for one in gauntlet.obstacles]
    values = [score.value for score in scores if score.value is not None]
    chances = [score.chance for score in scores if score.chance]
    decimals = decimals_for(min(chances, default=0.0), max(map(abs, values), default=0.0))
    return [_cell(gauntlet, one, metric, min(decimals, 4)) for one in gauntlet.obstacles]


def _cell(gauntlet: Gauntlet, obstacle: Obstacle, metric: GauntletMetric, decimals: int) -> str:
    score = obstacle.scores[metric.name]
    text = "-" if score.value is None else fixed(score.value, decimals)
    if obstacle.failure:
        return f"{text} {MARKS[gauntlet.verdict(obstacle, metric)]}"
    return f"{text} ± {fixed(score.chance, decimals)}" if score.chance else f"{text}  "


def _lists(gauntlet: Gauntlet) -> list[tuple[str, list[str]]]:
    return [(metric.name, _lines(findings(gauntlet, metric))) for metric in gauntlet.metrics]


def _lines(found: Findings) -> list[str]:
    caught = [
        f"{name} (from {found.caught_from[name]:g})" if name in found.caught_from else name for name in found.catches
    ]
    parts = {
        "catches": caught, "blind to": found.blind_to, "rewards": found.rewards, "over-reads": found.over_reads,
        "not monotonic in": found.turns_back,
    }
    return [f"{what}: {', '.join(names) or 'nothing'}" for what, names in parts.items()]
