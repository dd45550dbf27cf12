"""Results of a test as commands and boards meet them: with the paths of their files, or in files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ldbench.records import result as result_file
from ldbench.records.identity import Found
from ldbench.records.result import Result


def numbered(results: Iterable[Result]) -> list[Found]:
    """Each with a path of its own."""
    return [(f"{index}/result.json", one) for index, one in enumerate(results)]


def lay(folder: Path, results: Iterable[Result]) -> Path:
    """The folder, with a file of each result below it."""
    for name, one in numbered(results):
        result_file.write(one, folder / name)
    return folder


def lay_unreadable(folder: Path) -> Path:
    """A result.json below the folder that is no JSON."""
    file = folder / "bad" / "result.json"
    file.parent.mkdir(parents=True)
    file.write_text("{", encoding="utf-8")
    return file
