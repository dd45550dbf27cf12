"""Leaderboard files from result files, all of them at once: written, or compared with those that are there.

A leaderboard is a pure fold, so the files must be rebuilt byte for byte; where they are not, a result was changed, was
added or is missing. A comparison writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ldbench.board import leaderboard
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.files import got_instead
from ldbench.records.names import slug
from ldbench.records.own_files import write_own
from ldbench.report.tables import markdown


def texts(boards: Mapping[str, Leaderboard]) -> dict[str, str]:
    """By file name, the JSON and the Markdown (without pictures) of every leaderboard, given by task."""
    files: dict[str, str] = {}
    for task, board in boards.items():
        name = slug(task)
        files[f"{name}.json"], files[f"{name}.md"] = leaderboard.dumps(board), markdown.render(board)
    return files


def rebuild(boards: Mapping[str, Leaderboard], out: Path) -> list[Path]:
    """Write every leaderboard below `out` and return the files; `ResultError` for a file there that is none."""
    return write_own({out / name: text for name, text in texts(boards).items()}, "ldbench leaderboard build")


def differences(boards: Mapping[str, Leaderboard], out: Path) -> list[str]:
    """One line a file below `out` that is not what the results make, with the first field or line that differs.

    A leaderboard below `out` that no result makes is one of them. Empty where all are equal, byte for byte.
    """
    made = texts(boards)
    found = [_difference(out / name, text) for name, text in made.items()]
    found += [f"{path}: no result makes it" for path in sorted(out.glob("*.json"))
              if path.name not in made and _is_leaderboard(path)]
    return [line for line in found if line]


def _difference(path: Path, text: str) -> str:
    try:
        there = path.read_bytes()
    except OSError as error:
        return f"{path}: can't be read: {error.strerror}"
    if there == text.encode("utf-8", "backslashreplace"):
        return ""
    was = there.decode("utf-8", errors="replace")
    if path.suffix == ".json":
        try:
            where = _first_field(json.loads(was), json.loads(text), "")
        except ValueError as error:
            return f"{path}: expected JSON, got {got_instead(error)}"
        return f"{path}: {where or 'equal fields, but other bytes: white space or the order of keys'}"
    return f"{path}: {_first_line(was, text)}"


def _first_field(there: object, made: object, key: str) -> str:
    """The first field in the files' order that is not the same: "rows[0].seeds[1]: 3 there, 4 by the results"."""
    if isinstance(there, dict) and isinstance(made, dict):
        pairs = [(f"{key}.{name}" if key else name, there.get(name, _ABSENT), made.get(name, _ABSENT))
                 for name in sorted({*there, *made})]
    elif isinstance(there, list) and isinstance(made, list):
        if len(there) != len(made):
            return f"{key}: {len(there)} of them there, {len(made)} by the results"
        pairs = [(f"{key}[{index}]", *both) for index, both in enumerate(zip(there, made, strict=True))]
    else:
        same = type(there) is type(made) and there == made
        return "" if same else f"{key}: {_shown(there)} there, {_shown(made)} by the results"
    return next((found for name, one, two in pairs if (found := _first_field(one, two, name))), "")


_ABSENT = object()


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else f"{json.dumps(value, ensure_ascii=False):.60}"


def _first_line(there: str, made: str) -> str:
    """Line and column, from 1, of the first character that is not the same, with what follows on both sides."""
    lines = (there.splitlines(), made.splitlines())
    for number in range(max(map(len, lines))):
        one, two = (of[number] if number < len(of) else "" for of in lines)
        if one != two:
            pairs = enumerate(zip(one, two, strict=False))
            column = next((index for index, (a, b) in pairs if a != b), min(len(one), len(two)))
            was, now = (f"{line[column:] or 'nothing'!r:.40}" for line in (one, two))
            return f"line {number + 1}, column {column + 1}: {was} there, {now} by the results"
    return "other line ends"


def _is_leaderboard(path: Path) -> bool:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and {"task", "rows", "metrics"} <= record.keys()
