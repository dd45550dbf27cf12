"""The pages in a real browser: sorting, pictures, colours, widths, and what axe finds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ldbench.run.sheets.edit_sheet import signed_difference

from .conftest import CASES, EDITS, SAMPLES, Reports

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # together
playwright = pytest.importorskip("playwright.sync_api", reason="needs the playwright package (extra `browser`)")
NAMES = ("chromium", "google-chrome", "chromium-browser")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs chromium or google-chrome on the PATH")
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield started
        started.close()


@contextmanager
def opened(browser: Any, page: Path, width: int = 1280, scheme: str = "light", **options: Any) -> Iterator[Any]:
    """The page in a tab; whatever the browser complains of is a failure."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(request.url[:80]))
    tab.goto(page.as_uri())
    yield tab
    context.close()
    assert complaints == []


def page_of(reports: Reports, task: str, folder: str = "page") -> Path:
    return Path(getattr(reports, folder) / f"{task}.html")


def order(tab: Any, block: int = 0) -> list[str]:
    rows = tab.locator(f"table.board tbody >> nth={block} >> tr[data-row] th a")
    return [str(text) for text in rows.all_inner_texts()]


def test_columns_sort_by_click_and_by_keyboard(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, SAMPLES)) as tab:
        ssim = tab.locator("thead th[data-name=ssim]")
        fid = tab.locator("thead th[data-name=fid]")
        assert fid.get_attribute("aria-sort") == "ascending"
        assert order(tab) == ["one", "two", "three"]
        fid.locator("button").click()
        assert order(tab) == ["three", "two", "one"]
        assert fid.get_attribute("aria-sort") == "descending"
        ssim.locator("button").focus()
        tab.keyboard.press("Enter")
        assert order(tab) == ["one", "two", "three"]  # higher is better, so the best come first
        assert ssim.get_attribute("aria-sort") == "descending"
        assert fid.get_attribute("aria-sort") is None
        tab.keyboard.press("Space")
        assert order(tab) == ["three", "two", "one"]
        tab.locator("thead th[data-name=model] button").click()
        assert order(tab) == ["one", "three", "two"]
        assert tab.locator("#status").inner_text() == "Sorted by model, ascending."


def test_references_are_not_sorted_among_the_ranked(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, EDITS)) as tab:
        for _ in range(2):
            tab.locator("thead th[data-name=fid] button").click()
            assert order(tab, 1) == ["copy-source"]
            assert sorted(order(tab, 0)) == ["alpha", "beta"]


def test_further_metrics_unfold_and_fold_again(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, EDITS)) as tab:
        button = tab.locator(".unfold button")
        hidden = tab.locator("thead th.further")
        assert hidden.count() > 0
        assert not hidden.first.is_visible()
        assert button.inner_text() == f"Show {hidden.count()} further metric{'s' if hidden.count() > 1 else ''}"
        button.click()
        assert hidden.first.is_visible()
        assert button.get_attribute("aria-expanded") == "true"
        button.click()
        assert not hidden.first.is_visible()
    with opened(browser, page_of(reports, EDITS), java_script_enabled=False) as tab:
        assert tab.locator("thead th.further").first.is_visible()


@pytest.mark.parametrize("folder", ["page", "site"])
def test_pictures_are_loaded_when_they_come_near(browser: Any, reports: Reports, folder: str) -> None:
    with opened(browser, page_of(reports, SAMPLES, folder)) as tab:
        assert tab.locator("img").count() == 0
        part = tab.locator("details.run").first
        part.locator("summary").first.focus()
        tab.keyboard.press("Enter")
        pictures = part.locator(".gallery img")
        pictures.first.wait_for(state="attached")
        assert pictures.count() == 70
        tab.set_viewport_size({"width": 360, "height": 400})
        tab.wait_for_selector(".gallery img[src]")
        tab.wait_for_timeout(200)
        assert part.locator(".gallery img[src]").count() > 0
        pictures.last.scroll_into_view_if_needed()
        part.locator(".gallery li:last-child img[src]").wait_for()
        tab.wait_for_timeout(100)
        assert pictures.last.evaluate("image => image.decode().then(() => image.naturalWidth)") == 16
        assert tab.locator("details.run >> nth=1 >> img").count() == 0


def test_far_pictures_wait(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, SAMPLES), width=360) as tab:
        tab.locator("details.run").first.evaluate("part => { part.open = true; part.scrollIntoView(); }")
        tab.locator(".gallery img[src]").first.wait_for()
        tab.wait_for_timeout(200)
        assert tab.locator(".gallery img[src]").count() < 70


