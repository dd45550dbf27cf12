"""The lines of `journal.csv`, of a preparation that may have been killed while it wrote one."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path


def journal_rows(path: Path) -> Iterator[list[str]]:
    """The cells of each whole line; a line of which only a head was written is passed over, wherever it stands."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            yield from csv.reader([line.decode()], strict=True)
        except (csv.Error, UnicodeDecodeError):  # a head that an earlier version ended: within quotes, or within a sign
            continue


def end_at_last_line(path: Path) -> None:
    """Cut off the head of a line, which the next line would be joined to."""
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)
