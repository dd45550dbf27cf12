"""Where a page's pictures are kept: inside the page as base64, or beside it as files.

A picture's address is what the page's script is given for it: base64 text or a path relative to the page.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ldbench.records.files import refusal


class Shelf(Protocol):
    """Takes pictures and gives their addresses."""

    @property
    def kind(self) -> Literal["data", "file"]:
        """What its addresses are."""

    def put(self, folder: str, name: str, png: bytes) -> str:
        """Keep a picture; its address."""


@dataclass(frozen=True)
class Inside:
    """Pictures as base64 in the page."""

    kind: Literal["data", "file"] = "data"

    def put(self, folder: str, name: str, png: bytes) -> str:
        """The picture's base64; folder and name are not needed."""
        return base64.b64encode(png).decode("ascii")


@dataclass(frozen=True)
class Beside:
    """Pictures as files in `root/pictures`."""

    root: Path
    kind: Literal["data", "file"] = "file"
    _folders: set[Path] = field(default_factory=set)

    def put(self, folder: str, name: str, png: bytes) -> str:
        """Write the file; its path relative to `root`. Raises `ResultError` where it can't be written."""
        address = f"pictures/{folder}/{name}.png"
        target = self.root / address
        with refusal(f"write {target}"):
            if target.parent not in self._folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(target.parent)
            if not _holds(target, png):
                target.unlink(missing_ok=True)  # overwriting flushes each file on some systems: 90 s for 20,000
                target.write_bytes(png)
        return address


def _holds(target: Path, png: bytes) -> bool:
    """Whether the file is there with these bytes, from an earlier report."""
    return target.is_file() and target.stat().st_size == len(png) and target.read_bytes() == png
