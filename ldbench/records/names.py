"""Foreign text made harmless: names of files and folders that stay where they are put, and texts of one line.

Refuses separators and leading dots: a third party's task id must not lead out of the report's folder.
"""

from __future__ import annotations

import hashlib
import re

_LONGEST = 80
# with lone surrogates, which JSON can spell and no file holds
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def slug(name: str) -> str:
    """The name in letters that need no quoting; one that had others, or is long, gets a hash, so no two names meet."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_LONGEST]
    return plain if plain == name else f"{plain}-{digest(name)}"


def digest(text: str) -> str:
    """Eight hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def one_line(text: str) -> str:
    """The text with every run of white space and control characters, line ends included, as one space."""
    return " ".join(CONTROL.sub(" ", text).split())
