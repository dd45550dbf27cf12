"""What a run of a matrix says of a folder that it finds finished, and how it waits for one where others are at work."""

from __future__ import annotations

import dataclasses
import errno
import re
import threading
import time
from pathlib import Path

import pytest

from ldbench.records.run_folder import RunFolder
from ldbench.run.matrix import sequence, worker
from ldbench.run.matrix.display import line
from ldbench.run.matrix.plan import Job, Matrix, plan
from ldbench.run.matrix.worker import Standing, clear_standing, is_finished, read_back, standing, wait_for_turn
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import cheap_card
from tests.stand_ins.sources import GREY


def finished_job(folder: Path, model: str) -> tuple[Job, list[str]]:
    """The job of a run that `ldbench run` has finished, and what that says when it finds it so."""
    card, said = str(cheap_card(folder)), list[str]()
    run(card, model, Settings(folder / "runs"))
    run(card, model, Settings(folder / "runs", say=said.append))
    (job,) = plan(Matrix([card], [model], [0], folder / "runs", device="cpu"))
    return job, said


def test_a_finished_run_is_said_to_be_read_back_with_its_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job, said = finished_job(tmp_path, "mean-image")
    outcome = read_back(job)
    assert (outcome.status, [outcome.note]) == ("read back", said)
    assert re.search(r"small mean-image seed 0  \S+; finished run of \d{4}-\S+$", line(job, outcome))


def test_a_finished_run_of_other_code_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "grey_package"
    package.mkdir()
    (package / "__init__.py").write_text(GREY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    job, _ = finished_job(tmp_path, "grey_package:Grey")
    (package / "__init__.py").write_text(GREY.replace("0.5)", "0.25)"), encoding="utf-8")
    outcome = read_back(job)
    assert outcome.status == "read back"
    said = r"finished run of \S+; the code of \S+ was edited since \(sha256:\w+, here sha256:\w+\), .*; to run it anew"
    assert re.search(said, outcome.note)


def test_a_finished_run_of_other_settings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job, _ = finished_job(tmp_path, "mean-image")
    outcome = read_back(dataclasses.replace(job, batch_size=3))
    assert (outcome.status, outcome.note) == ("failed", "")
    assert "begun with batch_size 50, this run has 3" in outcome.reason


def jobs(folder: Path, models: list[str]) -> list[Job]:
    return plan(Matrix([str(cheap_card(folder))], models, [0], folder / "runs", device="cpu"))


def stale(*arguments: object, **options: object) -> bool:
    raise OSError(errno.ESTALE, "Stale file handle", "result.json")


@pytest.mark.parametrize("content", [b"", b'["fit", 3', b"\xff", b"{}", b'["fit"]', b'["fit", "a", 2, ""]', b"null"])
def test_a_part_of_where_a_run_stands_is_nowhere(content: bytes, tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, ["mean-image"])
    job.run_folder.path.mkdir(parents=True)
    assert standing(job) is None
    job.run_folder.progress.write_text('["fit", 3, 10, "loss"]', encoding="utf-8")
    assert standing(job) == Standing("fit", 3, 10, "loss")
    job.run_folder.progress.write_bytes(content)
    assert standing(job) is None


def test_a_disk_that_cannot_say_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs(tmp_path, ["mean-image"])
    job.run_folder.path.mkdir(parents=True)
    monkeypatch.setattr(Path, "read_text", stale)
    monkeypatch.setattr(Path, "unlink", stale)
    monkeypatch.setattr(RunFolder, "finished", stale)
    assert standing(job) is None
    clear_standing(job)
    assert not is_finished(job)


def test_a_result_that_comes_late_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs(tmp_path, ["mean-image"])
    monkeypatch.setattr(worker, "LOOK_AGAIN", 0.01)
    answers = iter([False, False, True])
    monkeypatch.setattr(RunFolder, "finished", lambda folder: next(answers))
    job.run_folder.path.mkdir(parents=True)
    assert not is_finished(job)
    assert is_finished(job, 60)


def test_a_run_whose_folder_cannot_be_made_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = jobs(tmp_path, ["mean-image", "real"])
    first.run_folder.path.parent.mkdir(parents=True)
    first.run_folder.path.write_text("in the way", encoding="utf-8")
    monkeypatch.setattr(sequence, "_watched", lambda *arguments: 3)
    (_, one), (_, two) = sequence.one_after_another([first, second], lambda: None)
    assert one.reason.startswith(f"can't write {first.folder}: {first.folder} is a file, and a folder is")
    assert two.reason.startswith("its process ended with exit code 3")


def test_a_run_waits_for_the_process_before_it_and_no_longer_than_it_has_patience(tmp_path: Path) -> None:
    folder, free = RunFolder(tmp_path / "run"), threading.Event()

    def at_work() -> None:
        with folder.claimed():
            free.wait()

    other = threading.Thread(target=at_work)
    other.start()
    while not folder.lock.exists():
        time.sleep(0.01)
    try:
        started = time.monotonic()
        wait_for_turn(folder, 0.2)
        assert time.monotonic() - started >= 0.2
        threading.Timer(0.1, free.set).start()
        wait_for_turn(folder, 60)
        assert free.is_set()
        assert time.monotonic() - started < 30
    finally:
        free.set()
        other.join()
