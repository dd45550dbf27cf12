"""The tables of docs/results and of the README, written from the committed boards and results.

    python -m leaderboards.pages            # writes the pages anew
    python -m leaderboards.pages --check    # names the pages that are not up to date; exit code 1 if any

A page holds the place of a table between two comments, and whatever stands between them is replaced:

    <!-- board sandbox-brain-t2i -->
    <!-- end -->

`leaderboards/page_blocks.py` lists the words that may stand in the first comment. All else on a page is left as it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path

from ldbench.errors import LdbenchError, UsageError
from ldbench.records.files import write_text_atomic
from leaderboards.page_blocks import BLOCKS, INLINE, MeasuredBoards, read_measured

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs/results", ROOT / "README.md")
_BLOCK = re.compile(r"(?P<start><!-- (?P<words>[^<>]+?) -->)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL)


def renewed(text: str, measured: MeasuredBoards) -> str:
    """The page with every block as the boards make it; raises `UsageError` for words that name no block."""
    return _BLOCK.sub(lambda match: f"{match['start']}{_between(match['words'], measured)}{match['end']}", text)


def outside(text: str) -> str:
    """What of a page is written by hand."""
    return _BLOCK.sub("", text)


def _between(words: str, measured: MeasuredBoards) -> str:
    kind, *arguments = words.split()
    if kind not in BLOCKS:
        raise UsageError(f"<!-- {words} -->: expected one of {', '.join(BLOCKS)} first, got {kind}")
    try:
        signature(BLOCKS[kind]).bind(measured, *arguments)
    except TypeError as error:
        raise UsageError(f"<!-- {words} -->: {error}") from error
    text = BLOCKS[kind](measured, *arguments)
    return text if kind in INLINE else f"\n\n{text}\n\n"


def stale(paths: Sequence[Path], measured: MeasuredBoards) -> Iterator[tuple[Path, str]]:
    """The pages, and those in the folders, that are not what the boards make them, with what they should be."""
    for page in (page for path in paths for page in (sorted(path.glob("*.md")) if path.is_dir() else [path])):
        text = page.read_text(encoding="utf-8")
        if text != (now := renewed(text, measured)):
            yield page, now


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--boards", type=Path, default=ROOT / "leaderboards", help="where boards and results lie")
    parser.add_argument("--pages", type=Path, nargs="+", default=PAGES, help="pages, or folders of them")
    asked = parser.parse_args()
    try:
        pages = list(stale(asked.pages, read_measured(asked.boards)))
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    for page, text in pages:
        print(f"{page}: {'not up to date; run python -m leaderboards.pages' if asked.check else 'written'}")
        if not asked.check:
            write_text_atomic(page, text)
    sys.exit(1 if asked.check and pages else 0)


if __name__ == "__main__":
    main()
