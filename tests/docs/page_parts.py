"""Parts of a page: its prose, its sections, the commands in it, the card that it builds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ldbench.plugins.kinds import METRICS
from tests.markdown_blocks import ROOT, TOML, blocks

BUILT_IN = [METRICS.load(entry.name) for entry in METRICS.entries() if entry.distribution == "ldbench"]
END = ("|", "||", "&&", ">", ">>", ";", "&")


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^ *(`{3,}).*?^ *\1 *$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def after_ldbench(line: str) -> list[str] | None:
    """The words that follow `ldbench` up to a pipe, a comment or the next command; None where it is not called."""
    if "ldbench" not in line:
        return None
    words = shlex.split(line, comments=True)
    words = words[1:] if words[:1] == ["$"] else words
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:1] == ["ldbench"]:
        start = 1
    elif "-m" in words and words[words.index("-m") + 1 :][:1] == ["ldbench"]:
        start = words.index("-m") + 2
    else:
        return None
    rest = words[start:]
    stop = next((place for place, word in enumerate(rest) if word in END), len(rest))
    return rest[:stop]


def section(page: str, heading: str) -> str:
    """The text below a heading of the second level, up to the next one; blanks made one."""
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page, flags=re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def editing_card() -> str:
    """docs/adding-a-task.md's editing card: the first card changed as the page says, and the rest below it."""
    whole, *_, added = [block.text for block in blocks(ROOT / "docs/adding-a-task.md") if block.language in TOML]
    changes = {"text-to-image": "disease-counterfactual", "shapes-t2i": "shapes-edit", "cases = 30": "cases = 12"}
    text = whole.partition("[metrics.fid]")[0]
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text + added
