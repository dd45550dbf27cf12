"""The fenced blocks of a Markdown page, for the tests of the pages.

Knows fences of backticks, indented ones too. Refuses a block without an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTHON, TOML = ("python", "py"), ("toml",)


class Block(NamedTuple):
    """A fenced block: its language, the line that it starts on, and its text."""

    language: str
    line: int
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, those indented under a list item too."""
    fence, language, start, lines = None, "", 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        stripped = line.strip()
        if fence is None and (opened := re.match(r"(`{3,})\s*(\w*)", stripped)):
            fence, language, start, lines = opened[1], opened[2], number, []
        elif fence is not None and stripped == fence:
            yield Block(language, start, "\n".join(lines) + "\n")
            fence = None
        elif fence is not None:
            lines.append(line)
    assert fence is None, f"{page.name}: the block of line {start} has no end"
