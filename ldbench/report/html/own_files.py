"""Whether the files that a report would replace are its own: pages name their generator, a site's files go with them.

Nothing of somebody else's is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.records.own_files import check_own, marked

_IS_PAGE = marked(b'<meta name="generator" content="ldbench">')  # templates/base.html


def check_pages(pages: Sequence[Path], assets: Mapping[Path, str]) -> None:
    """Raise `ResultError` where a page would replace a file that is no page of `ldbench report`.

    `assets` are a site's further files with their texts. Where its index, the first of the pages, is not there yet,
    they must be absent, or have this text, as a report that was stopped leaves them.
    """
    check_own(pages, _IS_PAGE, "ldbench report")
    if assets and not pages[0].is_file():
        check_own(assets, lambda path: path.read_bytes() == assets[path].encode(), "ldbench report")
