"""A study's scores as text: for the terminal, Markdown or JSON.

The rules that decide what counts are printed below the numbers.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from ldbench.records.files import json_text, write_text_atomic
from ldbench.records.names import one_line
from ldbench.records.own_files import begins_with, check_own, marked
from ldbench.report.digits import fixed
from ldbench.report.tables.text_table import TextTable, escape, to_markdown, to_terminal
from ldbench.studies.readers.estimates import Estimate
from ldbench.studies.readers.questions import question_named
from ldbench.studies.readers.score import StudyScore

NONE = "-"
StudyFormat = Literal["terminal", "markdown", "json"]
_IS_TEXT = begins_with("Reader study ", "# Reader study ")
_IS_JSON = marked(b'"accuracies": [')  # which neither a key nor answers have


def render(score: StudyScore, format: StudyFormat) -> str:
    """The scores as text."""
    if format == "json":
        return json_text(asdict(score), 2)
    tables = [table for table in _tables(score) if table.rows]
    readers = "1 reader" if len(score.readers) == 1 else f"{len(score.readers)} readers"
    head = f"Reader study {score.study} on {score.task}: {readers}, runs {', '.join(score.runs)}"
    if format == "markdown":
        listed = "\n".join(f"- {escape(line)}" for line in rules(score))
        parts = [f"# {escape(head)}", *map(to_markdown, tables), listed]
    else:
        parts = [one_line(head), *(to_terminal(table).rstrip() for table in tables), "\n".join(rules(score))]
    return "\n\n".join(parts) + "\n"


def write(score: StudyScore, format: StudyFormat, out: Path) -> None:
    """Write the scores; raises `ResultError` for a file at `out` that holds no study's scores in any format, such as
    its key or answers."""
    check_own([out], lambda path: _IS_TEXT(path) or _IS_JSON(path), "ldbench study score")
    write_text_atomic(out, render(score, format))


def rules(score: StudyScore) -> list[str]:
    """What counts and what the intervals cover."""
    one = len(score.readers) == 1
    found = [
        "Intervals are 95 %: " + (
            "one reader, so they cover the choice of cases alone (Wilson's for shares)."
            if one else "for readers and cases like these, by Student's t over both (of alpha: cases resampled); "
            "none is narrower than that of as many independent answers."
        ),
        "A repeated trial counts once, by its first answer. Trials with noise count nowhere but in their own column.",
    ]
    if any(row.question == "real" for row in score.accuracies):
        found.append("Real or generated: a run is the better the nearer its d' is to 0; accuracy alone also moves with "
                     "how readily a reader says \"generated\".")
    if score.preferences:
        found.append("\"Can't tell\" has its own share, counts half in score and order, and is left out of the sign "
                     "test, which takes each case's majority of readers as one throw; p is Holm's over the pairs.")
    missed = [each.reader for each in score.readers if each.catches_passed < each.catches]
    if missed:
        found.append(f"Took noise for a real scan: {', '.join(missed)}; nobody is left out for it.")
    early = [each for each in score.readers if each.answered < each.trials]
    if early:
        named = ", ".join(f"{each.reader} {each.answered} of {each.trials}" for each in early)
        found.append(f"Stopped early: {named}; what was answered counts.")
    return found


def _tables(score: StudyScore) -> list[TextTable]:
    return [
        TextTable(("question", "images", "right", "d'", "answers"), [
            (question_named(row.question).title, row.images, _percent(row.accuracy), _number(row.d_prime),
             str(row.accuracy.n))
            for row in score.accuracies
        ], "lllll", "Accuracy"),
        TextTable(("A", "B", "A better", "B better", "can't tell", "score of A", "cases A:B", "p"), [
            (row.first, row.second, _percent(row.share_first), _percent(row.share_second), _percent(row.share_neither),
             _percent(row.score), f"{row.cases_first}:{row.cases_second}", f"{row.p_holm:.3f}")
            for row in score.preferences
        ], "llllllll", "Preference"),
        TextTable(("rank", "run", "log strength", "answers"), [
            (str(row.rank), row.run, _number(row.strength), str(row.strength.n)) for row in score.order
        ], "llll", "Order by preference"),
        TextTable(("question", "Krippendorff's alpha", "answers"), [
            (question_named(row.question).title, _number(row.alpha), NONE if row.alpha is None else str(row.alpha.n))
            for row in score.agreements
        ], "lll", "Agreement between readers"),
        TextTable(("reader", "answered", "s a trial", "repeats alike", "noise seen"), [
            *((each.reader, f"{each.answered}/{each.trials}", f"{each.median_seconds:.1f}",
               f"{each.repeats_alike}/{each.repeats}", f"{each.catches_passed}/{each.catches}")
              for each in score.readers),
            *_all_readers(score),
        ], "lllll", "Readers"),
    ]


def _all_readers(score: StudyScore) -> tuple[tuple[str, ...], ...]:
    if score.consistency is None:
        return ()
    return (("all", "", "", _percent(score.consistency), ""),)


def _percent(estimate: Estimate) -> str:
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{fixed(value, 0)} % [{fixed(low, 0)}, {fixed(high, 0)}]"


def _number(estimate: Estimate | None) -> str:
    if estimate is None:
        return NONE
    value, low, high = (fixed(each, 2) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
