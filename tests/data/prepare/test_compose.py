"""Preparing a data set: the same files whatever the order, the processes or the interruptions; every fault is named."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ldbench.api import Found, Skipped, SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.listing import preview
from ldbench.data.prepare.splits import Plan, hashed, split_of
from ldbench.errors import DataError, UsageError

from .memory_reader import PLAN, LosslessReader, MemoryReader

pytestmark = pytest.mark.slow


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest(out: Path) -> bytes:
    return (out / "manifest.csv").read_bytes()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("owners") / "secret-place"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def prepared(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("prepared") / "out"
    prepare(MemoryReader(), root, out, plan=PLAN)
    return out


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, min_years=1.0), replace(PLAN, salt="other")])
def test_a_preview_counts_what_preparing_whole_images_uses(plan: Plan, root: Path, tmp_path: Path) -> None:
    reader = MemoryReader(broken=(), blank=())
    lines = list(preview(reader, root, tmp_path / "out", plan))
    assert not (tmp_path / "out").exists()
    made = prepare(reader, root, tmp_path / "out", plan=plan).counts.lines()
    assert lines[1 : 1 + len(made)] == made


@pytest.mark.parametrize(("reason", "said"), [("r" * 100, "r" * 100), ("r" * 101, "r" * 97 + "...")])
def test_an_example_has_its_whole_name_and_shows_where_its_reason_is_cut(
    reason: str, said: str, root: Path, tmp_path: Path
) -> None:
    class Wordy(MemoryReader):
        def found(self, root: Path) -> Found:
            return replace(super().found(root), skipped=(Skipped("patient/" * 9 + "a.jpg", reason, "rule", "wordy"),))

    lines = list(preview(Wordy(), root, tmp_path / "out", PLAN))
    assert lines[-1] == f"the first of wordy: {'patient/' * 9}a.jpg: {said}"


def test_what_is_used_is_counted_by_split_role_and_class(prepared: Path) -> None:
    found = rows(prepared)
    about = json.loads((prepared / "dataset.json").read_text(encoding="utf-8"))
    assert Counter(row["diagnosis"] for row in found if row["split"] == "test" and row["role"] == "scan") == {
        "CN": 5, "AD": 5
    }
    assert about["used"]["test"]["scan"] == {"CN": 5, "AD": 5}
    counts = [n for roles in about["used"].values() for labels in roles.values() for n in labels.values()]
    assert sum(counts) == len(found)
    assert {row["role"] for row in found} == {"scan", "spare", "later"}
    assert {row["role"] for row in found if row["split"] != "test"} == {"scan", "later"}
    assert about["size"] == [8, 8]
    assert about["attributes"] == {"age": "number", "diagnosis": "text", "visits": "integer"}


def test_no_subject_is_in_two_splits(prepared: Path) -> None:
    splits = defaultdict(set)
    for row in rows(prepared):
        splits[row["subject"]].add(row["split"])
    assert len(splits) == 40
    assert all(len(each) == 1 for each in splits.values())


def test_a_pair_repeats_the_file_of_a_scan_at_least_min_years_after_the_subjects_first(prepared: Path) -> None:
    found = {row["image_id"]: row for row in rows(prepared)}
    files = {row["file"]: row for row in found.values() if row["role"] != "later"}
    later = [row for row in found.values() if row["role"] == "later"]
    assert len(later) == 40
    for row in later:
        source, same = found[row["source"]], files[row["file"]]
        assert source["subject"] == row["subject"] == same["subject"]
        assert (row["sha256"], row["age"]) == (same["sha256"], same["age"])
        assert float(row["age"]) - float(source["age"]) > 1
    # by hash, so some are the next scan and some the last
    assert {round(float(row["age"]) - float(found[row["source"]]["age"]), 3) for row in later} == {1.5, 3.0}


def test_longer_intervals_leave_fewer_choices_and_then_none(root: Path, tmp_path: Path) -> None:
    for min_years, expected in ((2.0, {3.0}), (3.5, set())):
        out = tmp_path / str(min_years)
        prepare(MemoryReader(), root, out, plan=replace(PLAN, min_years=min_years))
        found = {row["image_id"]: row for row in rows(out)}
        gaps = {
            round(float(row["age"]) - float(found[row["source"]]["age"]), 3)
            for row in found.values() if row["role"] == "later"
        }
        assert gaps == expected


class UnequalAges(LosslessReader):
    """Ages as a table may have them: of person 0 not moving, of 1 falling, of 2 unknown at first, of 3 rising late."""

    AGES = ((70.0, 70.0, 70.0), (70.0, 69.0, 68.0), (float("nan"), 71.0, 72.0), (70.0, 70.0, 72.0))

    def found(self, root: Path) -> Found:
        images = list(super().found(root).images)
        for at, source in enumerate(images):
            person, visit = divmod(at, 3)
            if person < len(self.AGES):
                ages = {**source.attributes, "age": self.AGES[person][visit]}
                images[at] = replace(source, attributes=ages, years=1.5 * visit)
        return Found(tuple(images), ())


def test_scans_apart_in_time_and_not_in_age_make_no_pair_and_are_counted(root: Path, tmp_path: Path) -> None:
    summary = prepare(UnequalAges(), root, tmp_path / "out", plan=PLAN)
    found = {row["image_id"]: row for row in rows(tmp_path / "out")}
    ages = [(found[row["source"]]["age"], row["age"]) for row in found.values() if row["role"] == "later"]
    assert len(ages) == 40 - 3
    assert all(float(before) < float(after) for before, after in ages)
    assert ("70.0", "72.0") in ages
    assert any(note.startswith("warning: 3 subjects have scans far enough apart in time") for note in summary.notes)
    assert not prepare(LosslessReader(), root, tmp_path / "sound", plan=PLAN).notes


def test_nothing_of_the_owners_names_or_places_leaves(prepared: Path, root: Path) -> None:
    for path in prepared.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"secret-place" not in content, path
        if path.name != "skipped.csv":
            assert b"SUBJECT" not in content, path
            assert b"scan0" not in content, path
        assert str(root.parent).encode() not in content
        assert "SUBJECT" not in path.name


def test_order_processes_and_repetition_change_nothing(prepared: Path, root: Path, tmp_path: Path) -> None:
    prepare(MemoryReader(backwards=True), root, tmp_path / "backwards", plan=PLAN)
    assert manifest(tmp_path / "backwards") == manifest(prepared)
    log = tmp_path / "log"
    prepare(MemoryReader(log=log), root, prepared, plan=PLAN)
    assert not log.exists()
    assert manifest(tmp_path / "backwards") == manifest(prepared)


def test_people_who_join_and_visits_that_are_missing_move_nobody(prepared: Path, root: Path, tmp_path: Path) -> None:
    prepare(MemoryReader(subjects=60, broken=("SUBJECT0003/scan1.raw",)), root, tmp_path, plan=PLAN)
    more = {row["subject"]: row["split"] for row in rows(tmp_path)}
    assert {row["subject"]: row["split"] for row in rows(prepared)}.items() <= more.items()
    assert split_of("memory", "SUBJECT0003", fractions=PLAN.fractions) in {"train", "validation", "test"}


def test_another_plan_reads_no_image_again(root: Path, tmp_path: Path) -> None:
    prepare(MemoryReader(), root, tmp_path / "out", plan=PLAN)
    log = tmp_path / "log"
    prepare(MemoryReader(log=log), root, tmp_path / "out", plan=replace(PLAN, test_per_class=3))
    assert not log.exists()
    assert sum(row["split"] == "test" and row["role"] == "scan" for row in rows(tmp_path / "out")) == 6


def test_images_that_the_table_no_longer_names_are_removed_and_others_files_stay(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(LosslessReader(), root, out, plan=PLAN)
    (out / "images" / "mine.png").write_bytes(b"mine")
    fewer, broken = replace(PLAN, test_per_class=2), ("SUBJECT0001/scan0.raw",)
    summary = prepare(LosslessReader(subjects=20), root, out, plan=fewer)
    named = {row["file"] for row in rows(out)} | {"images/mine.png"}
    assert {f"images/{path.name}" for path in (out / "images").iterdir()} == named
    assert any(note.split()[0] == "removed" and note.split()[-1] == "60" for note in summary.notes)
    again = prepare(LosslessReader(subjects=20), root, out, plan=fewer)
    assert again.notes == ()
    (out / "images" / f"{hashed('memory', broken[0])}.png").unlink()
    log = tmp_path / "log"
    prepare(LosslessReader(log=log), root, out, plan=fewer)  # back in the table: made again
    assert len(log.read_text(encoding="utf-8").split()) == 61


@pytest.mark.parametrize("plan", [replace(PLAN, test_per_class=3), replace(PLAN, fractions=(0.4, 0.1, 0.5))])
def test_a_finished_data_set_that_becomes_another_says_so(plan: Plan, root: Path, tmp_path: Path) -> None:
    first = prepare(LosslessReader(), root, tmp_path, plan=PLAN)
    assert prepare(LosslessReader(), root, tmp_path, plan=PLAN).notes == ()
    second = prepare(LosslessReader(), root, tmp_path, plan=plan)
    (note,) = second.notes
    was, now = (each.manifest_sha256[:12] for each in (first, second))
    assert f"the manifest in this folder was {was}... and is {now}...: results on the data as they were don't" in note


def test_a_folder_begun_otherwise_is_refused(prepared: Path, root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"begun with another setting: size was 8, is 9; choose another --out"):
        prepare(MemoryReader(size=9), root, prepared, plan=PLAN)
    with pytest.raises(DataError, match=r"begun with another root; choose"):
        prepare(MemoryReader(), tmp_path, prepared, plan=PLAN)
    with pytest.raises(DataError, match=r"begun with another salt, 'ldbench-1' and not 'x'"):
        prepare(MemoryReader(), root, prepared, plan=replace(PLAN, salt="x"))


def test_every_fault_is_named_and_none_becomes_an_image(root: Path, tmp_path: Path) -> None:
    reader = MemoryReader(broken=("SUBJECT0001/scan0.raw",), blank=("SUBJECT0002/scan2.raw",))
    summary = prepare(reader, root, tmp_path, plan=PLAN)
    assert summary.counts.skipped == {
        ("fault", "missing-file"): 1, ("fault", "no contrast"): 1, ("fault", "unreadable"): 1, ("rule", "frontal"): 1
    }
    text = (tmp_path / "skipped.csv").read_text(encoding="utf-8").splitlines()
    assert text[1] == 'SUBJECT0001/scan0.raw,"expected pixels, got dust; clean it",fault,unreadable'
    assert "SUBJECT0002/scan2.raw" in text[2]
    assert "contrast" in text[2]
    assert text[3] == "z/lost.raw,can't read z/lost.raw: gone,fault,missing-file"
    assert sum(row["role"] != "later" for row in rows(tmp_path)) == 3 * 40 - 2
    assert len(list((tmp_path / "images").iterdir())) == 3 * 40 - 2
    log = tmp_path / "log"
    mended = prepare(replace(reader, broken=(), blank=(), log=log), root, tmp_path, plan=PLAN)
    assert set(log.read_text(encoding="utf-8").split()) == {"SUBJECT0001/scan0.raw", "SUBJECT0002/scan2.raw"}
    assert ("fault", "unreadable") not in mended.counts.skipped


@dataclass(frozen=True)
class MissingReader(MemoryReader):
    """The same, where one scan's file is not there though the tables know it."""

    missing: str = ""

    def found(self, root: Path) -> Found:
        """Everyone, and what is missing."""
        whole = super().found(root)
        (gone,) = (one for one in whole.images if one.name == self.missing)
        left_out = Skipped(gone.name, "no such file", "fault", "missing", gone)
        return Found(tuple(one for one in whole.images if one is not gone), (*whole.skipped, left_out))


