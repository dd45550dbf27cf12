"""The page that readers answer on: one HTML file with its images, styles and script inside, and no network.

It is given nothing but ids, wordings and pixels. Refuses by its own Content-Security-Policy whatever is not in it:
scripts and styles go by their hashes, images by data: alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ldbench.studies.readers.key import Picture, Trial
from ldbench.studies.readers.questions import Question

TITLE = "Reader study"
CONSENT = (
    "Taking part is voluntary, and you may stop at any time. What you answer and how long you take stays in this "
    "browser until you save it as a file and hand that file to whoever invited you. It holds the name you type in "
    "below; use a code if you don't want to be recognised."
)
_TEMPLATES = "templates"


@dataclass(frozen=True)
class Wording:
    """What the page says of itself; both are shown as plain text, paragraphs parted by empty lines."""

    title: str = TITLE
    consent: str = CONSENT


def page(
    study: str, trials: Sequence[Trial], questions: Sequence[Question], png: Callable[[Picture], bytes],
    wording: Wording | None = None,
) -> str:
    """The page's HTML; `png` encodes a picture."""
    said = wording or Wording()
    style, script = _asset("study.css"), _asset("study.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    asked = {trial.question for trial in trials}
    return environment.from_string(_asset("study.html")).render(
        title=said.title, paragraphs=[part.strip() for part in said.consent.split("\n\n") if part.strip()],
        questions=[question for question in questions if question.name in asked],
        counts={question.name: sum(trial.question == question.name for trial in trials) for question in questions},
        trial_count=len(trials), style=Markup(style), script=Markup(script), style_hash=_hash(style),
        script_hash=_hash(script), data=Markup(_inert(_content(study, trials, questions, png))),
    )


def _content(
    study: str, trials: Sequence[Trial], questions: Sequence[Question], png: Callable[[Picture], bytes]
) -> dict[str, object]:
    def encoded(picture: Picture) -> str:
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


def _inert(content: object) -> str:
    """JSON that can't end the script element it stands in, whatever is in its texts."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _asset(name: str) -> str:
    """A file of the templates folder, without the newline that ends it."""
    return (resources.files("ldbench.studies.readers") / _TEMPLATES / name).read_text(encoding="utf-8").rstrip("\n")
