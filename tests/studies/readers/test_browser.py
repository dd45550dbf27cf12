"""The page in a real browser: answered by keyboard alone, kept over a reload, saved, and scored; on a phone; by axe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ldbench.studies.readers.answers import LONGEST, read_answers
from ldbench.studies.readers.key import StudyTrial
from ldbench.studies.readers.score import scored

from .conftest import Study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
WHY = "needs the playwright package" if find_spec("playwright") is None else "needs chromium or google-chrome on PATH"
pytestmark = [
    pytest.mark.browser, pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or find_spec("playwright") is None, reason=WHY),
]
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Browser, study: Study, **options: Any) -> tuple[Page, list[str]]:
    """The study's page in a fresh profile, and what the browser complains of from now on."""
    page, complaints = browser.new_context(**options).new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    local = ("file:", "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(local) or complaints.append(request.url))
    page.goto(study.made.page.as_uri())
    return page, complaints


def begin(page: Page, reader: str) -> None:
    """Type a name, agree, begin: by keyboard alone."""
    page.keyboard.press("Tab")
    page.keyboard.type(reader)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#trial-title").wait_for()


def answer(page: Page, trial: StudyTrial, choice: int) -> None:
    page.keyboard.press(str(choice))
    if trial.question == "real":
        page.keyboard.press("5")
    page.keyboard.press("Enter")


def right_key(trial: StudyTrial) -> int:
    return {"real": 1, "generated": 2, "left": 1, "right": 2, None: 3}[trial.right]


def test_a_study_is_answered_by_keyboard_kept_over_a_reload_saved_and_scored(
    browser: Browser, study: Study, tmp_path: Path
) -> None:
    page, complaints = opened(browser, study)
    begin(page, "Dr. Ä <b>")
    trials = study.key.trials
    for place, trial in enumerate(trials):
        assert page.inner_text("#place") == f"{place + 1} of {len(trials)}"
        if place == 4:
            page.reload()
            assert f"4 of {len(trials)} answers of Dr. Ä <b>" in page.inner_text("#saved")
            page.locator("#resume").press("Enter")
        if place == 5:
            page.keyboard.press("Enter")  # nothing chosen: stays
            page.keyboard.press("2")
            page.keyboard.press("Backspace")
            assert page.locator("#next").is_disabled()
        answer(page, trial, right_key(trial))
    assert "all" in page.inner_text("#finish-text")
    with page.expect_download() as download:
        page.locator("#save").press("Enter")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    (answers,) = read_answers([path], study.key)
    assert (answers.reader, answers.complete) == ("Dr. Ä <b>", True)
    assert [each.trial for each in answers.answers] == [trial.id for trial in trials]
    assert {each.confidence for each in answers.answers} == {5, None}
    assert sum(each.milliseconds for each in answers.answers) > 0
    found = scored(study.key, [answers])
    assert {row.accuracy.value for row in found.accuracies} == {1.0}
    assert (found.readers[0].repeats_alike, found.readers[0].catches_passed) == (6, 2)
    assert found.preferences[0].share_neither.value == 1
    assert complaints == []
    page.context.close()


def test_a_study_that_stops_early_saves_what_there_is(browser: Browser, study: Study, tmp_path: Path) -> None:
    page, complaints = opened(browser, study, viewport={"width": 360, "height": 740}, has_touch=True)
    page.fill("#reader", "\u00a0\u5c71\u7530\u3000\u592a\u90ce\u200b")
    page.tap(".check")
    page.tap("#begin")
    trial = study.key.trials[0]
    page.tap(f"#choices .choice:nth-child({right_key(trial)})")
    page.tap("#levels .choice:nth-child(2)")
    page.evaluate("performance.now = () => 60 * 3600 * 1000")  # left open over a weekend
    page.tap("#next")
    page.tap("#pause")
    assert "1 of" in page.inner_text("#finish-text")
    with page.expect_download() as download:
        page.tap("#save")
    path = tmp_path / "a.json"
    download.value.save_as(path)
    (answers,) = read_answers([path], study.key)
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["reader"] == answers.reader == "\u5c71\u7530 \u592a\u90ce"
    assert saved["answers"][0]["milliseconds"] == LONGEST
    assert not answers.complete
    assert [(each.answer, each.confidence) for each in answers.answers] == [(trial.right, 2)]
    page.tap("#back")
    assert page.inner_text("#place").startswith("2 of")
    assert complaints == []
    page.context.close()


def test_without_storage_the_page_says_so_and_goes_on(browser: Browser, study: Study) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied'); }});")
    page = context.new_page()
    page.goto(study.made.page.as_uri())
    assert page.is_visible("#storage")
    begin(page, "R")
    answer(page, study.key.trials[0], 1)
    assert page.inner_text("#place").startswith("2 of")
    context.close()


def test_saved_answers_of_no_use_are_left_alone(browser: Browser, study: Study) -> None:
    page, complaints = opened(browser, study)
    memory = f"ldbench-study-{study.key.study}"
    for junk in ("{", "null", "[]", '{"answers": 3}', json.dumps({"reader": "R", "answers": [{"trial": "x"}]})):
        page.evaluate("([name, text]) => localStorage.setItem(name, text)", [memory, junk])
        page.reload()
        assert page.is_hidden("#resume")
    assert complaints == []
    page.context.close()


@pytest.mark.skipif(find_spec("axe_core_python") is None, reason="needs the axe-core-python package")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_view_scrolls_sideways_on_a_phone_and_axe_finds_no_serious_fault(
    browser: Browser, study: Study, scheme: str
) -> None:
    from axe_core_python.sync_playwright import Axe

    page, _ = opened(browser, study, viewport={"width": 360, "height": 740}, color_scheme=scheme, bypass_csp=True)

    def check(view: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        found = Axe().run(page)
        assert len(found["passes"]) > 5
        assert [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")] == [], view

    check("welcome")
    begin(page, "R")
    seen = set()
    for trial in study.key.trials:
        if trial.question not in seen:
            seen.add(trial.question)
            check(trial.question)
            page.keyboard.press("1")
            check(f"{trial.question}, chosen")
            page.keyboard.press("Backspace")
        answer(page, trial, 1)
    check("finish")
    page.context.close()