def test_no_image_takes_the_place_of_a_test_image_that_is_not_usable(
    prepared: Path, root: Path, tmp_path: Path
) -> None:
    by_id = {hashed("memory", one.image, PLAN.salt): one for one in MemoryReader().found(root).images}
    whole = {row["image_id"]: row for row in rows(prepared)}
    test_set = [row["image_id"] for row in whole.values() if (row["split"], row["role"]) == ("test", "scan")]
    lost = by_id[test_set[0]]
    for reader in (MemoryReader(broken=(lost.name,)), MissingReader(missing=lost.name)):
        out = tmp_path / type(reader).__name__
        summary = prepare(reader, root, out, plan=PLAN)
        left = {row["image_id"]: row for row in rows(out)}
        assert left.items() <= whole.items()  # the others keep their split, role and pairs
        assert {row["image_id"] for row in whole.values() if row["split"] == "test" and row["role"] == "scan"} - {
            row["image_id"] for row in left.values() if row["role"] == "scan"
        } == {test_set[0]}
        (note,) = [line for line in summary.lines() if "drawn" in line]
        foreseen = isinstance(reader, MissingReader)  # what is broken shows when it is read
        assert (note in preview(reader, root, out, PLAN)) is foreseen
        of_class = f"1 {lost.attributes['diagnosis']}"
        assert f"1 of the 10 test images that were drawn are not usable ({of_class}): {lost.name};" in note
        assert json.loads((out / "dataset.json").read_text(encoding="utf-8"))["test_images_missed"] == 1
    assert "test_images_missed" not in (prepared / "dataset.json").read_text(encoding="utf-8")


