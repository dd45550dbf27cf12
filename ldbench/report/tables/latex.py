r"""A leaderboard as LaTeX tables for a paper: booktabs rules, arrows in the headings, best values in bold.

Needs `\usepackage{booktabs}` and nothing else. An interval stands below its value; a leaderboard that is still too wide
for a page is several tables, the metrics shared out among them; what stands beside the board is a table of its own.
Every character that TeX reads as a command is escaped, so that no name breaks a table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from ldbench.board.leaderboard import Leaderboard
from ldbench.board.named_rows import name_notes
from ldbench.board.row_labels import TRUTH_MARK
from ldbench.records.names import CONTROL
from ldbench.report.tables.content import BoardLine, BoardPage, BoardTable, ScoreCell, page
from ldbench.report.tables.notes import HINT
from ldbench.report.tables.parts import fitted
from ldbench.report.tables.text_table import TextTable, lines_of, one_line_each

_WIDTH = 75  # digits of \small text across the 345 pt of LaTeX's article
_SHARE_SMALL, _SHARE_LETTER = 0.8, 0.9  # widths of a digit in \scriptsize and of a letter, in digits
_SHARE_SIGN = 0.6  # of a bracket, a comma or a space
_RANK = 6  # a rank with its interval below, 10--12 say, and the gap to the next column
_SEEDS = 6
_SPECIAL: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\char34{}", "↓": r"$\downarrow$", "↑": r"$\uparrow$", TRUTH_MARK: r"$^\dagger$",
    "±": r"$\pm$", "δ": r"$\delta$", "≤": r"$\le$", "≥": r"$\ge$",
}  # fmt: skip
_PAGE = re.compile(r" \(docs/[^)]*\)")  # where this repository says more
_JOINING = frozenset("-`',?!")  # two in a row may print as one other character: -- as a dash, ,, as a quotation mark


def render(leaderboard: Leaderboard, title: str = "") -> str:
    """The leaderboard as `table` environments, captions above, notes below the last. `title` is the task's, with which
    captions begin."""
    content = page(leaderboard)
    lead = f"{escape(title)}: " if title else ""
    whole = _united(content)
    parts = list(_parts(whole))
    tables = [
        _float(leaderboard.task.id, content, part, number, len(parts), lead)
        for number, part in enumerate(parts, start=1)
    ]
    asides = [_aside(leaderboard.task.id, table) for table in content.asides]
    return "% \\usepackage{booktabs}\n" + "\n".join([*tables, *asides])


def render_tabular(leaderboard: Leaderboard) -> str:
    """The leaderboard's `tabular` environment alone, whatever its width, for a float and a caption of one's own."""
    content = page(leaderboard)
    names = [f"% {note}" for note in name_notes(leaderboard.rows)]
    return "\n".join(["% \\usepackage{booktabs}", *names, *_tabular(_united(content), content)]) + "\n"


def escape(text: str) -> str:
    """The text as TeX prints it, character by character; control characters become spaces."""
    plain = CONTROL.sub(" ", text)
    following = [*plain[1:], ""][: len(plain)]
    return "".join(
        _SPECIAL.get(one, one) + ("{}" if one in _JOINING and after in _JOINING else "")
        for one, after in zip(plain, following, strict=True)
    )


def _united(content: BoardPage) -> BoardTable:
    """All tables of a page as one: ranked blocks first, reported ones below, every metric that any of them has."""
    metrics = tuple(dict.fromkeys(metric for table in content.tables for metric in table.metrics))
    blocks = tuple(
        tuple(_spread(line, table, metrics) for line in block) for table in content.tables for block in table.blocks
    )
    ranked, seeded = (any(held) for held in zip(*((one.ranked, one.seeded) for one in content.tables), strict=True))
    return BoardTable("", metrics, blocks, ranked, seeded)


def _spread(line: BoardLine, table: BoardTable, metrics: tuple[str, ...]) -> BoardLine:
    cells = dict(zip(table.metrics, line.cells, strict=True))
    return replace(line, cells=tuple(cells.get(metric, ScoreCell()) for metric in metrics))


def _parts(table: BoardTable) -> Iterator[BoardTable]:
    """The table's metrics shared out so that each part is about as wide as a page, in order, at least one a part."""
    lines = [line for block in table.blocks for line in block]
    longest = max((len(line.model) for line in lines), default=0)
    names = math.ceil(_SHARE_LETTER * longest) + (_RANK if table.ranked else 0) + (_SEEDS if table.seeded else 0)
    start, used = 0, names
    for column in range(len(table.metrics)):
        width = 2 + max([len(table.metrics[column]), *(_characters(line.cells[column]) for line in lines)])
        if column > start and used + width > _WIDTH:
            yield table.columns(start, column)
            start, used = column, names
        used += width
    yield table.columns(start, len(table.metrics))


