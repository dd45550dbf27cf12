"""Exported cases carry what a generator gets, and no truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldbench.data.images import read_image
from ldbench.errors import ResultError
from ldbench.run.cases import export_cases
from tests.conftest import small_card
from tests.run.verify.conftest import editing_card


def test_cases_are_written_for_others_to_generate(tmp_path: Path) -> None:
    text = export_cases(str(small_card(tmp_path)), None, 0)
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 8
    assert all(set(row) == {"id", "prompt", "attributes"} for row in rows)


def test_editing_cases_come_with_their_sources(tmp_path: Path) -> None:
    said = export_cases("sandbox-brain-aging", tmp_path / "cases.jsonl", 0)
    where = f"{tmp_path / 'cases.jsonl'}, their 200 sources in {tmp_path / 'sources'}"
    assert said.splitlines() == [
        f"200 cases of sandbox-brain-aging in {where}: save each image as <id>.png in one folder",
        '40 null edits after them ("pass": "null"): save each in there as null/<id>.png',
        '40 edits back after them ("pass": "back"): save each in there as back/<id>.png',
    ]
    listed = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    rows, null = [row for row in listed if "pass" not in row], [row for row in listed if row.get("pass") == "null"]
    back = [row for row in listed if row.get("pass") == "back"]
    assert (len(rows), len(null), len(back)) == (200, 40, 40)
    assert read_image(tmp_path / rows[0]["source"], size=64).shape == (3, 64, 64)
    assert len(list(tmp_path.rglob("*.png"))) == len(rows)  # the sources and nothing else
    assert rows[0]["attributes"]["age"] > rows[0]["source_attributes"]["age"]
    assert rows[0]["edit"]["target"] == rows[0]["attributes"]["age"]
    for row in null:
        assert row["attributes"] == row["source_attributes"]
        assert row["source_prompt"] == row["target_prompt"]
        assert "edit" not in row
        assert (tmp_path / row["source"]).exists()
        assert row["image"] == f"null/{row['id']}.png"
    by_id = {row["id"]: row for row in rows}
    for row in back:  # what a result is turned back into
        case = by_id[row["source_result"]]
        assert (row["id"], row["image"]) == (f"{case['id']}.back", f"back/{case['id']}.back.png")
        assert row["attributes"] == case["source_attributes"]
        assert (row["source_prompt"], row["target_prompt"]) == (case["target_prompt"], case["source_prompt"])
        assert "source" not in row


def test_the_command_given_again_writes_the_same_and_a_stopped_one_goes_on(tmp_path: Path) -> None:
    card = str(editing_card(tmp_path))
    export_cases(card, tmp_path / "cases.jsonl", 0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    (tmp_path / "cases.jsonl").write_text("", encoding="utf-8")
    sorted((tmp_path / "sources").iterdir())[0].unlink()
    export_cases(card, tmp_path / "cases.jsonl", 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_files_of_others_are_not_replaced_and_sources_not_mixed(tmp_path: Path) -> None:
    out, card, edits = tmp_path / "cases.jsonl", str(small_card(tmp_path)), str(editing_card(tmp_path))
    for foreign in ('{"id": "a"}\n', "[1, 2]", "id,prompt\n"):
        out.write_text(foreign, encoding="utf-8")
        with pytest.raises(ResultError, match=r"cases\.jsonl: expected a file of `ldbench cases` or none, got another"):
            export_cases(card, out, 0)
        assert out.read_text(encoding="utf-8") == foreign
    out.unlink()
    out.mkdir()
    with pytest.raises(ResultError, match="or none, got a folder; move it"):
        export_cases(edits, out, 0)
    assert not (tmp_path / "sources").exists()
    out.rmdir()
    export_cases(edits, out, 0)
    own = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    with pytest.raises(ResultError, match=r"sources/brain-\S*\.png: expected in \S*/sources the sources of sandbox-ch"):
        export_cases("sandbox-chest-disease", out, 0)
    one, two = sorted((tmp_path / "sources").iterdir())[:2]
    one.write_bytes(two.read_bytes())
    with pytest.raises(ResultError, match=rf"{one}: .* alone, got another file; move \S*/sources, or choose an --out"):
        export_cases(edits, out, 0)
    one.write_bytes(own[one])
    (tmp_path / "sources" / "notes.txt").touch()
    with pytest.raises(ResultError, match=r"notes\.txt: expected in"):
        export_cases(edits, out, 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.name != "notes.txt"} == own
    export_cases(card, out, 0)  # a task without sources minds none


def test_the_seed_draws_diverse_prompts_and_leaves_simple_ones_alone() -> None:
    simple, diverse = "sandbox-brain-t2i", "sandbox-brain-t2i-diverse"
    assert export_cases(simple, None, 0) == export_cases(simple, None, 1)
    first, again, other = (export_cases(diverse, None, seed).splitlines() for seed in (0, 0, 1))
    assert first == again
    changed = [a != b for a, b in zip(first, other, strict=True)]
    assert sum(changed) > 0.85 * len(changed)  # 20 of 21 expected, standard deviation 0.9 %
    rows = [[json.loads(line) for line in lines] for lines in (first, other)]
    assert [row["id"] for row in rows[0]] == [row["id"] for row in rows[1]]
