"""Templates to text, escaped throughout, under a policy that lets a page load nothing but itself.

Refuses inline handlers and inline styles: the policy names each style and script by its hash, or the site's own files.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

ASSETS = ("page.css", "theme.js", "page.js")


@dataclass(frozen=True)
class Look:
    """Style and scripts of a page: their text where they stand in it, else the address of their folder."""

    policy: str
    css: Markup | None
    theme: Markup | None
    script: Markup | None
    folder: str = "assets"


def asset(name: str) -> str:
    """The text of a style or script."""
    return files("ldbench.report.html").joinpath("templates", name).read_text(encoding="utf-8")


def inside() -> Look:
    """All in the page, each named in the policy by its SHA-256."""
    css, theme, script = map(asset, ASSETS)
    policy = _policy("img-src data:", f"style-src {_hash(css)}", f"script-src {_hash(theme)} {_hash(script)}")
    return Look(policy, Markup(css), Markup(theme), Markup(script))


def beside() -> Look:
    """All in files of the site."""
    return Look(_policy("img-src 'self'", "style-src 'self'", "script-src 'self'"), None, None, None)


def pieces(template: str, content: Mapping[str, object]) -> Iterator[str]:
    """The filled template piece by piece, so that a page of many pictures is never in memory as a whole."""
    environment = Environment(
        loader=PackageLoader("ldbench.report.html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )
    return environment.get_template(template).generate(content)


def marked(blocks: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Markup]]:
    """Blocks of JSON without `<`, marked as safe inside a script element."""
    return ((name, Markup(text)) for name, text in blocks)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _policy(*parts: str) -> str:
    return "; ".join(["default-src 'none'", *parts, "base-uri 'none'", "form-action 'none'"])
