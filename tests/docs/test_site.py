"""The documentation site: every page has its place, and nothing is asked of another host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.markdown_blocks import ROOT

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
FROM_OUTSIDE = re.compile(r"<(?:script|img|iframe|link)[^>]*\s(?:src|href)=\"?(?:https?:)?//")


def listed(nav: list[Any]) -> Iterator[str]:
    """The pages of the navigation, in order."""
    for entry in nav:
        for target in entry.values():
            yield from [target] if isinstance(target, str) else listed(target)


def test_the_navigation_lists_every_page_once() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    entries = list(listed(CONFIG["nav"]))
    assert sorted(entries) == sorted(pages)


def test_the_site_lands_where_git_does_not_look() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", f"{CONFIG['site_dir']}/index.html"], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra docs; `make docs` installs it and builds")
def test_the_site_is_built_without_a_complaint_and_asks_nothing_of_another_host(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 25
    assert not [page.name for page in pages if FROM_OUTSIDE.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ('<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>', True),
        ('<script src="//cdn.example/a.js">', True),
        ('<img src="images/report-page.png">', False),
        ('<a href="https://arxiv.org/abs/2309.15842">', False),
    ],
)
def test_what_is_asked_of_another_host_is_found(text: str, outside: bool) -> None:
    assert bool(FROM_OUTSIDE.search(text)) is outside
