"""Pages as text: whole, safe and the same for the same results."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldbench.board.gather import board_set, read_boards
from ldbench.errors import UsageError
from ldbench.records.result import Result
from ldbench.report.html.render import script_json
from ldbench.report.html.write import write_pages
from tests.known_spreads import known_spreads

from .conftest import CASES, EDITS, HASH, SAMPLES, Page, Reports, make_samples, png, reported_row, with_model

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


@pytest.mark.parametrize("task", [EDITS, SAMPLES])
def test_a_page_refers_to_nothing_but_itself(reports: Reports, task: str) -> None:
    page = Page(reports.text(task))
    names = ("src", "href", "action", "data", "srcset", "poster")
    addresses = [attrs[name] for _, attrs in page.elements for name in names if name in attrs]
    assert addresses
    assert all(address is not None and address.startswith("#") for address in addresses)
    style = next(text for attrs, text in page.raw if not attrs)
    assert set(re.findall(r"url\(([^)]*)\)", style)) == {"#blue-red"}
    assert "@import" not in style


@pytest.mark.parametrize("folder", ["page", "site"])
@pytest.mark.parametrize("task", [EDITS, SAMPLES])
def test_ids_are_unique_and_links_lead_somewhere(reports: Reports, folder: str, task: str) -> None:
    page = Page((getattr(reports, folder) / f"{task}.html").read_text(encoding="utf-8"))
    ids = Counter(attrs["id"] for _, attrs in page.elements if "id" in attrs)
    assert max(ids.values()) == 1
    wanted = {str(attrs["href"])[1:] for _, attrs in page.elements if str(attrs.get("href", "")).startswith("#")}
    wanted |= {str(attrs[name]) for _, attrs in page.elements for name in ("aria-labelledby",) if name in attrs}
    assert wanted
    assert wanted <= set(ids)


@pytest.mark.parametrize("task", [EDITS, SAMPLES])
def test_the_policy_allows_these_styles_and_scripts_alone(reports: Reports, task: str) -> None:
    page = Page(reports.text(task))
    policy = next(attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv"))
    hashes = set(re.findall(r"'sha256-([^']+)'", str(policy)))
    executed = [text for attrs, text in page.raw if attrs.get("type") != "application/json"]
    assert hashes == {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in executed}
    assert str(policy).startswith("default-src 'none'")
    assert "unsafe" not in str(policy)
    names = {name for _, attrs in page.elements for name in attrs}
    assert not {name for name in names if name.startswith("on") or name == "style"}


@pytest.mark.parametrize("task", [EDITS, SAMPLES])
def test_drawings_have_words(reports: Reports, task: str) -> None:
    drawn = [attrs for tag, attrs in Page(reports.text(task)).elements if tag in ("svg", "img", "canvas")]
    assert drawn
    assert all(attrs.get("alt") or attrs.get("aria-label") or attrs.get("aria-hidden") == "true" for attrs in drawn)


def test_sources_and_truths_are_kept_once_and_results_once_a_run(reports: Reports) -> None:
    text = reports.text(EDITS)
    page = Page(text)
    shared = page.blocks["shared"]
    assert len(shared["ids"]) == CASES
    for name in ("source", "truth"):
        assert all(text.count(kept) == 1 for kept in shared[name])
    runs = [block for name, block in page.blocks.items() if name != "shared"]
    assert len(runs) == 4
    pictures = (reports.runs / EDITS / "alpha" / "seed-0" / "images").glob("*.png")
    files = {base64.b64encode(path.read_bytes()).decode() for path in pictures}
    assert files in [set(block["result"]) for block in runs]  # copied byte for byte
    assert runs[0]["prompt"][0] == f"prompt <b>of</b> {shared['ids'][0]}"


def test_every_run_shows_the_same_cases_whatever_the_folders_are_called(reports: Reports, tmp_path: Path) -> None:
    make_samples(tmp_path / "moved" / "elsewhere")
    write_pages(read_boards([tmp_path / "moved"]), tmp_path, False, 70)
    again = Page((tmp_path / f"{SAMPLES}.html").read_text(encoding="utf-8"))
    first = Page(reports.text(SAMPLES))
    assert again.blocks == first.blocks
    assert len(first.blocks["shared"]["ids"]) == 70
    assert "No gallery: no images lie beside this result." in first.text()


def test_without_a_gallery_there_are_no_pictures(reports: Reports, tmp_path: Path) -> None:
    write_pages(reports.results, tmp_path, False, 0)
    page = Page((tmp_path / f"{EDITS}.html").read_text(encoding="utf-8"))
    assert page.blocks == {}
    assert "gallery" not in {attrs.get("class") for _, attrs in page.elements}
    with pytest.raises(UsageError, match="--gallery: expected 0 or more, got -1"):
        write_pages(reports.results, tmp_path, False, -1)


def test_another_card_shows_results_alone_and_says_why(reports: Reports, tmp_path: Path) -> None:
    found = [
        (path, replace(one, task=replace(one.task, card_hash=HASH)))
        for path, one in reports.results.found if one.task.id == EDITS
    ]
    write_pages(board_set(found), tmp_path, False, 3)
    page = Page((tmp_path / f"{EDITS}.html").read_text(encoding="utf-8"))
    assert "source" not in page.blocks["shared"]
    assert "truth" not in page.blocks["shared"]
    start = "Real images are missing on this page (no "
    assert f"{start}sources and truths beside the results): this board was measured on" in page.text()
    assert page.text().count(start) == 1
    said = (
        f"{start}grey levels of real test scans): no card of {SAMPLES} is installed; make the report again with --task "
        "and the path of its card."
    )
    assert said in Page(reports.text(SAMPLES)).text()


def test_large_images_are_reduced_with_a_note(tmp_path: Path) -> None:
    make_samples(tmp_path / "runs", count=2, side=300)
    write_pages(read_boards([tmp_path / "runs"]), tmp_path / "out", True, 2)
    page = Page((tmp_path / "out" / f"{SAMPLES}.html").read_text(encoding="utf-8"))
    assert "Images of 300 by 300 pixels are shown reduced to 256." in page.text()
    shown = tmp_path / "out" / str(page.blocks["run-0"]["result"][0])
    assert shown.read_bytes()[16:24] == bytes([0, 0, 1, 0, 0, 0, 1, 0])


def test_links_and_other_files_are_left_out(tmp_path: Path) -> None:
    make_samples(tmp_path / "runs", count=3)
    images = tmp_path / "runs" / "one" / "seed-0" / "images"
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(np.full((4, 4, 3), 7, np.uint8)))
    (images / "case-000.png").unlink()
    (images / "case-000.png").symlink_to(secret)
    (images / "case-001.png").write_bytes(b"GIF89a" + bytes(100))
    write_pages(read_boards([tmp_path / "runs"]), tmp_path, False, 3)
    page = Page((tmp_path / f"{SAMPLES}.html").read_text(encoding="utf-8"))
    ids, kept = page.blocks["shared"]["ids"], page.blocks["run-0"]["result"]
    assert {name: one is None for name, one in zip(ids, kept, strict=True)} == {
        "case-000": True, "case-001": True, "case-002": False,
    }


def test_a_site_holds_what_its_pages_name(reports: Reports) -> None:
    for task in (EDITS, SAMPLES):
        page = Page((reports.site / f"{task}.html").read_text(encoding="utf-8"))
        kept = [one for block in page.blocks.values() for name in ("source", "truth", "result", "change")
                for one in block.get(name, [])]
        named = [str(attrs[key]) for _, attrs in page.elements for key in ("href", "src") if key in attrs]
        assert len(kept) >= 140 or task == EDITS
        assert all((reports.site / one).is_file() for one in [*kept, *named] if not one.startswith("#"))
        assert not re.search(r"<script>|<style>", (reports.site / f"{task}.html").read_text(encoding="utf-8"))
    index = Page((reports.site / "index.html").read_text(encoding="utf-8"))
    links = {attrs["href"] for tag, attrs in index.elements if tag == "a" and not str(attrs["href"]).startswith("#")}
    assert links == {f"{EDITS}.html", f"{SAMPLES}.html"}
    assert "first on fid one" in index.text()


def test_a_second_report_leaves_the_pictures_that_are_there(reports: Reports) -> None:
    files = {path: path.stat().st_mtime_ns for path in (reports.site / "pictures").rglob("*.png")}
    assert files
    write_pages(reports.results, reports.site, True, 70)
    assert files == {path: path.stat().st_mtime_ns for path in (reports.site / "pictures").rglob("*.png")}


def test_a_task_of_any_name_stays_in_the_folder(tmp_path: Path) -> None:
    for name in ("../../escaped", "index", ".."):
        result = replace(reported_row(), task=replace(reported_row().task, id=name))
        (page,) = write_pages(board_set([("x", result)]), tmp_path / "out", True, 4)[1:]
        assert page.parent == tmp_path / "out"
        assert page.name != "index.html"
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def _hostile(found: list[tuple[str, Result]], text: str) -> list[tuple[str, Result]]:
    changed = [(path, with_model(one, parameters={**one.model.parameters, "x" + text: text})) for path, one in found]
    first = changed[0][1]
    return [
        (changed[0][0], replace(with_model(first, name="m" + text, version="v" + text), note="n" + text)), *changed[1:]
    ]


@pytest.mark.slow
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="<>&\"'/!-{}%#scriptae ]", min_size=1, max_size=30))
def test_no_text_of_a_result_becomes_markup(reports: Reports, tmp_path: Path, text: str) -> None:
    found = [(path, one) for path, one in reports.results.found if one.task.id == SAMPLES]
    shapes = []
    for each in ("plain", text, HOSTILE):
        with known_spreads():
            results = board_set(_hostile(found, each))
        write_pages(results, tmp_path, False, 0)
        page = Page((tmp_path / f"{SAMPLES}.html").read_text(encoding="utf-8"))
        shapes.append([tag for tag, _ in page.elements])
        assert " ".join(f"m{each} is better than three".split()) in page.text()
    assert shapes[0] == shapes[1] == shapes[2]


@given(text=st.text())
def test_no_text_ends_a_block(text: str) -> None:
    page = Page(f'<script type="application/json" id="block-x">{script_json({"p": text})}</script>')
    assert page.blocks == {"x": {"p": text}}
    assert "<" not in script_json(text)


def test_a_result_names_no_file_to_be_read(reports: Reports, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text("id = 1", encoding="utf-8")
    made = [(path, one) for path, one in reports.results.found if one.task.id == SAMPLES and one.origin == "measured"]
    found = [(path, replace(one, task=replace(one.task, id=str(card)))) for path, one in made]
    (page,) = write_pages(board_set(found), tmp_path / "out", False, 2)
    assert f"no card of {card} is installed" in Page(page.read_text(encoding="utf-8")).text()
