"""Whether the files that a report would replace are its own: pages name their generator, a site's files go with them.

Nothing of somebody else's is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.errors import ResultError

_MARK = b'<meta name="generator" content="ldbench">'  # templates/base.html
_HEAD = 4096  # bytes, which hold the mark


def check_own(pages: Sequence[Path], assets: Mapping[Path, str]) -> None:
    """Raise `ResultError` where a page would replace a file that is no page of ldbench.

    `assets` are a site's further files with their texts. Where its index, the first of the pages, is not there yet,
    they must be absent, or have this text, as a report that was stopped leaves them.
    """
    foreign = [page for page in pages if page.is_file() and not _is_page(page)]
    if assets and not pages[0].is_file():
        foreign += [path for path, text in assets.items() if path.is_file() and path.read_bytes() != text.encode()]
    if foreign:
        raise ResultError(
            f"{foreign[0]}: expected a file of `ldbench report` or none, got another; move it, or choose another --out"
        )


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK in file.read(_HEAD)
