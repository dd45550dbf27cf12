"""Making a study: finished runs in, a blinded page and its answer key out.

A key is never overwritten: without it the answers given on its page could not be scored.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.data.of_result import task_ref
from ldbench.errors import UsageError
from ldbench.records.files import write_text_atomic
from ldbench.records.own_files import check_own, marked
from ldbench.studies.readers.blind import blinded, study_id
from ldbench.studies.readers.document import StudyError
from ldbench.studies.readers.draw import draw
from ldbench.studies.readers.key import Key, write_key
from ldbench.studies.readers.page import Wording, page
from ldbench.studies.readers.pictures import Gallery
from ldbench.studies.readers.questions import PREFERENCE, chosen
from ldbench.studies.readers.runs import StudyMaterial, open_runs

PER_QUESTION, REPEATS, CATCHES = 20, 2, 2
_IS_PAGE = marked(b'<meta name="generator" content="ldbench study">')  # templates/study.html
_SALT = re.compile(r"[0-9a-f]{32,64}")


@dataclass(frozen=True)
class Design:
    """What is asked: `questions` by name (none: all that the task allows), trials of each, how many of each are
    repeated, and trials with noise. Cases are drawn by `seed`; `salt`, 32 hex digits or more, blinds the page (None: a
    new one)."""

    questions: tuple[str, ...] = ()
    per_question: int = PER_QUESTION
    repeats: int = REPEATS
    catches: int = CATCHES
    seed: int = 0
    salt: str | None = None


@dataclass(frozen=True)
class MadeStudy:
    """The page, its key, and the key's content."""

    page: Path
    key_path: Path
    key: Key

    def lines(self) -> list[str]:
        """What to tell whoever made it."""
        size = self.page.stat().st_size / 1e6
        return [
            f"{self.page}  {len(self.key.trials)} trials, {size:.1f} MB; give this file to readers",
            f"{self.key_path}  keep this one from them; `ldbench study score ANSWERS... --key {self.key_path}`",
            *_pairs_left_out(self.key),
        ]


def make(
    folders: Sequence[Path], out: Path, design: Design | None = None, wording: Wording | None = None,
    card_name: str | None = None,
) -> MadeStudy:
    """Write the page `out` and, beside it, `NAME.key.json`.

    `folders` are finished runs of one task, `card_name` a card's path where it isn't installed. Raises `LdbenchError`,
    one line, where runs, images or numbers don't allow the study.
    """
    plan = design or Design()
    if plan.repeats < 0 or plan.seed < 0:
        raise UsageError(f"study make: expected --repeats and --seed of 0 or more, got {plan.repeats} and {plan.seed}")
    salt = _checked_salt(plan.salt)
    key_path = out.with_suffix(".key.json")
    if out.is_dir():
        raise UsageError(f"--out: expected a file to write, got the folder {out}; name a page in it")
    if out.suffix.lower() not in (".html", ".htm"):  # without it a reader's browser offers to save or shows the source
        raise UsageError(f"--out: expected a page ending in .html, got {out}")
    if key_path.exists():
        raise StudyError(f"{key_path}: expected no key there yet, got one; move it or choose another --out")
    check_own([out], _IS_PAGE, "ldbench study make")
    text, key = build(open_runs(folders, card_name), plan, salt, wording)
    write_key(key, key_path)
    write_text_atomic(out, text)
    return MadeStudy(out, key_path, key)


def build(material: StudyMaterial, plan: Design, salt: str, wording: Wording | None = None) -> tuple[str, Key]:
    """The page's HTML and the key, of the same trials."""
    data, count = material.data, len(material.runs)
    questions = chosen(plan.questions, data.task, count)
    drafts = draw(data, count, questions, plan.per_question, plan.catches, plan.seed)
    trials = blinded(drafts, questions, plan.repeats, plan.seed, salt)
    study = study_id(plan.seed, salt)
    text = page(study, trials, questions, Gallery(material).png, wording)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text, Key(study, plan.seed, salt, digest, task_ref(data.task), material.runs, trials)


def _pairs_left_out(key: Key) -> list[str]:
    """A line where some pairs of runs are never compared, though runs are."""
    met = {
        frozenset(picture.run for picture in trial.pictures) for trial in key.trials if trial.question == PREFERENCE
    }
    pairs = len(key.runs) * (len(key.runs) - 1) // 2
    if not met or len(met) == pairs:
        return []
    return [
        f"preference: only {len(met)} of {pairs} pairs of runs meet, as there are fewer trials than pairs; "
        f"--per-question {pairs} or more shows all"
    ]


def _checked_salt(salt: str | None) -> str:
    if salt is None:
        return secrets.token_hex(16)
    if not _SALT.fullmatch(salt):
        raise UsageError(f"--salt: expected 32 to 64 hex digits, got {len(salt)} characters; leave it out")
    return salt
