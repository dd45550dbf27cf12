"""Whatever is printed is printed: in ASCII where the terminal has nothing better."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.row_labels import TRUTH_MARK
from ldbench.cli.printing import print_anything
from ldbench.report.tables.headline import ARROWS


def printed(text: str, encoding: str, errors: str = "strict") -> str:
    """What reaches a standard output of that encoding."""
    raw, before = io.BytesIO(), sys.stdout
    sys.stdout = io.TextIOWrapper(raw, encoding, errors, newline="\n", write_through=True)
    try:
        print_anything()
        sys.stdout.write(text)
        return raw.getvalue().decode(encoding)
    finally:
        sys.stdout = before


@given(st.text(st.characters()), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8", "koi8-r", "utf-16"]))
def test_no_text_stops_a_command_and_what_can_be_encoded_stays(text: str, encoding: str) -> None:
    after = printed(text, encoding)
    if text.encode(encoding, "ignore").decode(encoding) == text:
        assert after == text
    else:
        assert after != text


@given(st.binary(max_size=20).filter(lambda raw: b"\0" not in raw))
def test_a_file_name_of_any_bytes_is_printed(raw: bytes) -> None:
    for encoding in ("ascii", "utf-8"):
        assert printed(os.fsdecode(raw), encoding)[:1] == os.fsdecode(raw)[:1] or raw[:1] > b"\x7f"


def test_the_signs_of_tables_have_likes_in_ascii() -> None:
    signs = "".join(ARROWS.values()) + TRUTH_MARK + "±≤≥─"
    assert printed(signs, "ascii") == "v^++-<=>=-"
    assert printed(signs, "utf-8") == signs
    assert printed("±", "latin-1") == "±"
    assert printed("\U0001f9e0 \udce4", "ascii") == "\\U0001f9e0 \\udce4"


def test_a_stream_that_takes_everything_or_is_none_of_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed("é", "ascii", "replace") == "?"
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        print_anything()


def test_the_program_prints_to_a_latin_1_log() -> None:
    script = "import ldbench.cli.main as m, typer; m.app = lambda: typer.echo('FID \u2193'); m.main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"FID v\n"), done.stderr