def test_changes_in_the_browser_are_those_of_the_figures(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, EDITS)) as tab:
        part = tab.locator("details.run").first
        part.evaluate("part => { part.open = true; part.scrollIntoView(); }")
        tab.locator("canvas[data-done]").first.wait_for()
        script = """figure => {
            const canvas = figure.querySelector("canvas"), images = figure.querySelectorAll("img");
            const read = (image) => {
                const copy = document.createElement("canvas");
                copy.width = image.naturalWidth ?? image.width; copy.height = image.naturalHeight ?? image.height;
                copy.getContext("2d").drawImage(image, 0, 0);
                return [...copy.getContext("2d").getImageData(0, 0, copy.width, copy.height).data];
            };
            return [read(images[0]), read(images[1]), read(canvas)];
        }"""
        source, result, drawn = (
            np.asarray(values, np.uint8).reshape(64, 64, 4)[..., :3]
            for values in tab.locator("li.case").first.evaluate(script)
        )
    expected = signed_difference(source.mean(axis=-1) / 255, result.mean(axis=-1) / 255)
    assert 0.02 < (expected != 255).any(axis=-1).mean() < 0.5
    np.testing.assert_array_equal(drawn, expected)


def test_a_site_opened_from_disk_shows_the_same_changes(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, EDITS, "site")) as tab:
        part = tab.locator("details.run").first
        part.evaluate("part => { part.open = true; part.scrollIntoView(); }")
        shown = part.locator("li.case >> nth=0 >> img")
        shown.first.wait_for(state="attached")
        assert shown.count() == 4
        tab.locator("li.case:first-child img.change[src]").first.wait_for()
        sources = [str(shown.nth(place).get_attribute("src")) for place in (0, 1, 3)]
    source, result, change = (np.asarray(Image.open(reports.site / name).convert("RGB")) for name in sources)
    expected = signed_difference(source.mean(axis=-1) / 255, result.mean(axis=-1) / 255)
    np.testing.assert_array_equal(change, expected)


def test_colours_switch_and_are_remembered(browser: Any, reports: Reports) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, page_of(reports, SAMPLES)) as tab:
        light = tab.evaluate(paper)
        tab.get_by_role("button", name="Dark colours").click()
        dark = tab.evaluate(paper)
        assert dark != light
        tab.reload()
        assert tab.evaluate(paper) == dark
        assert tab.get_by_role("button", name="Light colours").count() == 1
    with opened(browser, page_of(reports, SAMPLES), scheme="dark") as tab:
        assert tab.evaluate(paper) == dark
        tab.get_by_role("button", name="Light colours").click()
        assert tab.evaluate(paper) == light


def test_colours_switch_where_storage_is_forbidden(browser: Any, reports: Reports) -> None:
    refuse = "get() { throw new DOMException('no', 'SecurityError'); }"
    forbid = f"Object.defineProperty(window, 'localStorage', {{ {refuse} }})"
    with opened(browser, page_of(reports, SAMPLES)) as tab:
        tab.add_init_script(forbid)
        tab.reload()
        tab.get_by_role("button", name="Dark colours").click()
        assert tab.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize("task", [EDITS, SAMPLES])
def test_a_phone_needs_no_sideways_scrolling(browser: Any, reports: Reports, task: str) -> None:
    with opened(browser, page_of(reports, task), width=360) as tab:
        tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        tab.locator(".gallery li").first.wait_for(state="attached")
        assert tab.evaluate("document.documentElement.scrollWidth") == 360
        box = tab.locator(".scroll").first
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [f"page/{EDITS}", f"page/{SAMPLES}", "site/index"])
def test_axe_finds_nothing_serious(browser: Any, reports: Reports, name: str, scheme: str) -> None:
    pytest.importorskip("axe_core_python", reason="needs the axe-core-python package (extra `browser`)")
    script = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with opened(browser, reports.page.parent / f"{name}.html", scheme=scheme) as tab:
        tab.evaluate("document.querySelectorAll('.search, .search details').forEach(one => one.open = true)")
        tab.evaluate("[...document.querySelectorAll('details.run')].slice(0, 2).forEach(one => one.open = true)")
        tab.wait_for_timeout(150)
        tab.evaluate(script)
        found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [
        (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"][:300])
        for each in found["violations"] if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert "color-contrast" in {each["id"] for each in found["passes"]}  # it did look


def test_without_scripts_the_numbers_are_there(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, SAMPLES), java_script_enabled=False) as tab:
        assert "Without JavaScript" in tab.locator("main .aside").first.inner_text()
        assert order(tab) == ["one", "two", "three"]
        assert not tab.locator("#theme").is_visible()
        tab.locator("details.run >> nth=0 >> summary").first.click()
        assert tab.get_by_text("c0ffee").first.is_visible()


def test_a_link_to_a_row_opens_its_first_run(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, EDITS)) as tab:
        tab.locator("table.board th a").nth(1).click()
        tab.locator("section.row:target .gallery li").first.wait_for(state="attached")
        assert tab.locator("section.row:target details.run[open]").count() == 1
        assert tab.locator("section.row:target .gallery li").count() == CASES


def test_hostile_prompts_stay_text(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, SAMPLES)) as tab:
        tab.locator("details.run").first.evaluate("part => { part.open = true; }")
        assert "<b>of</b>" in tab.locator(".asked").first.text_content()
        assert tab.locator(".asked b").count() == 0


def test_print_is_dark_on_white(browser: Any, reports: Reports) -> None:
    with opened(browser, page_of(reports, SAMPLES), scheme="dark") as tab:
        tab.emulate_media(media="print", color_scheme="dark")
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 38)"
        assert not tab.locator("nav").is_visible()
