"""Result files: old ones stay readable, wrong ones are refused with file and field, writing is all or nothing."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldbench.api import Score
from ldbench.errors import ResultError
from ldbench.records import result as result_file
from ldbench.records.result import Environment, ModelRef, Result, Stage, TaskRef

HISTORIC = Path(__file__).parents[1] / "historic"
TASK = TaskRef("sandbox-brain-t2i", 1, "text-to-image", "9f3ac1b2d4e5f607" * 4)
PARAMETERS: dict[str, Any] = {
    "backbone": None, "delta": 0.1, "drift": "noise", "prior_preservation": False, "steps": 600,
}
MEASURED = Result(
    task=TASK,
    model=ModelRef("basic-ft-ld", "ldbench", "0.1.0", PARAMETERS),
    origin="measured",
    scores=[
        Score("fid", 58.77, 53.9, 64.2, 200, "lower", "efficientnet-lite0", {"interval": "jackknife", "resize": 224}),
        Score("auc", 0.883, 0.833, 0.926, 600, "higher", None, {"epochs": 6, "interval": "DeLong"}),
    ],
    note="second half of the cases came from a resumed run",
    seed=0,
    split_hash="5a" * 32,
    images_hash="3c" * 32,
    environment=Environment(
        "cpu", 2, "3.11.7", "Linux-6.1-x86_64", {"diffusers": "0.42.1", "torch": "2.13.0"},
        "0123456789abcdef0123456789abcdef01234567", False,
    ),
    stages=[Stage("fit", 141.25, 913.5), Stage("generate", 63.0)],
    created="2026-11-20T10:11:12Z",
)


def test_a_measured_result_of_schema_version_1_stays_readable() -> None:
    read = result_file.read(HISTORIC / "result-v1-measured.json")
    assert read == MEASURED
    assert [type(value) for value in read.model.parameters.values()] == [type(None), float, str, bool, int]


def test_a_failed_result_of_schema_version_1_stays_readable() -> None:
    read = result_file.read(HISTORIC / "result-v1-failed.json")
    assert (read.status, read.scores, read.model.name, read.seed) == ("failed", [], "plugin.py:M", 3)
    assert read.error is not None
    assert read.error.startswith("m: expected 8 images")


@pytest.mark.parametrize("path", sorted(HISTORIC.glob("result-v1-*.json")), ids=lambda path: path.stem)
def test_todays_schema_writes_the_same_bytes(path: Path) -> None:
    assert result_file.dumps(result_file.read(path)) == path.read_text(encoding="utf-8")


def test_notes_on_the_device_and_processors_are_kept_and_none_leave_no_trace(tmp_path: Path) -> None:
    environment = Environment("NVIDIA H100", None, "3.11.7", "Linux-x86_64")
    plain = dataclasses.replace(MEASURED, environment=environment)
    with_notes = dataclasses.replace(environment, notes=["generate: out of memory with 50 at a time, goes on with 25"])
    noted = dataclasses.replace(MEASURED, environment=with_notes)
    on_cpu = dataclasses.replace(environment, device="cpu", threads=2, processor="AVX2")
    assert (environment.machine, on_cpu.machine) == ("NVIDIA H100", "cpu (AVX2), 2 threads")
    assert not [key for key in ('"notes"', '"processor"') if key in result_file.dumps(plain)]
    for result in (plain, noted, dataclasses.replace(MEASURED, environment=on_cpu)):
        result_file.write(result, tmp_path / "result.json")
        assert result_file.read(tmp_path / "result.json") == result


def test_fields_with_a_default_may_be_missing() -> None:
    record = json.loads((HISTORIC / "result-v1-failed.json").read_text(encoding="utf-8"))
    kept = {key: record[key] for key in ("schema_version", "task", "model", "origin", "scores")}
    assert result_file.parse(kept, "x.json").status == "complete"


Edit = Callable[[dict[str, Any]], object]
WRONG: list[tuple[str, Edit, str]] = [
    ("unknown field", lambda record: record.update(colour="red"), "colour"),
    ("unknown field of the model", lambda record: record["model"].update(colour="red"), r"model\.colour"),
    ("unknown field of a score", lambda record: record["scores"][1].update(p=0.05), r"scores.*p\b"),
    ("missing field", lambda record: record.pop("task"), "task"),
    ("missing score value", lambda record: record["scores"][0].pop("value"), r"scores.*value"),
    ("unknown status", lambda record: record.update(status="done"), "status"),
    ("unknown direction", lambda record: record["scores"][0].update(direction="up"), r"scores.*direction"),
    ("a list as parameter", lambda record: record["model"]["parameters"].update(x=[1]), r"parameters\.x"),
    ("a number in quotes", lambda record: record["scores"][0].update(value="58.77"), r"scores.*value"),
    ("true as a number", lambda record: record["scores"][0].update(n=True), r"scores.*n\b"),
    ("a seed in quotes", lambda record: record.update(seed="0"), "seed"),
    ("an interval back to front", lambda record: record["scores"][0].update(ci_low=99.0), "fid"),
    ("newer version", lambda record: record.update(schema_version=2), "schema_version 2.*upgrade ldbench"),
    ("version 0", lambda record: record.update(schema_version=0), "schema_version 0"),
    ("no version", lambda record: record.pop("schema_version"), "schema_version"),
    ("version in quotes", lambda record: record.update(schema_version="1"), "schema_version"),
]


@pytest.mark.parametrize(("edit", "said"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_a_wrong_field_is_refused_by_file_and_name(tmp_path: Path, edit: Edit, said: str) -> None:
    record = json.loads(result_file.dumps(MEASURED))
    edit(record)
    assert_refused(tmp_path, json.dumps(record), said)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, number: str) -> None:
    text = result_file.dumps(MEASURED)
    assert_refused(tmp_path, text.replace("58.77", number))
    assert_refused(tmp_path, text.replace("141.25", number))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"result"', "{}", "\ufeff{}"])
def test_what_is_no_result_file_is_refused(tmp_path: Path, text: str) -> None:
    assert_refused(tmp_path, text)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    text = result_file.dumps(MEASURED)
    assert_refused(tmp_path, text[: int(share * len(text))], "may be truncated")


def test_bytes_that_are_no_text_and_files_that_are_missing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "image.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for name in ("image.json", "missing.json", "."):
        with pytest.raises(ResultError, match=str(tmp_path)):
            result_file.read(tmp_path / name)


def test_nan_cannot_be_written(tmp_path: Path) -> None:
    poisoned = Result(TASK, MEASURED.model, "measured", [], stages=[Stage("fit", float("nan"))])
    with pytest.raises(ValueError, match="JSON compliant"):
        result_file.write(poisoned, tmp_path / "result.json")
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    up = dataclasses.replace(MEASURED.scores[0], direction="up")  # type: ignore[arg-type]
    with pytest.raises(ResultError, match=r"result.json:scores\[0\].direction: expected one of 'lower', 'higher', got"):
        result_file.write(dataclasses.replace(MEASURED, scores=[up]), tmp_path / "result.json")
    assert list(tmp_path.iterdir()) == []


def test_write_makes_folders_reads_back_equal_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "result.json"
    for _ in range(2):
        result_file.write(MEASURED, path)
    assert result_file.read(path) == MEASURED
    assert [item.name for item in path.parent.iterdir()] == ["result.json"]


def test_a_failing_disk_is_one_line_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultError, match="No space left on device; free space"):
        result_file.write(MEASURED, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match="can't write"):
        result_file.write(MEASURED, tmp_path / "file" / "result.json")


def assert_refused(folder: Path, text: str, said: str = "expected|got") -> None:
    path = folder / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=said) as caught:
        result_file.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_result_that_a_shell_wrote_anew_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(result_file.dumps(MEASURED), encoding=encoding)
    assert result_file.read(path) == MEASURED