def _characters(cell: ScoreCell) -> int:
    value = len(cell.value) + (len(cell.spread) + 3 if cell.spread else 0)
    return max(value, math.ceil(_SHARE_SMALL * len(cell.interval)))


def _float(task: str, content: BoardPage, table: BoardTable, number: int, of: int, lead: str) -> str:
    first = number == 1
    caption = escape(content.title) if first else f"{escape(task)}, continued"
    counted = f" Part {number} of {of}." if of > 1 else ""
    label = task if first else f"{task}-{number}"
    notes = _notes(content) if number == of else []
    return _environment(f"{lead}{caption}.{counted}{_legend(content)}", label, [*_tabular(table, content), *notes])


def plain_table(table: TextTable, notes: Sequence[str] = ()) -> str:
    """A table that is as wide as it needs, in a `table` environment: its title as caption, and below it what it means
    and notes, without the pages of the documentation that they name."""
    return _captioned(one_line_each(table), f"{escape(table.title)}.", table.label or table.title.lower(), notes)


def fitted_tables(table: TextTable, notes: Sequence[str] = ()) -> str:
    """The same, where it is wider than a page with the line ends of its cells, then in several environments."""
    parts, label = fitted(table, _WIDTH, _digits), table.label or table.title.lower()
    captions = [f"{escape(table.title)}."]
    if len(parts) > 1:
        again = f"{escape(table.title)}, continued."
        captions = [
            f"{again if number > 1 else captions[0]} Part {number} of {len(parts)}."
            for number in range(1, len(parts) + 1)
        ]
    return "\n".join(
        _captioned(part, caption, f"{label}-{number}" if number > 1 else label, notes if number == len(parts) else ())
        for number, (part, caption) in enumerate(zip(parts, captions, strict=True), 1)
    )


def _captioned(table: TextTable, caption: str, label: str, notes: Sequence[str]) -> str:
    said = [_PAGE.sub("", note) for note in (table.meaning, *notes) if note]
    return _environment(caption, label, [*_tabular_of(table), *_below(said)])


def fitted_tabular(table: TextTable) -> list[str]:
    """The lines of a table's `tabular` environment alone, with the line ends of its cells where it is wider than a
    page."""
    parts = fitted(table, _WIDTH, _digits)
    return _tabular_of(parts[0] if len(parts) == 1 else table)


def _digits(line: str, below: bool) -> float:
    """How many digits are about as wide as a line of text and the gap to the next column."""
    shares = (1 if one.isdigit() else _SHARE_LETTER if one.isalpha() else _SHARE_SIGN for one in line)
    return 2 + sum(shares) * (_SHARE_SMALL if below else 1)


