"""Names that a report gives to rows, such as Ours in a paper, and what each stands for.

A row is named by its label, by the folder of its runs or that folder's last letters, or by its model where that has one
row. Names change no rank and no key; files of leaderboards do not hold them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.board.row_labels import NamedRow, labels
from ldbench.errors import UnknownNameError, UsageError
from ldbench.records.names import one_line
from ldbench.records.run_folder import RunFolder

OPTION = "--name"


def with_names(results: BoardSet, given: Sequence[str]) -> BoardSet:
    """The boards with their rows called as `given`, each as ROW=NAME; a name holds in every task that has the row.

    Raises `UnknownNameError` for a row that no board has, `UsageError` for what names no row or several of one board,
    and where two rows of a board would have one name.
    """
    if not given:
        return results
    handles = {task: _handles(board) for task, board in results.boards.items()}
    known = {handle for of_board in handles.values() for handle in of_board}
    pairs = [_pair(text, known, handles) for text in given]
    return replace(results, boards={
        task: _named(board, handles[task], pairs) for task, board in results.boards.items()
    })  # fmt: skip


def name_notes(rows: Iterable[BoardRow]) -> list[str]:
    """What the names stand for, in one note; nothing where none was given."""
    said = [f"{row.called} is {row.stands_for}" for row in rows if isinstance(row, NamedRow)]
    return [f"Names given for this report: {'; '.join(said)}."] if said else []


def _handles(board: Leaderboard) -> dict[str, list[BoardRow]]:
    """The rows of a board by all that they may be named by."""
    names, found = labels(board.rows), dict[str, list[BoardRow]]()
    for row in board.rows:
        for handle in dict.fromkeys([names.of(row), row.model.name, *_folders(row)]):
            found.setdefault(handle, []).append(row)
    for row in board.rows:
        found[names.of(row)] = [row]  # a label may be another one's model
    return found


def _folders(row: BoardRow) -> list[str]:
    """The folder of a row's runs and what it ends with; none of a published row."""
    if row.origin == "reported":
        return []
    folder = RunFolder.of(Path(), "task", row.model, 0).path.parent.name
    return [folder, folder.rpartition("-")[2]]


def _pair(text: str, known: Iterable[str], handles: Mapping[str, Mapping[str, Sequence[BoardRow]]]) -> tuple[str, str]:
    """The row and the name of ROW=NAME, of which either may have signs of equality: the longest known row counts."""
    cuts = [place for place, letter in enumerate(text) if letter == "="]
    pairs = [(text[:place].strip(), one_line(text[place + 1 :]).strip()) for place in reversed(cuts)]
    if not pairs:
        raise UsageError(f'{OPTION}: expected ROW=NAME, such as "basic-ft-ld=Ours", got {text!r}; put = between them')
    row, name = next((pair for pair in pairs if pair[0] in known), pairs[0])
    if row not in known:
        listed = dict.fromkeys(_told(*one, of_board) for of_board in handles.values() for one in of_board.items())
        shown = ", ".join(filter(None, listed))
        raise UnknownNameError(f"{OPTION}: unknown row {row!r}: known: {shown}; name one of these")
    if not name:
        raise UsageError(f"{OPTION}: expected a name after {row}=, got none; give the row one")
    return row, name


def _told(handle: str, rows: Sequence[BoardRow], of_board: Mapping[str, Sequence[BoardRow]]) -> str:
    """A row's label with the end of its folder, where that is no other row's; "" for what is no label."""
    folders = _folders(rows[0])
    if handle in folders or len(rows) > 1:
        return ""
    return f"{handle} or {folders[1]}" if folders and len(of_board[folders[1]]) == 1 else handle


def _named(
    board: Leaderboard, handles: Mapping[str, Sequence[BoardRow]], pairs: Sequence[tuple[str, str]]
) -> Leaderboard:
    names, called = labels(board.rows), dict[str, str]()
    for handle, name in pairs:
        rows = handles.get(handle, ())
        if len(rows) > 1:
            several = "; ".join(map(names.of, rows))
            got = f"got {len(rows)}: {several}; give one of these whole"
            raise UsageError(f"{OPTION} {handle}: expected one row, {got}")
        for row in rows:
            label = names.of(row)
            if called.setdefault(label, name) != name:
                raise UsageError(f"{OPTION}: expected one name for {label}, got {called[label]} and {name}; drop one")
    counts = Counter(called.get(names.of(row), names.of(row)) for row in board.rows)
    for name in called.values():
        if counts[name] > 1:
            got = f"got {name} for {counts[name]}; give others"
            raise UsageError(f"{OPTION}: expected another name for each row, {got}")
    own = ((row, names.of(row)) for row in board.rows)
    return replace(board, rows=tuple(_with_name(row, called.get(label), label) for row, label in own))


def _with_name(row: BoardRow, name: str | None, label: str) -> BoardRow:
    if name is None:
        return row
    return NamedRow(**{each.name: getattr(row, each.name) for each in fields(BoardRow)}, called=name, stands_for=label)
