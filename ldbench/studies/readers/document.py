"""Strict reading of the two JSON files of a study: its answer key and readers' answers.

An answer file comes from another person's computer, so nothing in it is believed before it is checked: its size is
limited before it is read, NaN and repeated keys are refused, and its fields are those of a frozen dataclass, no more
and no less. Refuses with one line that names the file and the field.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from ldbench.errors import LdbenchError
from ldbench.records.names import one_line
from ldbench.records.typed import TypedError, build

T = TypeVar("T")
SCHEMA_VERSION = 1


class StudyError(LdbenchError):
    """An answer key or an answer file can't be read, was altered, or belongs to another study."""


def read_document(cls: type[T], path: Path, *, what: str, limit: int) -> T:
    """The JSON file at `path`, of at most `limit` bytes, as the frozen dataclass `cls`.

    `what` is what the file should be, for the messages. Raises `StudyError`.
    """
    table = _object(path, what, limit)
    if table.get("schema_version") != SCHEMA_VERSION or type(table["schema_version"]) is not int:
        raise StudyError(
            f"{path}: expected {what} of schema_version {SCHEMA_VERSION}, got {table.get('schema_version')!r:.40}"
        )
    try:
        document: T = build(cls, table)
    except TypedError as error:
        raise StudyError(f"{path}:{error}; expected {what}") from error
    return document


def _object(path: Path, what: str, limit: int) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise StudyError(f"can't read {path}: {error.strerror}; expected {what}") from error
    if len(raw) > limit:
        raise StudyError(f"{path}: expected {what} of at most {limit} bytes, got more; is it the right file?")
    try:
        table = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)
    except (ValueError, RecursionError) as error:
        reason = "lists too deep" if isinstance(error, RecursionError) else one_line(str(error))
        raise StudyError(f"{path}: expected {what}, got no valid JSON ({reason:.80}); ask for it again") from error
    if not isinstance(table, dict):
        raise StudyError(f"{path}: expected {what}, got a {type(table).__name__}; is it the right file?")
    return table


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key given twice in one object")
    return table
