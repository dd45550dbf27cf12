"""Foreign text made harmless: names of files and folders that stay where they are put, and texts of one line.

A name made here has no separator and no leading dot: a third party's task id must not lead out of the report's folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePath

_LONGEST = 80
_LONGEST_FILE = 255  # bytes that file systems give a name
# with lone surrogates, which JSON can spell and no file holds
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # turn the order of letters, so that names look like others


def plain(name: str, also: str = "") -> str:
    """The name with a dash for each run of letters that need quoting, those in `also` aside; may be empty."""
    return re.sub(rf"[^A-Za-z0-9._{also}-]+", "-", name).strip("-.")


def slug(name: str) -> str:
    """The name in letters that need no quoting; one that had others, or is long, gets a hash, so no two names meet."""
    short = plain(name)[:_LONGEST]
    return short if short == name else f"{short}-{digest(name)}"


def names_folder(name: str) -> bool:
    """Whether the name, as it stands, is that of a folder below another one; it may have several parts."""
    path = PurePath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and name == seen(name) and all(len(part.encode()) <= _LONGEST_FILE for part in path.parts)


def digest(text: str, digits: int = 8) -> str:
    """The first hexadecimal digits of the text's SHA-256, of 64."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def one_line(text: str) -> str:
    """The text with every run of white space and control characters, line ends included, as one space."""
    return " ".join(seen(text).split())


def seen(text: str) -> str:
    """The text with a space for each control character, and its letters in the order in which they stand."""
    return CONTROL.sub(" ", _TURNING.sub("", text))


def unsaid(line: str) -> None:
    """Takes a line and says it to nobody."""


def readable_json(value: object) -> str:
    """The value as JSON with its letters as they are; only characters that can't be seen are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def message(error: BaseException, longest: int = 300) -> str:
    """What somebody else's error says, short enough for one line."""
    return one_line(str(error))[:longest] or "no message"


def reason(error: BaseException) -> str:
    """The kind of somebody else's error and what it says, for one line."""
    return f"{type(error).__name__}: {message(error)}"


def in_bytes(count: float) -> str:
    """A size for people: 3.5 GiB, 12.0 MiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