def test_a_strict_run_stops_at_the_first_fault_with_one_line(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^z/lost\.raw: can't read z/lost\.raw: gone; repair or remove it") as caught:
        prepare(MemoryReader(), root, tmp_path, plan=PLAN, strict=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "dataset.json").exists()


@pytest.mark.slow
def test_two_processes_write_what_one_does_and_stop_where_it_does(prepared: Path, root: Path, tmp_path: Path) -> None:
    before = dict(os.environ)
    prepare(MemoryReader(), root, tmp_path / "out", plan=PLAN, jobs=2)
    assert manifest(tmp_path / "out") == manifest(prepared)
    # the listing's own fault would stop it before any process is started
    reader = LosslessReader(broken=("SUBJECT0009/scan1.raw",), pause=0.02)
    with pytest.raises(DataError, match=r"^SUBJECT0009/scan1\.raw: expected pixels, got dust; clean it"):
        prepare(reader, root, tmp_path / "strict", plan=PLAN, jobs=2, strict=True)
    assert len(list((tmp_path / "strict" / "images").iterdir())) < 120
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("reader", "plan", "jobs", "message"),
    [
        (MemoryReader(subjects=0), PLAN, 1, "expected images to use"),
        (MemoryReader(), replace(PLAN, test_per_class=30), 1, "expected 30 images of each class, the test split has"),
        (MemoryReader(), PLAN, 0, "--jobs: expected 1 or more, got 0"),
    ],
)
def test_what_cannot_be_prepared_is_said_before_anything_is_read(
    reader: MemoryReader, plan: Plan, jobs: int, message: str, root: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with pytest.raises((DataError, UsageError), match=message):
        prepare(replace(reader, log=log), root, tmp_path / "out", plan=plan, jobs=jobs)
    assert not log.exists()


@dataclass(frozen=True)
class UnusableReader(MemoryReader):
    """The same without any image to use."""

    def found(self, root: Path) -> Found:
        """What is left out alone."""
        return Found((), super().found(root).skipped)


def test_where_nothing_is_usable_the_rules_are_counted_and_every_image_is_named(root: Path, tmp_path: Path) -> None:
    whole = MemoryReader(subjects=1, broken=tuple(f"SUBJECT0000/scan{n}.raw" for n in range(3)))
    for reader, message in (
        (UnusableReader(), r"got none; left out: 1 missing-file, 1 frontal; the first, z/lost\.raw: can't read z/lost"),
        (whole, r"got none; left out: 3 unreadable, .*; the first, SUBJECT0000/scan0\.raw: expected pixels, got dust"),
    ):
        out = tmp_path / type(reader).__name__
        with pytest.raises(DataError, match=message) as caught:
            prepare(reader, root, out, plan=Plan())
        assert "--root" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "z/side.raw,a lateral view,rule,frontal" in (out / "skipped.csv").read_text(encoding="utf-8")
        assert not (out / "dataset.json").exists()
        prepare(MemoryReader(), root, out, plan=PLAN)  # the attempt is in nobody's way


def test_a_finished_data_set_keeps_its_list_of_what_was_left_out(root: Path, tmp_path: Path) -> None:
    prepare(MemoryReader(subjects=20), root, tmp_path, plan=Plan())
    (tmp_path / "skipped.csv").write_text("kept", encoding="utf-8")
    with pytest.raises(DataError, match="expected images to use"):
        prepare(UnusableReader(), root, tmp_path, plan=Plan())
    assert (tmp_path / "skipped.csv").read_text(encoding="utf-8") == "kept"


def test_a_changed_or_torn_file_is_made_again(root: Path, tmp_path: Path) -> None:
    prepare(MemoryReader(), root, tmp_path, plan=PLAN)
    before = manifest(tmp_path)
    images = sorted((tmp_path / "images").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:-5])
    images[1].unlink()
    journal = (tmp_path / "journal.csv").read_text(encoding="utf-8")
    (tmp_path / "journal.csv").write_text(journal[:-10], encoding="utf-8")
    log = tmp_path / "log"
    prepare(MemoryReader(log=log), root, tmp_path, plan=PLAN)
    assert len(log.read_text(encoding="utf-8").split()) in (2, 3)  # the journal's last image may be one of the two
    assert manifest(tmp_path) == before


