"""The one table of text: aligned on a terminal, and whole in Markdown whatever its cells hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ldbench.records.names import one_line
from ldbench.report.tables.text_table import Strong, TextTable, escape, to_markdown, to_terminal

SCORES = TextTable(
    ("model", "fid ↓"), [("sd", "271"), None, ("basic-ft", Strong("64 ± 2", "[46, 81]"))], "lr", "Scores"
)
# what Markdown, HTML, rich and a terminal each take for more than text
MARKUP = "\\`*_{}[]<>|~&#;-+!()\"'=.:/ \t\n\r\x1b\x85\u2028aé1日"
TEXTS = st.text(max_size=30) | st.text(alphabet=MARKUP, max_size=30) | st.sampled_from([
    "| a | b |", "&lt;b&gt;", "&#124;", "<script>", "[x](y)", "![x](y)", "# x", "- x", "**x**", "\\", "\\|", "`|`",
    "[red]x[/]", "a\nb", "\ud800", "~~x~~", "<!--", "https://example.org",
])
COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def test_a_table_on_the_terminal() -> None:
    assert to_terminal(SCORES) == (
        "Scores\n"
        "model               fid ↓\n"
        "─────────────────────────\n"
        "sd                    271\n"
        "─────────────────────────\n"
        "basic-ft  64 ± 2 [46, 81]\n"
    )


def test_a_table_in_markdown() -> None:
    assert to_markdown(SCORES, level=3) == (
        "### Scores\n\n| model | fid ↓ |\n| :-- | --: |\n| sd | 271 |\n| basic-ft | **64 ± 2** \\[46, 81\\] |"
    )


def test_without_headings_the_terminal_shows_rows_alone() -> None:
    assert to_terminal(TextTable((), [("a", ">", "b"), ("long", "~", "c")], "lll")) == "a     >  b\nlong  ~  c\n"


def test_wide_characters_take_two_columns() -> None:
    assert to_terminal(TextTable((), [("日本", "1"), ("abcd", "2")], "ll")) == "日本  1\nabcd  2\n"


def parsed(markdown: str) -> list[list[str]]:
    """The cells of the one table that the text is, row by row, as a reader sees them."""
    tokens = COMMONMARK.parse(markdown)
    assert [token.type for token in tokens].count("table_open") == 1
    assert (tokens[0].type, tokens[-1].type) == ("table_open", "table_close")
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            parts = token.children or []
            assert {part.type for part in parts} <= {"text", "text_special", "strong_open", "strong_close"}
            rows[-1].append("".join(part.content for part in parts))
    return rows


@given(TEXTS, TEXTS)
def test_no_cell_breaks_a_table_in_markdown(one: str, two: str) -> None:
    table = TextTable((f"h{two}", "b"), [(one, two), (f"x{two}", Strong(f"x{one}x"))], "lr")
    expected = [[f"h{two}", "b"], [one, two], [f"x{two}", f"x{one}x"]]
    assert parsed(to_markdown(table)) == [[one_line(cell) for cell in row] for row in expected]


@given(TEXTS)
def test_no_cell_breaks_a_table_on_the_terminal(text: str) -> None:
    lines = to_terminal(TextTable(("a", "b"), [(text, "x"), ("y", text), ("z", Strong(text))], "ll")).splitlines()
    assert len(lines) == 5
    assert all(one_line(text) in line for line in lines[2:])
    assert not [character for line in lines for character in line if ord(character) < 32 or 127 <= ord(character) < 160]


def test_a_dollar_begins_no_formula() -> None:
    assert escape("$x$") == r"\$x\$"


@pytest.mark.parametrize("text", ["$x$", "# x", "- x", "+ x", "<b>", "[a](b)", "**x**", "&lt;", "a\n\nb", "`x`"])
def test_escaped_text_is_one_paragraph_as_it_was(text: str) -> None:
    opened, inline, closed = COMMONMARK.parse(escape(text))
    assert (opened.type, closed.type) == ("paragraph_open", "paragraph_close")
    assert "".join(part.content for part in inline.children or []) == one_line(text)
