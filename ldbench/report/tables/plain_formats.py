"""Tables with notes, one list of them a task, in the printed forms that a person reads."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len

from ldbench.report.tables.latex import fitted_tables, fitted_tabular
from ldbench.report.tables.parts import fitted
from ldbench.report.tables.terminal import DEFAULT_WIDTH
from ldbench.report.tables.text_table import TextTable, escape, to_markdown, to_terminal

MARKDOWN_WIDTH = 120  # letters that a page of a repository has room for
_GAP, _RULE = 2, 3  # between the columns of a terminal, and of Markdown
TablesOfTask = tuple[Sequence[TextTable], Sequence[str]]  # and what is said below all of them


def to_text(tasks: Sequence[TablesOfTask], format: str) -> str:
    """The tables of all tasks in one of `PLAIN`'s formats, newline at the end."""
    return PLAIN[format](tasks)


def terminal(tables: Sequence[TextTable], notes: Sequence[str], width: int = DEFAULT_WIDTH) -> str:
    """The tables of one task for a terminal of so many columns, in parts where they would be wider."""
    said = "".join(f"{textwrap.fill(note, min(width, DEFAULT_WIDTH))}\n" for note in notes)
    parts = [part for table in tables for part in fitted(table, width + _GAP, lambda line, _: cell_len(line) + _GAP)]
    return "\n".join([*(to_terminal(part, keep_lines=True) for part in parts), said])


def _markdown(tasks: Sequence[TablesOfTask]) -> str:
    parts = []
    for tables, notes in tasks:
        parts += [to_markdown(part, 3, keep_lines=True) for table in tables for part in _for_a_page(table)]
        parts.append("\n".join(f"- {escape(note)}" for note in notes))
    return "\n\n".join(parts) + "\n"


def _for_a_page(table: TextTable) -> list[TextTable]:
    return fitted(table, MARKDOWN_WIDTH, lambda line, _: cell_len(line) + _RULE)


def _latex(tasks: Sequence[TablesOfTask]) -> str:
    """A `table` environment each or several; below the last one of a task stands how to read all."""
    tables = [
        fitted_tables(table, notes if place == len(of_task) else ())
        for of_task, notes in tasks for place, table in enumerate(of_task, 1)
    ]
    return "% \\usepackage{booktabs}\n" + "\n".join(tables)


def _latex_tabular(tasks: Sequence[TablesOfTask]) -> str:
    tabulars = ["\n".join(fitted_tabular(table)) for tables, _ in tasks for table in tables]
    return "% \\usepackage{booktabs}\n" + "\n\n".join(tabulars) + "\n"


PLAIN: Mapping[str, Callable[[Sequence[TablesOfTask]], str]] = {
    "markdown": _markdown, "latex": _latex, "latex-tabular": _latex_tabular,
}
