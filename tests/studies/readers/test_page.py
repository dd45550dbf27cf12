"""What the page holds, and what it must not: no answer, no name, no trace in an image, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ldbench.data.task_data import TaskData
from ldbench.studies.readers.page import Wording, page
from ldbench.studies.readers.pictures import Gallery
from ldbench.studies.readers.questions import QUESTIONS
from ldbench.studies.readers.runs import open_runs

from .conftest import MODELS, SALT, Study


class Parsed(HTMLParser):
    """Elements with their attributes, and the text inside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        self.inside.append((tag, attributes, data))


@pytest.fixture(scope="module")
def text(study: Study) -> str:
    return study.made.page.read_text(encoding="utf-8")


def content(text: str) -> dict[str, list[dict[str, object]]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    parsed: dict[str, list[dict[str, object]]] = json.loads(found[1])
    return parsed


def images(text: str) -> list[bytes]:
    return [
        base64.b64decode(str(each)) for trial in content(text)["trials"]
        for each in [*trial["images"], *([trial["source"]] if trial["source"] else [])]  # type: ignore[misc]
    ]


def bare(text: str) -> str:
    """The page without its images."""
    return re.sub(r'"[A-Za-z0-9+/=]{500,}"', '""', text)


def test_nothing_that_tells_an_answer_is_on_the_page(text: str, study: Study, data: TaskData) -> None:
    key = study.key
    ids = {picture.id for trial in key.trials for picture in trial.pictures}
    subjects = {record.subject for record in data.dataset.records}
    hashes = {key.task.card_hash, data.split_hash(), *(hashlib.sha256(each.encode()).hexdigest() for each in ids)}
    secrets = {
        *MODELS, *ids, *subjects, *hashes, SALT, data.task.id, "seed-0", "images/", ".png", "result", "truth",
        "\"catch\"", "repeat_of", "scan_id", str(study.folders[0]),
    }
    plain = bare(text)
    assert len(plain) < 40_000
    assert not [secret for secret in secrets if secret.lower() in plain.lower()]
    raw = b"".join(images(text))
    assert not [secret for secret in secrets if secret.encode() in raw]
    for secret in secrets:  # nor base64 of any of them, at either offset
        for pad in range(3):
            encoded = base64.b64encode(b" " * pad + secret.encode())[pad + 1 : -4]
            assert len(secret) < 9 or encoded not in text.encode()


def test_a_trial_holds_an_id_a_wording_and_pixels_alone(text: str, study: Study) -> None:
    parsed = content(text)
    assert set(parsed) == {"study", "questions", "trials"}
    assert [trial["id"] for trial in parsed["trials"]] == [trial.id for trial in study.key.trials]
    for trial in parsed["trials"]:
        assert set(trial) == {"id", "question", "asked", "images", "source"}
        assert re.fullmatch(r"[0-9a-f]{16}", str(trial["id"]))
    asked = {str(trial["asked"]) for trial in parsed["trials"] if trial["question"] == "real"}
    assert len(asked) == 1


def test_images_are_alike_in_everything_but_their_pixels(text: str, study: Study) -> None:
    found = images(text)
    assert len({len(each) for each in found}) == 1
    assert {tuple(chunks(each)) for each in found} == {tuple(chunks(found[0]))}
    assert {name for name, _ in chunks(found[0])} == {b"IHDR", b"IDAT", b"IEND"}
    assert len({each[:41] for each in found}) == 1  # signature, header, and the start of the data
    gallery = Gallery(open_runs(study.folders))
    for trial, shown in zip(study.key.trials, content(text)["trials"], strict=True):
        for picture, encoded in zip(trial.pictures, shown["images"], strict=True):  # type: ignore[call-overload]
            with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
                assert image.mode == "L"
                assert np.array_equal(np.array(image), gallery.pixels(picture))


def chunks(png: bytes) -> list[tuple[bytes, int]]:
    """Name and length of every chunk, and that nothing follows the last."""
    place, found = 8, []
    while place < len(png):
        length, name = struct.unpack(">I4s", png[place : place + 8])
        found.append((name, length))
        place += 12 + length
    assert place == len(png)
    return found


def test_the_page_needs_nothing_from_outside_and_runs_only_its_own_script(text: str) -> None:
    parsed = Parsed()
    parsed.feed(text)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "data:,") == "data:,", (tag, name)
    assert not re.findall(r"://|//[a-z]+[.]|fetch\(|xmlhttp|sendbeacon|websocket|eval\(|innerhtml", bare(text).lower())
    policy = next(a["content"] or "" for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        body = next(data for name, a, data in parsed.inside if name == tag and "type" not in a)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_foreign_words_stay_words(study: Study) -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    trials = [replace(trial, asked=evil, source=None) for trial in study.key.trials]
    text = page("s", trials, QUESTIONS, lambda picture: b"png", Wording(evil, f"{evil}\n\nsecond"))
    parsed = Parsed()
    parsed.feed(text)
    assert [tag for tag, _ in parsed.elements].count("script") == 2
    assert "img" not in {tag for tag, _ in parsed.elements}
    assert {trial["asked"] for trial in content(text)["trials"]} == {evil}
    assert text.count("<p>second</p>") == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(alphabet="<>&\"'/!-{}%#scriptae ]\n\u2028", min_size=1, max_size=30))
def test_no_word_becomes_markup(study: Study, words: str) -> None:
    shapes = []
    for each in ("plain", words):
        trials = [replace(trial, asked=each, source=None) for trial in study.key.trials]
        text = page("s", trials, QUESTIONS, lambda picture: b"png", Wording(f"t{each}", f"p{each}".replace("\n", " ")))
        parsed = Parsed()
        parsed.feed(text)
        shapes.append([(tag, sorted(attributes)) for tag, attributes in parsed.elements])
        assert {trial["asked"] for trial in content(text)["trials"]} == {each}
    assert shapes[0] == shapes[1]