@dataclass(frozen=True)
class FileReader(MemoryReader):
    """The same from files: a picture's noise follows from what is in its file."""

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """Noise of the file's bytes."""
        super().pixels(source)  # for the log
        return np.random.default_rng(list(source.path.read_bytes())).random((self.size, self.size), dtype=np.float32)


def owners(root: Path) -> FileReader:
    """The files of a reader's images, each with its name in it."""
    reader = FileReader(subjects=20)
    for source in reader.found(root).images:
        source.path.parent.mkdir(parents=True, exist_ok=True)
        source.path.write_bytes(source.name.encode())
    return reader


SMALL = replace(PLAN, test_per_class=1)


@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(0, 59), max_size=5), st.binary(min_size=1, max_size=8))
def test_sources_that_are_replaced_under_their_names_are_made_again(which: set[int], content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        root, out, log = Path(place, "root"), Path(place, "out"), Path(place, "log")
        reader = owners(root)
        prepare(reader, root, out, plan=SMALL)
        before = manifest(out)
        replaced = [reader.found(root).images[index] for index in sorted(which)]
        for source in replaced:
            source.path.write_bytes(content)
        prepare(replace(reader, log=log), root, out, plan=SMALL)
        read = log.read_text(encoding="utf-8").split() if log.exists() else []
        assert sorted(read) == sorted(source.name for source in replaced)
        assert (manifest(out) == before) == (not replaced)
        prepare(reader, root, Path(place, "anew"), plan=SMALL)
        assert manifest(out) == manifest(Path(place, "anew"))


@dataclass(frozen=True)
class MaskedReader(FileReader):
    """The same, less where a mask beside the file says so."""

    def further_files(self, source: SourceImage) -> tuple[Path, ...]:
        """The mask, and one of another kind that nobody has."""
        return source.path.with_suffix(".mask"), source.path.with_suffix(".none")

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """Noise, brighter where the mask is longer."""
        return super().pixels(source) / np.float32(1 + source.path.with_suffix(".mask").stat().st_size)


def test_images_whose_further_files_are_replaced_are_made_again(tmp_path: Path) -> None:
    root, out, log = tmp_path / "root", tmp_path / "out", tmp_path / "log"
    images = owners(root).found(root).images
    for source in images:
        source.path.with_suffix(".mask").write_bytes(b"")
    reader = MaskedReader(subjects=20)
    prepare(reader, root, out, plan=SMALL)
    images[3].path.with_suffix(".mask").write_bytes(b"1")
    images[5].path.with_suffix(".none").write_bytes(b"")
    prepare(replace(reader, log=log), root, out, plan=SMALL)
    assert sorted(log.read_text(encoding="utf-8").split()) == sorted([images[3].name, images[5].name])
    prepare(reader, root, tmp_path / "anew", plan=SMALL)
    assert manifest(out) == manifest(tmp_path / "anew")


def test_a_journal_that_names_no_sources_goes_on_with_its_images_made_again(tmp_path: Path) -> None:
    root, out, log = tmp_path / "root", tmp_path / "out", tmp_path / "log"
    reader = owners(root)
    prepare(reader, root, out, plan=SMALL)
    before, journal = manifest(out), out / "journal.csv"
    lines = [line.rpartition(",")[0] for line in journal.read_text(encoding="utf-8").splitlines()]
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = reader.found(root).images[7]
    source.path.write_bytes(b"another")
    prepare(replace(reader, log=log), root, out, plan=SMALL)
    assert len(log.read_text(encoding="utf-8").split()) == 60
    assert manifest(out) != before
    log.unlink()
    prepare(replace(reader, log=log), root, out, plan=SMALL)
    assert not log.exists()


PROGRAM = """
import sys
from pathlib import Path
from ldbench.api import Found
from ldbench.data.prepare.compose import prepare
from tests.data.prepare.memory_reader import PLAN, MemoryReader
if __name__ == "__main__":
    root, out, log = map(Path, sys.argv[1:])
    prepare(MemoryReader(pause=0.05, log=log), root, out, plan=PLAN, jobs=2)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_the_same(prepared: Path, root: Path, tmp_path: Path) -> None:
    program, out, log = tmp_path / "program.py", tmp_path / "out", tmp_path / "log"
    program.write_text(PROGRAM, encoding="utf-8")
    here = Path(__file__).parents[3]
    command = [sys.executable, str(program), str(root), str(out), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(here)}
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 60
    while (len(log.read_text(encoding="utf-8").split()) if log.exists() else 0) < 30:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers = children(process.pid)
    assert workers
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "workers outlive the run that started them"
        time.sleep(0.02)
    assert not (out / "dataset.json").exists()
    finished = len((out / "journal.csv").read_text(encoding="utf-8").splitlines())
    assert 0 < finished < 120
    before = len(log.read_text(encoding="utf-8").split())
    subprocess.run(command, env=environment, check=True)
    assert len(log.read_text(encoding="utf-8").split()) - before == 120 - finished
    assert manifest(out) == manifest(prepared)


def children(pid: int) -> list[int]:
    """The processes that a process started (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


class LatinReader(MemoryReader):
    """Names as unzip writes them from an archive of a Windows in Latin-1."""

    def found(self, root: Path) -> Found:
        found = super().found(root)
        prefix = os.fsdecode(b"Universit\xe4t/")
        images = [replace(image, name=prefix + image.name, image=prefix + image.image) for image in found.images]
        return Found.in_order(images, [replace(left, name=prefix + left.name) for left in found.skipped])


def test_names_that_are_no_text_are_prepared_and_skipped_like_others(prepared: Path, tmp_path: Path) -> None:
    root, out = (tmp_path / os.fsdecode(name) for name in (b"Universit\xe4t", b"pr\xe9par\xe9"))
    root.mkdir()
    first = prepare(LatinReader(), root, out, plan=PLAN)
    assert prepare(LatinReader(), root, out, plan=PLAN) == first  # goes on in the folder
    assert Counter(row["role"] for row in rows(out)) == Counter(row["role"] for row in rows(prepared))
    assert "Universit\\udce4t/z/lost.raw" in (out / "skipped.csv").read_text(encoding="utf-8")
