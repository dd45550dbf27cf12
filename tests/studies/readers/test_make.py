"""What a study shows: balance, no subject twice, the right answers right, runs that don't fit refused in one line."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import LdbenchError, ResultError, UsageError
from ldbench.studies.readers.blind import blinded
from ldbench.studies.readers.document import StudyError
from ldbench.studies.readers.draw import Draft, draw
from ldbench.studies.readers.key import StudyImage, StudyTrial, read_key
from ldbench.studies.readers.make import Design, make
from ldbench.studies.readers.pictures import Gallery
from ldbench.studies.readers.questions import chosen
from ldbench.studies.readers.runs import open_runs
from ldbench.task import card

from .conftest import DESIGN, MODELS, SALT, Study, write_run

pytestmark = pytest.mark.slow


def drafts_of(data: TaskData, runs: int = 3, count: int = 12) -> list[Draft]:
    return draw(data, runs, chosen((), data.task, runs), count, 2, 0)


@pytest.fixture(
    scope="module",
    params=["sandbox-brain-disease", "sandbox-brain-aging", pytest.param("sandbox-chest-t2i", marks=pytest.mark.slow)],
)
def drawn(request: pytest.FixtureRequest) -> tuple[TaskData, list[Draft]]:
    data = task_data(card.load(request.param), 0)
    return data, drafts_of(data)


def test_runs_and_classes_are_balanced_and_no_subject_comes_twice(drawn: tuple[TaskData, list[Draft]]) -> None:
    data, drafts = drawn
    records = {record.id: record for record in data.dataset.records}
    subjects = [
        subject for draft in drafts for subject in {records[picture.id].subject for picture in draft.pictures}
    ]
    assert len(subjects) == len(set(subjects))
    real = [draft for draft in drafts if draft.question == "real" and not draft.catch]
    assert Counter(draft.pictures[0].run for draft in real) == {None: 6, 0: 2, 1: 2, 2: 2}
    cases = {case.id: case for case in data.cases}
    name = data.task.data.class_attribute
    made = Counter(cases[each.pictures[0].id].attributes[name] for each in real if each.pictures[0].kind == "result")
    scans = Counter(records[each.pictures[0].id].attributes[name] for each in real if each.pictures[0].kind == "scan")
    classes = data.task.data.classes
    assert max(made[each] for each in classes) - min(made[each] for each in classes) <= 1
    assert max(scans[each] for each in classes) - min(scans[each] for each in classes) <= 1
    pairs = Counter(tuple(picture.run for picture in each.pictures) for each in drafts if each.question == "preference")
    assert pairs == {(0, 1): 4, (0, 2): 4, (1, 2): 4}
    disease = [each for each in drafts if each.question == "disease"]
    assert Counter(max(-1 if each.run is None else each.run for each in draft.pictures) for draft in disease) == {
        -1: 3, 0: 3, 1: 3, 2: 3,
    }


def test_eight_runs_come_equally_often_among_fewer_trials_than_pairs(data: TaskData) -> None:
    drafts = draw(data, 8, chosen(("preference",), data.task, 8), 20, 0, 0)
    shown = [tuple(picture.run for picture in draft.pictures) for draft in drafts]
    assert len(set(shown)) == 20
    assert Counter(run for pair in shown for run in pair) == dict.fromkeys(range(8), 5)


def test_pairs_of_runs_that_never_meet_are_told(study: Study) -> None:
    def told(preferences: int, runs: int) -> list[str]:
        trials = [replace(study.key.trials[0], question="real")]
        for run in range(1, preferences + 1):
            pictures = tuple(StudyImage("result", "case", each) for each in (0, run))
            trials.append(replace(trials[0], question="preference", pictures=pictures))
        key = replace(study.key, runs=study.key.runs[:1] * runs, trials=tuple(trials))
        return replace(study.made, key=key).lines()[2:]

    assert study.made.lines()[2:] == told(1, 2) == told(0, 3) == []
    assert told(2, 3) == [
        "preference: only 2 of 3 pairs of runs meet, as there are fewer trials than pairs; --per-question 3 or more "
        "shows all"
    ]


def test_the_first_picture_is_the_right_answer(drawn: tuple[TaskData, list[Draft]]) -> None:
    data, drafts = drawn
    records, cases = ({each.id: each for each in group} for group in (data.dataset.records, data.cases))
    name = data.task.data.class_attribute

    def shown(picture_kind: str, picture_id: str, attribute: str) -> str | int | float:
        if picture_kind in ("scan", "noise"):
            return records[picture_id].attributes[attribute]
        return cases[picture_id].attributes[attribute]

    seen = set()
    for draft in drafts:
        values = [shown(picture.kind, picture.id, name) for picture in draft.pictures]
        if draft.question == "disease":
            assert values[1] == data.task.data.classes[0] != values[0]
            assert f" {values[0]} " in draft.asked
            seen.add(draft.pictures[0].kind)
        if draft.question == "older":
            ages = [shown(picture.kind, picture.id, "age") for picture in draft.pictures]
            assert ages[0] > ages[1]
        if draft.question == "preference":
            assert (draft.source is None) == (data.task.edit is None)
    if data.task.kind == "disease-counterfactual":
        assert "result" in seen
        assert "scan" in seen  # a reader who always takes the generated image for the ill one is right half the time


def test_questions_follow_the_task(data: TaskData) -> None:
    assert [each.name for each in chosen((), data.task, 2)] == ["real", "disease", "preference"]
    assert [each.name for each in chosen(("preference", "real"), data.task, 2)] == ["real", "preference"]
    aging = card.load("sandbox-brain-aging")
    assert [each.name for each in chosen((), aging, 1)] == ["real", "older", "disease"]
    for names, runs, words in ((("older",), 2, "edits the age"), (("preference",), 1, "two runs"), (("x",), 2, "'x'")):
        with pytest.raises(LdbenchError, match=words):
            chosen(names, data.task, runs)


def test_too_many_trials_are_refused(data: TaskData) -> None:
    with pytest.raises(UsageError, match=r"subject not yet shown, got none.*lower --per-question") as caught:
        drafts_of(data, 2, 100)
    most = int(str(caught.value).split("--per-question to ")[1].split(" or less, or ask fewer questions")[0])
    drafts_of(data, 2, most)
    with pytest.raises(UsageError, match=f"lower --per-question to {most} or less"):
        drafts_of(data, 2, most + 1)
    with pytest.raises(UsageError, match="--per-question 2 or more"):
        drafts_of(data, 2, 1)


def test_sides_are_balanced_and_neither_place_nor_id_tells_them(data: TaskData) -> None:
    drafts = drafts_of(data, 2, 12)
    questions = chosen((), data.task, 2)
    by_place, by_id, total = 0, 0, 0
    for number in range(150):
        trials = blinded(drafts, questions, 0, 0, f"{number:032x}")
        pairs = [trial for trial in trials if trial.question == "disease"]
        assert Counter(trial.right for trial in pairs) == {"left": 6, "right": 6}
        assert {abs(Counter(t.right for t in pairs if t.run == run)["left"] - 2) <= 1 for run in (0, 1, None)} == {True}
        games = [trial for trial in trials if trial.question == "preference"]
        assert sum(trial.pictures[0].run == 0 for trial in games) == 6
        by_place += sum(trial.right == "left" for trial in pairs[::2])
        by_id += sum(trial.right == "left" for trial in sorted(pairs, key=lambda trial: trial.id)[::2])
        total += len(pairs[::2])
    spread = 4 * (total / 4) ** 0.5  # four standard deviations of a coin
    assert abs(by_place - total / 2) < spread
    assert abs(by_id - total / 2) < spread


def test_repeats_come_later_with_their_sides_swapped(study: Study) -> None:
    trials = study.key.trials
    place = {trial.id: index for index, trial in enumerate(trials)}
    again = [trial for trial in trials if trial.repeat_of]
    assert Counter(trial.question for trial in again) == {"real": 2, "disease": 2, "preference": 2}
    for trial in again:
        first = study.key.by_id()[trial.repeat_of or ""]
        assert place[trial.id] > place[first.id] + 1
        assert trial.pictures == first.pictures[::-1]
        if trial.question == "disease":
            assert {trial.right, first.right} == {"left", "right"}


def test_the_salt_alone_decides_order_and_ids_and_the_seed_the_cases(study: Study, tmp_path: Path) -> None:
    again = make(study.folders, tmp_path / "a.html", DESIGN)
    assert again.page.read_bytes() == study.made.page.read_bytes()
    assert again.key == study.key == read_key(again.key_path)
    other = make(study.folders, tmp_path / "b.html", replace(DESIGN, salt=None)).key
    assert other.study != study.key.study
    assert not {trial.id for trial in other.trials} & {trial.id for trial in study.key.trials}

    def shown(trials: tuple[StudyTrial, ...]) -> set[frozenset[tuple[str, str]]]:
        return {frozenset((each.kind, each.id) for each in trial.pictures) for trial in trials}

    assert shown(other.trials) == shown(study.key.trials)
    assert [trial.question for trial in other.trials] == [trial.question for trial in study.key.trials]


def test_noise_keeps_the_histogram_and_nothing_else(study: Study) -> None:
    gallery = Gallery(open_runs(study.folders))
    catches = [trial for trial in study.key.trials if trial.catch]
    assert len(catches) == 2
    for trial in catches:
        noise, scan = (gallery.pixels(each) for each in (trial.pictures[0], replace(trial.pictures[0], kind="scan")))
        assert np.array_equal(np.sort(noise, axis=None), np.sort(scan, axis=None))
        assert (noise != scan).mean() > 0.3
        assert trial.right == "generated"


def changed(study: Study, tmp_path: Path, **values: object) -> Path:
    folder = tmp_path / "changed"
    shutil.copytree(study.folders[1], folder)
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | values))
    return folder


def test_runs_that_cannot_meet_are_refused_in_one_line(study: Study, data: TaskData, tmp_path: Path) -> None:
    task = {"id": data.task.id, "version": 9, "kind": data.task.kind, "card_hash": data.task.hash}
    wrong = [
        ([study.folders[0], tmp_path], "expected the folder of a finished run"),
        ([study.folders[0], study.folders[0] / "result.json"], "one folder twice"),
        ([study.folders[0], changed(study, tmp_path / "0", status="failed")], "a failed measured result"),
        ([study.folders[0], changed(study, tmp_path / "1", split_hash="0" * 64)], "data 000000000000"),
        ([study.folders[0], changed(study, tmp_path / "2", task=task)], "got sandbox-brain-disease version 9"),
        ([changed(study, tmp_path / "3", task=task)], f"the card here is {data.task.id} version {data.task.version}"),
        ([], "got none"),
    ]
    for folders, words in wrong:
        with pytest.raises(LdbenchError, match=words) as caught:
            make(folders, tmp_path / "x.html", DESIGN)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.html").exists()
    shutil.rmtree(tmp_path / "0" / "changed" / "images")
    (tmp_path / "0" / "changed" / "result.json").write_text((study.folders[1] / "result.json").read_text())
    with pytest.raises(ResultError, match="images/ beside"):
        open_runs([tmp_path / "0" / "changed"])


def test_a_missing_image_a_bad_salt_and_an_old_key_are_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected no key there yet"):
        make(study.folders, study.made.page, DESIGN)
    for name in ("page", "page.zip", "page.key.json"):
        with pytest.raises(UsageError, match=rf"--out: expected a page ending in \.html, got .*{name}"):
            make(study.folders, tmp_path / name, DESIGN)
    foreign = tmp_path / "mine.html"
    foreign.write_text("<title>Our lab</title>", encoding="utf-8")
    with pytest.raises(ResultError, match=rf"{foreign}: expected a file of `ldbench study make` or none, got another"):
        make(study.folders, foreign, DESIGN)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]
    foreign.write_bytes(study.made.page.read_bytes())
    assert make(study.folders, foreign, DESIGN).page == foreign
    with pytest.raises(UsageError, match="32 to 64 hex digits"):
        make(study.folders, tmp_path / "x.html", Design(salt="short"))
    folder = changed(study, tmp_path)
    next((folder / "images").glob("*.png")).unlink()
    with pytest.raises(ResultError, match=r"the run's own images, got images: 1 missing: .*; restore them"):
        make([study.folders[0], folder], tmp_path / "x.html", DESIGN)
    assert not (tmp_path / "x.key.json").exists()


def test_images_that_are_not_those_of_the_run_are_shown_to_nobody(study: Study, tmp_path: Path) -> None:
    folder = changed(study, tmp_path)
    one, other = sorted((folder / "images").glob("*.png"))[:2]
    one.write_bytes(other.read_bytes())
    with pytest.raises(ResultError, match=rf"images: 1 not as in the manifest: {one.name}; restore them"):
        make([study.folders[0], folder], tmp_path / "x.html", DESIGN)
    (folder / "manifest.json").unlink()
    with pytest.raises(ResultError, match=r"manifest\.json"):
        make([study.folders[0], folder], tmp_path / "x.html", DESIGN)
    assert not (tmp_path / "x.key.json").exists()


def test_runs_of_one_name_are_told_apart(study: Study, data: TaskData, tmp_path: Path) -> None:
    twin = write_run(data, tmp_path / "twin", MODELS[0], 1)
    assert [run.label for run in open_runs([study.folders[0], twin]).runs] == [
        f"{MODELS[0]} seed 0 #1", f"{MODELS[0]} seed 0 #2",
    ]
    assert [run.label for run in open_runs([study.folders[1], twin]).runs] == [MODELS[1], MODELS[0]]
    assert SALT not in study.made.page.read_text()
