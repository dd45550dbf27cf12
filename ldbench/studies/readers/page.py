"""The page that readers answer on: one HTML file with its images, styles and script inside, and no network.

It is given nothing but ids, wordings and pixels. Its own Content-Security-Policy blocks whatever is not in it: scripts
and styles go by their hashes, images by data: alone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ldbench.report.html import render
from ldbench.studies.readers.key import StudyImage, StudyTrial
from ldbench.studies.readers.questions import Question

TITLE = "Reader study"
CONSENT = (
    "Taking part is voluntary, and you may stop at any time. What you answer and how long you take stays in this "
    "browser until you save it as a file and hand that file to whoever invited you. It holds the name you type in "
    "below; use a code if you don't want to be recognised."
)
_PACKAGE = "ldbench.studies.readers"


@dataclass(frozen=True)
class Wording:
    """What the page says of itself; both are shown as plain text, an empty line ends a paragraph."""

    title: str = TITLE
    consent: str = CONSENT


def page(
    study: str, trials: Sequence[StudyTrial], questions: Sequence[Question], png: Callable[[StudyImage], bytes],
    wording: Wording | None = None,
) -> str:
    """The page's HTML; `png` encodes a picture."""
    said = wording or Wording()
    asked = {trial.question for trial in trials}
    content = {
        "look": render.inside("study.css", None, "study.js", _PACKAGE), "title": said.title,
        "paragraphs": [part.strip() for part in said.consent.split("\n\n") if part.strip()],
        "questions": [question for question in questions if question.name in asked],
        "counts": {each.name: sum(trial.question == each.name for trial in trials) for each in questions},
        "trial_count": len(trials), "data": render.script_json(_content(study, trials, questions, png)),
    }
    return "".join(render.pieces("study.html", content, _PACKAGE))


def _content(
    study: str, trials: Sequence[StudyTrial], questions: Sequence[Question], png: Callable[[StudyImage], bytes]
) -> dict[str, object]:
    def encoded(picture: StudyImage) -> str:
        return base64.b64encode(png(picture)).decode("ascii")

    return {
        "study": study,
        "questions": {
            question.name: {
                "title": question.title, "answers": [list(each) for each in question.answers],
                "confidence": question.confidence,
            }
            for question in questions
        },
        "trials": [
            {
                "id": trial.id, "question": trial.question, "asked": trial.asked,
                "images": [encoded(picture) for picture in trial.pictures],
                "source": None if trial.source is None else encoded(trial.source),
            }
            for trial in trials
        ],
    }