def _tabular_of(table: TextTable) -> list[str]:
    """The lines of a `tabular` environment, in which a row has as many as its highest cell."""
    rows = [text for row in table.rows if row for text in _stacked([*map(str, row)], table.lead)]
    height = max(len(lines_of(heading)) for heading in table.headings)
    level = ["\n" * (height - len(lines_of(heading))) + heading for heading in table.headings]  # on their last lines
    return [
        rf"\begin{{tabular}}{{{table.alignments}}}", r"\toprule", *_stacked(level, len(level)),
        r"\midrule", *rows, r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip


def _stacked(cells: Sequence[str], lead: int) -> Iterator[str]:
    """The lines of a row; from the second on those of the columns after `lead` are small, as intervals are."""
    lines = [*zip_longest(*map(lines_of, cells), fillvalue="")]
    for place, line in enumerate(lines, 1):
        texts = [_signs(escape(text)) for text in line]
        drawn = [_small(text) if place > 1 and column >= lead else text for column, text in enumerate(texts)]
        yield _row(drawn, r"\\" if place == len(lines) else r"\\[-0.6ex]")


def _aside(task: str, table: TextTable) -> str:
    """A table beside the board's, with a line break in its cells where they hold several names."""
    width = f"p{{{0.9 / len(table.headings):.2f}\\linewidth}}"
    caption = f"{escape(task)}: {escape(table.title)}. {escape(table.meaning)}"
    lines = _tabular_of(one_line_each(replace(table, alignments=width * len(table.headings))))
    return _environment(caption, f"{task}-{table.title.lower()}", lines)


def _environment(caption: str, label: str, lines: Sequence[str]) -> str:
    """The lines in a `table` environment, its caption above them."""
    labelled = [rf"\caption{{{caption}}}", rf"\label{{tab:{_label(label)}}}"]
    begun = [r"\begin{table}[htbp]", r"\centering", r"\small"]
    return "\n".join([*begun, *labelled, *lines, r"\end{table}"]) + "\n"


def _signs(text: str) -> str:
    """The text with a minus sign before numbers, where it has a hyphen."""
    return re.sub(r"(?<![\w.})])-(?=\d)", "$-$", text)


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def _legend(content: BoardPage) -> str:
    cells = [cell for table in content.tables for block in table.blocks for line in block for cell in line.cells]
    best = r" \textbf{Bold}: rank 1 on that metric, where not most rows have it." if content.marks_best else ""
    intervals = r" In brackets: 95\,\% intervals." if any(cell.interval for cell in cells) else ""
    spreads = r" $\pm$: standard deviation between seeds." if any(cell.spread for cell in cells) else ""
    return best + intervals + spreads


def _tabular(table: BoardTable, content: BoardPage) -> list[str]:
    lead, last = [r"\#", "Model"] if table.ranked else ["Model"], ["Seeds"] if table.seeded else []
    columns = ("rl" if table.ranked else "l") + "r" * len(table.metrics) + "l" * len(last)
    measured = sum(len(one.blocks) for one in content.tables if one.ranked)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _row([*lead, *map(escape, table.metrics), *last])]
    for index, block in enumerate(table.blocks):
        lines.append(r"\midrule")
        if index == measured:
            lines.append(_row([rf"\multicolumn{{{len(columns)}}}{{l}}{{\textit{{reported, not ranked}}}}"]))
        lines += [text for line in block for text in _lines(line, table)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _lines(line: BoardLine, table: BoardTable) -> Iterator[str]:
    """The row, and where it has any a second one with the intervals."""
    intervals = line.between or any(cell.interval for cell in line.cells)
    rank, seeds = [line.rank] if table.ranked else [], [line.seeds.replace("-", "--")] if table.seeded else []
    yield _row([*rank, escape(line.model), *map(_value, line.cells), *seeds], r"\\[-0.6ex]" if intervals else r"\\")
    if intervals:
        between = [_small(line.between.replace("-", "--"))] if table.ranked else []
        yield _row([*between, "", *map(_interval, line.cells), *([""] if table.seeded else [])], r"\\")


def _value(cell: ScoreCell) -> str:
    if cell == ScoreCell():
        return "--"
    value = f"{_number(cell.value)} $\\pm$ {_number(cell.spread)}" if cell.spread else _number(cell.value)
    return rf"\textbf{{{value}}}" if cell.best else value


def _interval(cell: ScoreCell) -> str:
    ends = cell.interval.strip("[]").split(", ")
    return _small(f"[{', '.join(map(_number, ends))}]") if cell.interval else ""


def _small(text: str) -> str:
    return rf"{{\scriptsize {text}}}" if text else ""


def _number(text: str) -> str:
    return f"$-${text[1:]}" if text.startswith("-") else escape(text)


def _row(cells: list[str], end: str = r"\\") -> str:
    return f"  {' & '.join(cells)} {end}"


def _notes(content: BoardPage) -> list[str]:
    return _below([note.replace(HINT, "") for note in content.notes])


def _below(notes: Sequence[str]) -> list[str]:
    """The notes below a table, a paragraph each."""
    said = [rf"{escape(note)}\par" for note in notes]
    return [r"\par\smallskip\raggedright\footnotesize", *said] if said else []
