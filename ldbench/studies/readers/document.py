"""Strict reading of the two JSON files of a study: its answer key and readers' answers.

An answer file comes from another person's computer, so nothing in it is believed before it is checked: its size is
limited before it is read, NaN and repeated keys are refused, and its fields are those of a frozen dataclass, no more
and no less. An error is one line that names the file and the field.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from ldbench.errors import LdbenchError, ResultError
from ldbench.records.files import read_record, refuse_constant

T = TypeVar("T")
SCHEMA_VERSION = 1


class StudyError(LdbenchError):
    """An answer key or an answer file can't be read, was altered, or belongs to another study."""


def read_document(cls: type[T], path: Path, *, what: str, limit: int) -> T:
    """The JSON file at `path`, of at most `limit` bytes, as the frozen dataclass `cls`.

    `what` is what the file should be, for the messages. Raises `StudyError`.
    """
    remedy = "ask for it again"
    try:
        return read_record(cls, path, what, SCHEMA_VERSION, remedy, refuse_constant, limit)
    except ResultError as error:
        raise StudyError(str(error)) from error
