"""CSV files as the world writes them: each reads to its own rows or is refused in one line, never to others."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.data.prepare.readers.csv_text import column_names, known
from ldbench.data.prepare.readers.folder_table import FolderRow, folder_rows, typed
from ldbench.errors import DataError

PLAIN = "image,subject,shape,age\n0.png,S0,round,50\n1.png,S1,square,51\n"
ROWS = [("0.png", "S0", "round", 50), ("1.png", "S1", "square", 51)]


def rows(path: Path) -> list[FolderRow]:
    return folder_rows(path, "shape", ("age",))


def read(folder: Path, content: bytes | str) -> list[tuple[str, str, object, object]]:
    path = folder / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row.image, row.subject, row.attributes.get("shape"), row.attributes.get("age")) for row in rows(path)]


UTF16 = codecs.BOM_UTF16_LE + PLAIN.replace(",", "\t").encode("utf-16-le")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN, PLAIN.replace(",", ";"), PLAIN.replace(",", "\t"), "sep=,\n" + PLAIN,
        "SEP=|\r\n" + PLAIN.replace(",", "|"),
        PLAIN.encode("utf-8-sig"), UTF16, PLAIN.encode("utf-16"), PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n"), PLAIN.replace("\n", "\r"), PLAIN.replace("\n", "\n\n"),
        PLAIN.replace(",", ", "), PLAIN.replace("shape", '"shape"').replace("round", ' "round"'),
        "image , subject,shape ,age\n" + PLAIN.split("\n", 1)[1],
        "," + PLAIN.replace("\n0", "\n0,0").replace("\n1", "\n1,1"),  # an index without a name
        PLAIN.replace("age\n", "age,\n").replace("50\n", "50,\n").replace("51\n", "51,\n"),
        PLAIN.replace("shape,", "shape,shape,").replace("round,", "round,round,").replace("square,", "square,square,"),
        PLAIN.replace("age\n", "age,note,note\n").replace("50\n", "50,a,b\n").replace("51\n", "51,,\n"),
        PLAIN.replace("age\n", "age,note\n").replace("50\n", "50,\"a,\nb\"\n").replace("51\n", "51,\n"),
        PLAIN.replace("age\n", "age,note\n").replace("50\n", "50,Größe\n").replace("51\n", "51,\n").encode("cp1252"),
    ],
)  # fmt: skip
def test_one_table_in_many_spellings(content: bytes | str, tmp_path: Path) -> None:
    assert read(tmp_path, content) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PLAIN.replace("50", "50,"), r"expected 4 cells a row, got more \(5\) in line 2"),
        (PLAIN.replace("50\n", "50,\n").replace("51\n", "51,\n"), r"got more \(5\) in line 2"),
        (PLAIN.replace(",51", ""), r"expected 4 cells a row, got fewer \(3\) in line 3"),
        (PLAIN.replace("square", '"square'), "got: unexpected end of data; check the quotation marks"),
        (PLAIN.replace("round", '"round').replace("square", 'square"'), "quoted cell over lines 2 to 3, each of them"),
        (PLAIN.replace("round", '"ro\nund"'), r"plain cell in column 'shape', got several lines \(line 2\)"),
        (PLAIN.replace("round", 'ro"und'), "got a quotation mark inside 1 unquoted cell, the first in column 'shape'"),
        (PLAIN.replace("round", 'a "b"').replace("S1", '1"'), "inside 2 unquoted cells, .* 'shape', line 2; repair"),
        (
            PLAIN.replace("age\n", "age,subject\n").replace("50", "50,Q").replace("51", "51,Q"),
            "one column 'subject', got 2 that differ",
        ),
        (PLAIN.replace("subject", ""), "expected a column 'subject'"),
        (PLAIN.replace("S1", "Sé").encode("cp1252"), "expected UTF-8, got another encoding .* 'subject', line 3; save"),
        (PLAIN.encode("utf-16-le"), "got NUL characters"), (UTF16[:-1], "got damaged UTF-16"),
        (PLAIN.split("\n", 1)[0], "expected rows below the header, got none"), (" \n\n", "got an empty file"),
        (PLAIN.replace("50", "NA").replace("51", ""), "expected values in column 'age', got only blank or missing"),
        (PLAIN.replace(",", ":"), "expected columns 'image', 'subject', 'shape', 'age', got 'image:subject"),
    ],
)
def test_what_is_not_certain_is_one_line_that_says_which(content: bytes | str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))
    assert "\n" not in str(caught.value)


def test_a_quoted_cell_may_hold_quotation_marks(tmp_path: Path) -> None:
    for written, held in (('"chest film, ""53"" years"', 'chest film, "53" years'), ('"""a"""', '"a"')):
        assert [row[2] for row in read(tmp_path, PLAIN.replace("round", written))] == [held, "square"]
    spare = PLAIN.replace("age\n", "age,note\n").replace("50\n", '50,1" b\n').replace("51\n", "51,\n")
    assert read(tmp_path, spare) == ROWS  # of a column that nobody needs


def test_years_that_stand_twice_are_refused_though_they_may_be_absent(tmp_path: Path) -> None:
    text = "image,subject,shape,age,years,years\n0.png,S0,round,50,1,2\n"
    with pytest.raises(DataError, match="one column 'years', got 2 that differ"):
        read(tmp_path, text)


@pytest.mark.parametrize("spelling", ["", " ", "NA", "N/A", "nan", "NaN", "None", "null", "NULL", " na ", ".", " . "])
def test_every_spelling_of_a_missing_value_is_one(spelling: str, tmp_path: Path) -> None:
    assert known(spelling) == ""
    text = PLAIN.replace("50", spelling).replace("square", spelling)
    assert read(tmp_path, text) == [("0.png", "S0", "round", None), ("1.png", "S1", None, 51)]


def test_a_header_alone_is_asked_for_its_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Image Data ID; Age \n1;2;3\n\"", encoding="utf-8")
    assert column_names(tmp_path / "t.csv") == ["Image Data ID", "Age"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "", "-20"], [1, None, -20]), (["1", "1.5", "2e3"], [1.0, 1.5, 2000.0]),
        (["1", "x", ""], ["1", "x", None]),
        (["01", "1"], ["01", "1"]), (["007.5"], ["007.5"]), (["1_000"], ["1_000"]), (["1e999"], ["1e999"]),
        (["²"], ["²"]), (["٣"], ["٣"]), (["inf", "1"], ["inf", "1"]), ([""], [None]), (["54,5"], ["54,5"]),
    ],
)  # fmt: skip
def test_a_column_has_a_type_where_all_its_known_cells_agree(cells: list[str], expected: list[object]) -> None:
    assert typed(cells) == expected
    assert list(map(type, typed(cells))) == list(map(type, expected))


# -- any table, any spelling, any damage -------------------------------------------------------------------------------

MISSING = ("", "NA", "N/A", "nan", "None", "null", ".")
WORDS = st.text(st.sampled_from("aZ09é_-.,;\t /"), min_size=1, max_size=6)
CELLS = st.tuples(
    st.integers(0, 999).map("{}.png".format), WORDS, st.sampled_from(("round", "01", "1", *MISSING)),
    st.sampled_from(("50", "61.5", "7", *MISSING)),
)  # fmt: skip
NAMES = ("image", "subject", "shape", "age", "note")


def expected_rows(cells: list[tuple[str, ...]]) -> list[tuple[object, ...]]:
    ages = typed([known(age) for _, _, _, age, _ in cells])
    return [
        (known(image), known(subject), known(shape) or None, age)
        for (image, subject, shape, _, _), age in zip(cells, ages, strict=True)
    ]


def written(cells: list[tuple[str, ...]], separator: str, quoting: int, end: str) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows([NAMES, *cells])
    return file.getvalue()


def table(note: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(st.tuples(CELLS, note).map(lambda pair: (*pair[0], pair[1])), min_size=1, max_size=6)


STYLES = st.tuples(
    st.sampled_from(",;\t"), st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    st.sampled_from(("\n", "\r\n")),
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1", "mac_roman", "cp1250", "utf-16-le")


def refused_or(folder: Path, content: bytes) -> list[tuple[str, str, object, object]] | None:
    with contextlib.suppress(DataError):
        return read(folder, content)
    return None


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(table(st.text(st.sampled_from("ab,;\"é\n "), max_size=8)), STYLES, st.sampled_from(ENCODINGS), st.booleans())
def test_an_intact_table_reads_to_its_rows_in_any_spelling(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, ...]], style: tuple[str, int, str],
    encoding: str, declared: bool,
) -> None:  # fmt: skip
    text = written(cells, *style)
    text = f"sep={style[0]}{style[2]}{text}" if declared else text
    got = refused_or(tmp_path_factory.getbasetemp(), text.encode(encoding))
    assert got in (None, expected_rows(cells))
    simple = not any("\n" in note for *_, note in cells) and any(known(row[2]) for row in cells)
    if simple and any(known(row[3]) for row in cells) and any(known(row[1]) for row in cells):
        uncertain = encoding not in ENCODINGS[:4] and not text.isascii()
        assert got is not None or uncertain or encoding == "utf-16-le"


def damaged(text: str, kind: str, separator: str, place: int) -> str:
    """The text with one thing wrong, or with the same thing wrong in every row."""
    lines = text.splitlines(keepends=True)
    at = place % len(lines)
    if kind == "cell more":
        lines[at] = separator + lines[at]
    elif kind == "cell more at the end":
        lines[at] = lines[at].rstrip("\r\n") + separator + "\n"
    elif kind == "cell more in every row":
        lines = [lines[0], *(separator + line for line in lines[1:])]
    elif kind == "end of every row":
        lines = [lines[0], *(line.rstrip("\r\n") + separator + "\n" for line in lines[1:])]
    elif kind == "cell less":
        lines[at] = lines[at].replace(separator, "", 1)
    elif kind == "cell less in every row":
        lines = [lines[0], *(line.replace(separator, "", 1) for line in lines[1:])]
    elif kind == "lines joined":
        lines[at] = lines[at].rstrip("\r\n")
    elif kind == "name twice":
        lines[0] = lines[0].replace("note", ("image", "subject", "shape", "age")[place % 4])
    elif kind == "mark more":
        return text[: place % len(text)] + '"' + text[place % len(text) :]
    elif kind == "mark less":
        marks = [index for index, character in enumerate(text) if character == '"']
        cut = marks[place % len(marks)] if marks else len(text)
        return text[:cut] + text[cut + 1 :]
    return "".join(lines)


DAMAGE = (
    "cell more", "cell more at the end", "cell more in every row", "end of every row", "cell less",
    "cell less in every row", "lines joined", "name twice", "mark more", "mark less",
)  # fmt: skip
SAFE = st.text(st.sampled_from("abc09"), max_size=5)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 999).map("{}.png".format), SAFE, st.sampled_from(("round", "01", *MISSING)),
            st.sampled_from(("50", "7", *MISSING)), SAFE,
        ), min_size=2, max_size=6,
    ),
    STYLES, st.sampled_from(DAMAGE), st.integers(0, 10_000),
)  # fmt: skip
def test_a_damaged_table_reads_to_its_rows_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, ...]], style: tuple[str, int, str],
    kind: str, place: int,
) -> None:  # fmt: skip
    text = damaged(written(cells, *style), kind, style[0], place)
    got = refused_or(tmp_path_factory.getbasetemp(), text.encode())
    assert got in (None, expected_rows(cells))
