"""LaTeX: no TeX is run here, so structure, escaping and the numbers are read back from the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import Score
from ldbench.board.fresh_gaps import FreshGap
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.result import ModelRef, Result
from ldbench.report.tables.content import page
from ldbench.report.tables.formats import render
from ldbench.report.tables.latex import escape
from tests.report.conftest import TASK
from tests.result_files import numbered

NAMES = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<",
    r"\textgreater{}": ">", r"\textbar{}": "|", r"\char34{}": '"', r"$\downarrow$": "↓", r"$\uparrow$": "↑",
    r"$^\dagger$": "†", r"$\pm$": "±", r"$\delta$": "δ", r"$\le$": "≤", r"$\ge$": "≥", "$-$": "-", "{}": "",
}  # fmt: skip
TOKEN = re.compile("|".join([*map(re.escape, NAMES), r"\\[{}$&#_%]", r"(?s:.)"]))
CELL = re.compile(r"(?<!\\)&")


def unescape(text: str) -> str:
    """What TeX would print of escaped text; fails on a character that is still a command."""
    tokens = TOKEN.findall(text)
    assert not set(tokens) & set("\\{}$&#_%~^"), text
    return "".join(NAMES.get(token, token.removeprefix("\\") if len(token) == 2 else token) for token in tokens)


def environments(text: str) -> None:
    """Every \\begin has its \\end, nested, and braces balance."""
    open_: list[str] = []
    for verb, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if verb == "begin":
            open_.append(name)
        else:
            assert open_.pop() == name
    assert open_ == []
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")


def tabulars(text: str) -> Iterator[tuple[str, list[str]]]:
    """The tables of rows; what stands beside them has columns of a width."""
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        yield columns, [line for line in body.split("\n") if line.endswith((r"\\", r"\\[-0.6ex]"))]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in CELL.split(re.sub(r"\\\\(\[-0\.6ex\])?$", "", line))]


@given(st.text(max_size=40))
def test_what_is_escaped_is_printed_as_it_was(text: str) -> None:
    shown = re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", text)
    assert unescape(escape(text)) == shown
    assert not re.search("--|``|''|,,|[?!]`", escape(text))  # each would print as another character


def test_rules_blocks_and_marks(leaderboard: Leaderboard) -> None:
    text = render(leaderboard, "latex")
    environments(text)
    (columns, rows), *_ = tabulars(text)
    assert columns == "rlrrl"
    assert rows[0] == r"  \# & Model & fid $\downarrow$ & kid $\downarrow$ & Seeds \\"
    rules = [line for line in text.split("\n") if line in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert rules[:5] == [r"\toprule", r"\midrule", r"\midrule", r"\midrule", r"\bottomrule"]
    assert r"  1 & basic-ft & \textbf{64 $\pm$ 2} & " in text
    assert r" & 0, 1 \\" in text
    assert r"oracle $^\dagger$ & " in text
    reported = text.split("\\textit{reported, not ranked}")[1]
    assert r"   & Basic FT \textbar{} LD & 24.3 & -- & " in reported
    assert r"\label{tab:sandbox-brain-t2i}" in text
    assert text.count(r"\caption{") == text.count(r"\begin{table}") == 3  # two parts, and what cheats say
    assert r"Failed: sd-ld, seed 3: returned 12 images, expected 600\par" in text


def test_a_sign_before_a_number_is_a_minus_and_a_hyphen_stays(leaderboard: Leaderboard) -> None:
    gaps = (FreshGap("fid", 7, -1.25, -2.5, 0.0, 1, 0), FreshGap("auc", 7, 0.0, -0.01, 0.01, 1, 0))
    rows = (replace(leaderboard.rows[0], fresh=gaps), *leaderboard.rows[1:])
    text = render(replace(leaderboard, rows=rows), "latex")
    environments(text)
    assert r"basic-ft-ld (delta=0.1) & $-$1.2 [$-$2.5, 0] & 0 [$-$0.010, 0.010] \\" in text


def parsed(text: str) -> dict[tuple[str, str], tuple[str, str, str, bool]]:
    """By row and metric: value, spread, interval and whether bold, as printed, read back from all parts."""
    found: dict[tuple[str, str], tuple[str, str, str, bool]] = {}
    for columns, rows in tabulars(text):
        head = cells(rows[0])
        assert {len(cells(row)) for row in rows} <= {1, len(columns)}
        for index, row in enumerate(rows[1:], start=1):
            texts = cells(row)
            if r"\multicolumn" not in row and texts[head.index("Model")]:
                name = unescape(texts[head.index("Model")])
                small = cells(rows[index + 1]) if row.endswith(r"\\[-0.6ex]") else [""] * len(head)
                for column in range(head.index("Model") + 1, len(head) - head.count("Seeds")):
                    key = (name, unescape(head[column]).split()[0])
                    assert key not in found
                    found[key] = cell(texts[column], small[column])
    return found


def cell(value: str, interval: str) -> tuple[str, str, str, bool]:
    bold = re.fullmatch(r"\\textbf\{(.*)\}", value)
    number, _, spread = unescape(bold[1] if bold else value).partition(" ± ")
    small = re.fullmatch(r"\{\\scriptsize (.*)\}", interval)
    return "-" if number == "--" else number, spread, unescape(small[1]) if small else "", bool(bold)


def expected(leaderboard: Leaderboard) -> dict[tuple[str, str], tuple[str, str, str, bool]]:
    found = {}
    for table in page(leaderboard).tables:
        for line in (line for block in table.blocks for line in block):
            for metric, one in zip(table.metrics, line.cells, strict=True):
                found[line.model, metric.split()[0]] = (one.value, one.spread, one.interval, one.best)
    return found


def test_the_numbers_read_back_are_those_of_the_table(leaderboard: Leaderboard) -> None:
    read, wanted = parsed(render(leaderboard, "latex")), expected(leaderboard)
    assert {key: read[key] for key in wanted} == wanted
    unreported = read.keys() - wanted.keys()
    assert {read[key] for key in unreported} <= {("-", "", "", False)}


METRICS = ("viewed_fid", "viewed_kid", "fid", "kid", "precision", "coverage", "recall", "vendi", "copied_share", "auc")


def several_seeds(metrics: Sequence[str]) -> Leaderboard:
    """Four rows of three seeds and a reference on so many metrics."""
    runs = [
        measured(name, seed, metrics, 30.0 + 3 * index + seed, reference=name == "real")
        for index, name in enumerate(("basic-ft", "basic_ft|ld", "lora", "sd", "real")) for seed in range(3)
    ]  # fmt: skip
    (made,) = fold(numbered(runs)).values()
    return made


def measured(name: str, seed: int, metrics: Sequence[str], value: float, reference: bool) -> Result:
    scores = [
        Score(metric, value / 10**index, (value - 4) / 10**index, (value + 5) / 10**index, 200, "lower", "network")
        for index, metric in enumerate(metrics)
    ]  # fmt: skip
    model = ModelRef(name, "ldbench", "0.1.0", reference=reference)
    return Result(TASK, model, "measured", scores, seed=seed, split_hash="5" * 64)


@pytest.mark.parametrize("count", [2, 10])
def test_rows_of_several_seeds_read_back_and_wide_tables_are_parted(count: int) -> None:
    made = several_seeds(METRICS[:count])
    text = render(made, "latex")
    environments(text)
    assert parsed(text) == expected(made)
    assert re.search(r"\{\\scriptsize \d+--\d+\} &", text)  # the interval of a rank
    parts = list(tabulars(text))
    assert (len(parts) > 1) == (count == 10)
    assert len(set(re.findall(r"\\label\{(.*)\}", text))) == len(parts)
    assert sum(columns.count("r") - 1 for columns, _ in parts) == count
    assert [columns.endswith("l") for columns, _ in parts] == [True] + [False] * (len(parts) - 1)  # the seeds


@pytest.mark.slow
@settings(max_examples=30)
@given(name=st.text(min_size=1, max_size=20))
def test_any_name_keeps_the_tables_columns(name: str, results: list[tuple[str, Result]]) -> None:
    path, first = results[0]
    renamed = replace(first, model=replace(first.model, name=name), note=name)
    text = render(fold([(path, renamed), *results[1:]])["sandbox-brain-t2i"], "latex")
    environments(text)
    for columns, rows in tabulars(text):
        assert {len(cells(row)) for row in rows} == {1, len(columns)}


def test_reported_rows_alone_make_a_table_without_ranks(results: list[tuple[str, Result]]) -> None:
    text = render(fold(results[-1:])["sandbox-brain-t2i"], "latex")
    [(columns, rows)] = tabulars(text)
    assert columns == "lrr"
    assert cells(rows[-1]) == [r"Basic FT \textbar{} LD", "24.3", "0.871"]


def test_the_tabular_alone_has_the_rows_and_nothing_beside_them(leaderboard: Leaderboard) -> None:
    text = render(leaderboard, "latex-tabular")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert text.splitlines()[1].startswith(r"\begin{tabular}")
    assert text.endswith("\\end{tabular}\n")
    assert "caption" not in text
    assert all(escape(line.model) in text for block in page(leaderboard).tables[0].blocks for line in block)


def test_no_note_is_a_hint_to_run_a_command(leaderboard: Leaderboard) -> None:
    assert any("ldbench compare" in note for note in page(leaderboard).notes)
    text = render(leaderboard, "latex")
    assert "ldbench compare" not in text
    assert "what their next seed would give." in text
