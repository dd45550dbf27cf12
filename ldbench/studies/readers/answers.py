"""What one reader answered: the file that the page saves, read and checked against the study's key.

Every file is taken as untrusted. Refuses, with one line each, a file that is damaged or altered, of another study, with
an answer that its question doesn't allow, or of a reader who is there already. A file that stops half-way is fine. The
checksum finds slips, not fraud: a reader who wants to write another file can.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ldbench.records.names import one_line
from ldbench.studies.readers.document import SCHEMA_VERSION, StudyError, read_document
from ldbench.studies.readers.key import Key
from ldbench.studies.readers.questions import question_named

ANSWERS_LIMIT = 4 * 2**20  # bytes; a trial takes about 120
READER_LIMIT, LEVELS = 200, 5  # the page takes 60 characters, which its NFC can lengthen
LONGEST = 24 * 3600 * 1000  # milliseconds; more counts as this
_JOINERS = "\u200c\u200d"  # invisible, and part of Persian and Indic spelling
_WHAT = "a reader's answers as a study page saves them"
_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


@dataclass(frozen=True)
class Answer:
    """One answer: to which trial, which of the question's answers, how sure (1 to 5, where asked), and how long."""

    trial: str
    answer: str
    confidence: int | None
    milliseconds: int


@dataclass(frozen=True)
class Answers:
    """All that one reader answered, in the order of answering; as read, the name is one line and no time above
    `LONGEST`, while `checksum` is the file's."""

    study: str
    reader: str
    complete: bool
    answers: tuple[Answer, ...]
    checksum: str
    schema_version: int = SCHEMA_VERSION

    def by_trial(self) -> dict[str, Answer]:
        """The answers by the trial's id."""
        return {each.trial: each for each in self.answers}


def checksum(study: str, reader: str, complete: bool, answers: Sequence[Answer]) -> str:
    """32-bit FNV-1a (Fowler, Noll, Vo) over the file's content, as the page computes it: eight hex digits."""
    lines = [study, reader, "complete" if complete else "partial"]
    for each in answers:
        level = "-" if each.confidence is None else each.confidence
        lines.append(f"{each.trial} {each.answer} {level} {each.milliseconds}")
    value = _FNV_OFFSET
    # a lone surrogate, which JSON can spell, becomes U+FFFD as in the page's TextEncoder
    for byte in "\n".join(lines).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8"):
        value = (value ^ byte) * _FNV_PRIME % 2**32
    return f"{value:08x}"


def read_answers(paths: Sequence[Path], key: Key) -> list[Answers]:
    """The files' answers, in order of the readers' names; raises `StudyError` at the first file that is refused."""
    if not paths:
        raise StudyError("study score: expected a file of answers or more, got none")
    found: dict[str, tuple[Path, Answers]] = {}
    for path in paths:
        answers = _read(path, key)
        if answers.reader in found:
            other, seen = found[answers.reader]
            same = "the same answers" if seen == answers else "other answers"
            raise StudyError(f"{path}: reader {answers.reader!r} is in {other} too, with {same}; keep one of the files")
        found[answers.reader] = (path, answers)
    return [found[reader][1] for reader in sorted(found)]


def _read(path: Path, key: Key) -> Answers:
    answers = read_document(Answers, path, what=_WHAT, limit=ANSWERS_LIMIT)
    if answers.study != key.study:
        raise StudyError(
            f"{path}: expected answers to study {key.study}, got those to {answers.study!r:.40}; use that study's key"
        )
    if answers.checksum != checksum(answers.study, answers.reader, answers.complete, answers.answers):
        raise StudyError(f"{path}: its checksum doesn't fit its content, so it was altered or damaged; get it anew")
    reader = _shown(answers.reader)
    if not 1 <= len(reader) <= READER_LIMIT:
        text = f"{path}:reader: expected 1 to {READER_LIMIT} printable characters, got {answers.reader!r:.60}"
        raise StudyError(text)
    for place, each in enumerate(answers.answers):
        _check(each, key, f"{path}:answers[{place}]")
    if len(answers.by_trial()) != len(answers.answers):
        raise StudyError(f"{path}: expected one answer a trial, got two to one of them; ask for the file again")
    if answers.complete != (len(answers.answers) == len(key.trials)):
        raise StudyError(
            f"{path}:complete: expected true if and only if all {len(key.trials)} trials are answered, "
            f"got {str(answers.complete).lower()} with {len(answers.answers)}; ask for the file again"
        )
    if not answers.answers:
        raise StudyError(f"{path}: expected at least one answer, got none; leave the file out")
    held = tuple(replace(each, milliseconds=min(each.milliseconds, LONGEST)) for each in answers.answers)
    return replace(answers, reader=reader, answers=held)


def _shown(reader: str) -> str:
    """A reader's name on one line, without what can't be seen or would turn the text around it."""
    seen = (letter for letter in one_line(reader) if letter in _JOINERS or unicodedata.category(letter)[0] != "C")
    return one_line("".join(seen))


def _check(each: Answer, key: Key, where: str) -> None:
    trial = key.by_id().get(each.trial)
    if trial is None:
        raise StudyError(f"{where}.trial: expected a trial of study {key.study}, got {each.trial!r:.40}")
    question = question_named(trial.question)
    if each.answer not in question.values:
        raise StudyError(f"{where}.answer: expected one of {', '.join(question.values)}, got {each.answer!r:.40}")
    level = each.confidence
    if (level is not None) != question.confidence or (level is not None and not 1 <= level <= LEVELS):
        expected = f"1 to {LEVELS}" if question.confidence else "null"
        raise StudyError(f"{where}.confidence: expected {expected} for {trial.question!r}, got {level!r:.40}")
    if each.milliseconds < 0:
        raise StudyError(f"{where}.milliseconds: expected 0 or more, got {each.milliseconds!r:.40}")
