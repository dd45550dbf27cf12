"""Whole studies scored: simulated readers give back their skill, tables say what counts, the command line is thin."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.errors import LdbenchError
from ldbench.studies.readers.display import render
from ldbench.studies.readers.score import SCANS, StudyScore, scored
from tests.command_line import called, said

from .conftest import MODELS, SALT, Study, answered, skilled


@pytest.fixture(scope="module")
def panel(study: Study) -> StudyScore:
    random = np.random.default_rng(0)
    return scored(study.key, [skilled(study.key, f"R{n}", 0.8, 0.9, random) for n in range(6)])


def test_simulated_readers_give_back_their_skill(study: Study) -> None:
    """Skill 0.8 and a preference of 0.9 for the first run: inside nearly every interval, over studies."""
    inside, total = 0, 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        found = scored(study.key, [skilled(study.key, f"R{n}", 0.8, 0.9, random) for n in range(4)], seed)
        estimates = [(row.accuracy, 0.8) for row in found.accuracies] + [(row.score, 0.9) for row in found.preferences]
        inside += sum(each.low <= truth <= each.high for each, truth in estimates)
        total += len(estimates)
    assert inside >= 0.9 * total


def test_every_run_and_real_scans_have_a_row(panel: StudyScore) -> None:
    rows = {(row.question, row.images): row for row in panel.accuracies}
    assert set(rows) == {(question, images) for question in ("real", "disease") for images in (*MODELS, SCANS)}
    assert rows["real", SCANS].d_prime is None
    assert rows["real", SCANS].accuracy.n == 18
    assert {row.accuracy.n for row in panel.accuracies if row.question == "disease"} == {12}
    detected = rows["real", MODELS[0]].d_prime
    assert detected is not None
    assert detected.n == 6 * 2 + 18  # the run's two images and the three real scans, each to six readers
    assert (panel.preferences[0].first, panel.preferences[0].second) == MODELS
    assert panel.preferences[0].score.low > 0.5
    assert panel.order == ()
    assert {row.question for row in panel.agreements} == {"real", "disease", "preference"}
    assert all((each.catches_passed, each.catches, each.repeats) == (2, 2, 6) for each in panel.readers)


def test_side_pickers_are_inconsistent_and_unable(study: Study) -> None:
    """Who always presses 1 is right half the time on pairs and never chooses the same picture twice."""
    given = [(trial, "left" if len(trial.pictures) == 2 else "real") for trial in study.key.trials]
    found = scored(study.key, [answered(study.key, "one", given)])
    disease = [row.accuracy for row in found.accuracies if row.question == "disease"]
    assert sum(each.value * each.n for each in disease) == pytest.approx(3)
    (reader,) = found.readers
    assert (reader.repeats_alike, reader.repeats) == (2, 6)  # the two single images
    assert (reader.catches_passed, reader.catches) == (0, 2)
    assert "Took noise for a real scan: one" in render(found, "terminal")
    assert found.agreements == ()


def test_repeats_and_noise_count_in_no_accuracy(study: Study) -> None:
    def flipped(right: str) -> str:
        return {"left": "right", "right": "left", "real": "generated", "generated": "real"}[right]

    given = []
    for trial in study.key.trials:
        wrong = trial.catch or trial.repeat_of is not None
        right = trial.right or "neither"
        given.append((trial, flipped(right) if wrong and trial.right else right))
    found = scored(study.key, [answered(study.key, "R", given)])
    assert {row.accuracy.value for row in found.accuracies} == {1.0}
    assert found.readers[0].repeats_alike == 2  # "can't tell" twice
    assert found.preferences[0].share_neither.value == 1
    assert found.preferences[0].p == 1


def test_readers_who_stop_early_count_as_far_as_they_came(study: Study) -> None:
    half = [(trial, trial.right or "left") for trial in study.key.trials[:9]]
    found = scored(study.key, [answered(study.key, "R", half)])
    assert found.readers[0].answered == 9
    assert f"Stopped early: R 9 of {len(study.key.trials)}" in render(found, "terminal")
    assert sum(row.accuracy.n for row in found.accuracies) <= 9


def test_equal_files_give_equal_numbers_whatever_their_order(study: Study) -> None:
    random = np.random.default_rng(0)
    files = [skilled(study.key, f"R{n}", 0.7, 0.5, random) for n in range(3)]
    assert scored(study.key, files, 5) == scored(study.key, files, 5)


def test_formats(panel: StudyScore) -> None:
    parsed = json.loads(render(panel, "json"))
    assert parsed == json.loads(json.dumps(asdict(panel)))
    markdown = render(replace(panel, runs=("a|b", "*c*")), "markdown")
    assert r"a\|b, \*c\*" in markdown
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in tables[:8]}) == 1
    assert "Krippendorff" in render(panel, "terminal")


def test_the_command_line_makes_and_scores(study: Study, tmp_path: Path) -> None:
    page, consent = tmp_path / "p.html", tmp_path / "consent.txt"
    consent.write_text("Ethics vote 7.\n\nThank you.", encoding="utf-8")
    line = ["study", "make", *map(str, study.folders), "--out", str(page), "--per-question", "6", "--seed", "3"]
    printed = said(*line, "--salt", SALT, "--title", "Mine", "--consent", consent)
    assert f"{page}  {len(study.key.trials)} trials" in printed
    assert "<p>Ethics vote 7.</p>" in page.read_text(encoding="utf-8")
    reader, out = tmp_path / "a.json", tmp_path / "s.md"
    answers = skilled(study.key, "R1", 0.8, 0.5, np.random.default_rng(0))
    reader.write_text(json.dumps(asdict(answers)), encoding="utf-8")
    scoring = ["study", "score", str(reader), "--key", str(page.with_suffix(".key.json"))]
    said(*scoring, "--format", "markdown", "--out", out)
    assert out.read_text(encoding="utf-8").startswith("# Reader study")
    for form in ("json", "terminal", "markdown"):  # in whatever format it was written
        said(*scoring, "--format", form, "--out", out)
    out.write_text("# Readers\n", encoding="utf-8")
    foreign = called(*scoring, "--out", out).exception
    assert f"{out}: expected a file of `ldbench study score` or none, got another" in str(foreign)
    assert out.read_text(encoding="utf-8") == "# Readers\n"
    for mine in (reader, page.with_suffix(".key.json")):
        before = mine.read_bytes()
        assert f"{mine}: expected a file of `ldbench" in str(called(*scoring, "--out", mine).exception)
        assert mine.read_bytes() == before
    missing = called(*line[:-4], "--consent", tmp_path / "none.txt")
    assert isinstance(missing.exception, LdbenchError)
