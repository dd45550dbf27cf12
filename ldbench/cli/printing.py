"""Standard output that takes every text: what its encoding lacks is written in ASCII. And an error as one line.

A log of a cluster, a Latin-1 terminal or a pipe has no arrows and no file names that aren't text. That stops no
command.
"""

from __future__ import annotations

import codecs
import os
import sys
import traceback
from io import TextIOWrapper
from shutil import get_terminal_size

import typer

from ldbench.errors import LdbenchError
from ldbench.records.names import one_line, reason

TRACEBACK = "LDBENCH_TRACEBACK"  # set to anything: below an error's line, where it was raised
_ASCII = {
    "\u2193": "v", "\u2191": "^", "\u00b1": "+-", "\u2020": "+", "\u2500": "-", "\u03b4": "delta", "\u2264": "<=",
    "\u2265": ">=", "\u00d7": "x", "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2026": "...",
}
_HANDLER = "ldbench-ascii"


def print_anything() -> None:
    """Let standard output replace what it can't encode. A stream that somebody put in its place is left alone."""
    codecs.register_error(_HANDLER, _in_ascii)
    stream = sys.stdout
    if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors=_HANDLER)


def output_width() -> int:
    """Columns of the terminal that standard output is. A file or pipe has as many as any file, whatever terminal it is
    written from, and whatever `COLUMNS` or `FORCE_COLOR` say."""
    from ldbench.report.tables.terminal import DEFAULT_WIDTH

    return get_terminal_size((DEFAULT_WIDTH, 0)).columns if sys.stdout.isatty() else DEFAULT_WIDTH


def print_error(error: Exception, label: str = "") -> None:
    """One line on standard error and, for whoever asks by `LDBENCH_TRACEBACK`, the traceback below it.

    Of an error that is none of ours the line has the kind, too, and the notes that were added to it.
    """
    said = str(error) if isinstance(error, LdbenchError) else reason(error)
    line = "; ".join([said, *getattr(error, "__notes__", ())])
    typer.echo(f"error: {label}{one_line(line)}", err=True)
    if os.environ.get(TRACEBACK):
        typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """For `codecs`: signs by their likes in ASCII, all else as Python escapes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(letter) or ascii(letter)[1:-1] for letter in text), error.end
