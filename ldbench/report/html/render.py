"""The one way into a page: templates escaped throughout, and what a page holds inside itself under a policy.

Pages of results and of reader studies are both made here. Each loads nothing but itself: its policy names each style
and script by its hash, or the site's own files. The policy allows no inline handler and no inline style.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

HERE = "ldbench.report.html"
ASSETS = ("page.css", "theme.js", "page.js")


@dataclass(frozen=True)
class Look:
    """Style and scripts of a page: their text where they stand in it, else the address of their folder."""

    policy: str
    css: Markup | None = None
    theme: Markup | None = None
    script: Markup | None = None
    folder: str = "assets"


def asset(name: str, package: str = HERE) -> str:
    """The text of a style or script among a package's templates."""
    return files(package).joinpath("templates", name).read_text(encoding="utf-8")


def inside(css: str = "page.css", theme: str | None = "theme.js", script: str = "page.js", package: str = HERE) -> Look:
    """All in the page, each named in the policy by its SHA-256; `theme` is the script that runs before all else."""
    style, *scripts = (asset(name, package) for name in (css, theme, script) if name is not None)
    hashes = " ".join(map(_hash, scripts))
    policy = _policy("img-src data:", f"style-src {_hash(style)}", f"script-src {hashes}")
    return Look(policy, Markup(style), Markup(scripts[0]) if theme else None, Markup(scripts[-1]))


def beside() -> Look:
    """All in files of the site."""
    return Look(_policy("img-src 'self'", "style-src 'self'", "script-src 'self'"))


def pieces(template: str, content: Mapping[str, object], package: str = HERE) -> Iterator[str]:
    """The filled template of a package piece by piece, so that a page of many pictures is never in memory as a whole.

    It may extend and import the templates of this package.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in dict.fromkeys((package, HERE))]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )
    return environment.get_template(template).generate(content)


def script_json(value: object) -> Markup:
    """JSON that is safe inside a script element: without `<` neither its end nor a comment can be spelt."""
    return htmlsafe_json_dumps(value, separators=(",", ":"), ensure_ascii=True)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _policy(*parts: str) -> str:
    return "; ".join(["default-src 'none'", *parts, "base-uri 'none'", "form-action 'none'"])
