"""Answer files from anybody: a good one is read, every bad one is refused with one line that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.studies.readers.answers import ANSWERS_LIMIT, LONGEST, Answer, Answers, checksum, read_answers
from ldbench.studies.readers.document import StudyError
from ldbench.studies.readers.key import read_key, write_key

from .conftest import Study, answered, skilled

Table = dict[str, Any]
PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # a man's name, with the joiner that its spelling has


def saved(answers: Answers, path: Path) -> Path:
    path.write_text(json.dumps(asdict(answers)), encoding="utf-8")
    return path


def whole(study: Study, reader: str = "R1") -> Answers:
    return skilled(study.key, reader, 0.8, 0.5, np.random.default_rng(0))


def signed(table: Table) -> Table:
    """The table with the checksum that its content has."""
    answers = [Answer(**each) for each in table["answers"]]
    return table | {"checksum": checksum(table["study"], table["reader"], table["complete"], answers)}


def first(table: Table, **values: object) -> Table:
    return signed(table | {"answers": [table["answers"][0] | values, *table["answers"][1:]]})


BAD: dict[str, tuple[Callable[[Table], object], str]] = {
    "another study": (lambda t: signed(t | {"study": "0" * 16}), "expected answers to study"),
    "an edited answer": (lambda t: t | {"answers": [*t["answers"][:-1], t["answers"][-1] | {"answer": "neither"}]},
                         "checksum"),
    "an edited name": (lambda t: t | {"reader": "R2"}, "checksum"),
    "a reader without a name": (lambda t: signed(t | {"reader": " \u200b"}), "reader: expected 1 to 200"),
    "an endless name": (lambda t: signed(t | {"reader": "a" * 201}), "reader: expected 1 to 200"),
    "a foreign trial": (lambda t: first(t, trial="f" * 16), r"answers\[0\].trial: expected a trial"),
    "a foreign answer": (lambda t: first(t, answer="left"), r"expected one of real, generated, got 'left'"),
    "too sure": (lambda t: first(t, confidence=6), r"confidence: expected 1 to 5"),
    "no sureness": (lambda t: first(t, confidence=None), r"confidence: expected 1 to 5"),
    "a negative time": (lambda t: first(t, milliseconds=-1), "milliseconds: expected 0 or more"),
    "a time with a fraction": (lambda t: t | {"answers": [t["answers"][0] | {"milliseconds": 1.5}]}, "an integer"),
    "a trial twice": (lambda t: signed(t | {"answers": [*t["answers"][:-1], t["answers"][0]]}), "two to one of them"),
    "complete and not": (lambda t: signed(t | {"answers": t["answers"][:3]}), "complete: expected true if and only"),
    "nothing answered": (lambda t: signed(t | {"answers": [], "complete": False}), "at least one answer"),
    "another version": (lambda t: t | {"schema_version": 2}, "schema_version 1, got 2"),
    "a true version": (lambda t: t | {"schema_version": True}, "schema_version 1, got True"),
    "a field too many": (lambda t: t | {"score": 1}, "unknown key"),
    "a field too few": (lambda t: {name: value for name, value in t.items() if name != "reader"}, "got nothing"),
    "a list": (lambda t: [t], "got a list"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line(name: str, study: Study, tmp_path: Path) -> None:
    change, words = BAD[name]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(change(asdict(whole(study)))), encoding="utf-8")
    with pytest.raises(StudyError, match=words) as caught:
        read_answers([path], study.key)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "expected JSON"), (b"\xff\xfe", "expected JSON"), (b"{" * 50, "expected JSON"),
        (b"[" * 100_000, "expected JSON, got lists or tables"), (b'{"a": NaN}', "NaN, which is not a JSON number"),
        (b'{"a": 1, "a": 2}', "a key given twice"), (b" " * (ANSWERS_LIMIT + 1), "at most"), (b'"text"', "got a str"),
        (b'{"schema_version": ' + b"1" * 5000 + b"}", "expected JSON"),
    ],
)
def test_bytes_that_are_no_answers_are_one_line(raw: bytes, words: str, study: Study, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(raw)
    with pytest.raises(StudyError, match=words) as caught:
        read_answers([path], study.key)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "shown"),
    [
        ("山田\u3000太郎", "山田 太郎"), ("Anne\u00a0Marie", "Anne Marie"), (PERSIAN, PERSIAN),
        ("a\x1b[31m", "a [31m"), ("R\u202e1\u2028\ud800", "R1"), (" R\t1 ", "R 1"),
    ],
)  # fmt: skip
def test_a_name_that_the_page_took_is_read_and_shown_on_one_line(
    reader: str, shown: str, study: Study, tmp_path: Path
) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(signed(asdict(whole(study)) | {"reader": reader})), encoding="utf-8")
    assert read_answers([path], study.key)[0].reader == shown
    other = saved(whole(study, shown), tmp_path / "other.json")
    if reader != shown:
        with pytest.raises(StudyError, match=r"other\.json: reader .* is in .*answers\.json too"):
            read_answers([path, other], study.key)


def test_a_screen_left_open_over_a_weekend_counts_as_a_day(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(first(asdict(whole(study)), milliseconds=60 * 3600 * 1000)), encoding="utf-8")
    times = [each.milliseconds for each in read_answers([path], study.key)[0].answers]
    assert times[0] == LONGEST
    assert times[1:] == [each.milliseconds for each in whole(study).answers[1:]]


def test_one_reader_twice_is_refused_and_a_missing_file_named(study: Study, tmp_path: Path) -> None:
    one, two = saved(whole(study), tmp_path / "1.json"), saved(whole(study), tmp_path / "2.json")
    with pytest.raises(StudyError, match=r"2\.json: reader 'R1' is in .*1\.json too, with the same answers"):
        read_answers([one, two], study.key)
    saved(skilled(study.key, "R1", 0.1, 0.5, np.random.default_rng(9)), two)
    with pytest.raises(StudyError, match="with other answers"):
        read_answers([one, two], study.key)
    with pytest.raises(StudyError, match=r"can't read .*gone\.json"):
        read_answers([tmp_path / "gone.json"], study.key)
    with pytest.raises(StudyError, match="got none"):
        read_answers([], study.key)


def test_a_partial_file_is_read(study: Study, tmp_path: Path) -> None:
    given = [(trial, str(trial.right)) for trial in study.key.trials[:5]]
    partial = answered(study.key, "R1", given)
    assert not partial.complete
    assert read_answers([saved(partial, tmp_path / "a.json")], study.key) == [partial]


def test_a_key_that_contradicts_itself_is_refused(study: Study, tmp_path: Path) -> None:
    key, path = study.key, tmp_path / "x.key.json"
    trial = key.trials[0]
    for other in (
        replace(trial, right="left"), replace(trial, question="taste"), replace(trial, repeat_of="nobody"),
        replace(trial, pictures=()), replace(trial, pictures=(replace(trial.pictures[0], kind="result", run=7),)),
    ):
        write_key(replace(key, trials=(other, *key.trials[1:])), path)
        with pytest.raises(StudyError, match="contradicts itself"):
            read_key(path)
    write_key(replace(key, trials=(trial, *key.trials)), path)
    with pytest.raises(StudyError, match="one id twice"):
        read_key(path)


def fnv_1a(text: bytes) -> int:
    value = 0x811C9DC5
    for byte in text:
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def test_the_checksum_is_fnv_1a_over_the_lines() -> None:
    assert fnv_1a(b"foobar") == 0xBF9CF968  # the vector that its authors publish
    answers = [Answer("t", "left", None, 7), Answer("u", "real", 3, 0)]
    text = b"s\nr\npartial\nt left - 7\nu real 3 0"
    assert checksum("s", "r", False, answers) == f"{fnv_1a(text):08x}"


@given(st.text(), st.integers(), st.booleans())
def test_any_text_has_a_checksum(text: str, number: int, complete: bool) -> None:
    assert len(checksum("s", text, complete, [Answer(text, text, number, number)])) == 8
