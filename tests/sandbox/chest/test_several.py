"""The frozen films of several findings: what the manifest promises, and that the renderer still makes these films."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.chest.films import rendered
from ldbench_sandbox.chest.patient import DEVICES, SHOWABLE, SPLITS, draw_patient, of_several
from ldbench_sandbox.chest.render import render
from ldbench_sandbox.chest.several import (
    CLASSES,
    COLUMNS,
    LABELS,
    SEED,
    SHARES,
    SIZES,
    build_several,
    in_words,
    several_cases,
)

from tests.sandbox.frozen import TASKS, images_of, manifest_of

pytestmark = pytest.mark.slow

FOLDER = TASKS / "sandbox_chest_findings"
HEART, FLUID, PNEUMONIA = SHOWABLE[:3]
ALL = frozenset(SHOWABLE)


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    return images_of(FOLDER)


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    return manifest_of(FOLDER, COLUMNS)


def test_the_manifest_is_what_the_plan_says(images, manifest) -> None:
    films = [case.film() for split in SPLITS for case in several_cases(split)]
    assert [list(row.values()) for row in manifest] == [[str(cell) for cell in film.row] for film in films]
    assert {name: len(array) for name, array in images.items()} == SIZES
    assert len({row["subject"] for row in manifest}) == len(manifest) == sum(SIZES.values())
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 3_200_000


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_holds_each_combination_as_often_as_is_stated_in_either_sex(split: str) -> None:
    cases = several_cases(split)
    cells = Counter((case.findings, case.sex) for case in cases)
    for findings, share in SHARES:
        assert cells[findings, "female"] == cells[findings, "male"] == share * SIZES[split] // 80
    for name in SHOWABLE:
        ages = [np.mean([case.age for case in cases if (name in case.findings) == there]) for there in (True, False)]
        assert abs(ages[0] - ages[1]) < 2.5, "age says nothing of a finding"


def test_findings_come_together_as_the_module_says() -> None:
    def share(name: str, among: str, absent: bool = False) -> float:
        rows = [(findings, count) for findings, count in SHARES if (among in findings) != absent]
        return sum(count for findings, count in rows if name in findings) / sum(count for _, count in rows)

    assert sum(count for _, count in SHARES) == 40
    assert (share(FLUID, HEART), share(FLUID, HEART, absent=True)) == (1 / 2, 5 / 26)
    assert (share(FLUID, PNEUMONIA), share(FLUID, PNEUMONIA, absent=True)) == (5 / 12, 7 / 28)
    assert (share(DEVICES, HEART), share(DEVICES, HEART, absent=True)) == (4 / 14, 2 / 26)


def test_labels_and_words_say_what_the_film_shows(manifest) -> None:
    for row in manifest:
        there = [name for name in SHOWABLE if row[name.replace(" ", "_")] == "1"]
        assert row["findings"] == in_words(frozenset(there))
        healthy = not set(there) - {DEVICES}
        assert (row["no_finding"], row["finding"]) == (str(int(healthy)), CLASSES[not healthy])
    assert set(LABELS) == {"no_finding", *(name.replace(" ", "_") for name in SHOWABLE)}
    assert in_words(frozenset()) == "no finding"
    assert in_words(frozenset({DEVICES})) == "no finding but support devices"
    assert in_words(frozenset(SHOWABLE)) == "cardiomegaly, pleural effusion, pneumonia and support devices"


@pytest.mark.parametrize("split", SPLITS)
def test_rendering_again_gives_the_frozen_films(images, split: str) -> None:
    for case in several_cases(split)[3 :: SIZES[split] // 3]:
        difference = np.abs(rendered(case.film()).astype(int) - images[split][case.index])
        # Another processor or numpy may round a pixel the other way; nothing may move by more.
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-2


def test_a_seed_gives_its_bytes_and_another_gives_other_patients(tmp_path: Path) -> None:
    small = {"train": 80, "validation": 80, "test": 80}
    ids = [{case.subject for case in several_cases("test", seed, small)} for seed in (11, 12, SEED)]
    assert not ids[0] & ids[1]
    assert "chest-f0161" in ids[2]
    films = [[case.film(seed) for case in several_cases("test", seed, small)][:2] for seed in (11, 11, 12)]
    assert films[0] == films[1]
    assert films[0] != films[2]
    build_several(tmp_path, 11, splits=(), sizes=small)
    assert (tmp_path / "manifest.csv").read_text(encoding="utf-8").strip() == ",".join(COLUMNS)


@pytest.mark.parametrize("name", SHOWABLE)
def test_a_finding_shows_beside_all_others(name: str) -> None:
    """Taken from a film of each of these four patients that shows everything, it changes what a reader can see."""
    seen = []
    for index in range(4):
        patient = of_several(draw_patient(SEED, "validation", index))
        whole, without = (render(patient, shown, "male", 60) for shown in (ALL, ALL - {name}))
        seen.append(np.abs(whole.astype(int) - without.astype(int)).max())
    assert min(seen) > 5
    assert np.median(seen) > 25


def test_findings_of_one_patient_have_draws_of_their_own() -> None:
    patients = [of_several(draw_patient(SEED, "train", index)) for index in range(300)]
    draws = np.array([[patient.extent(name).severity for name in SHOWABLE[:3]] for patient in patients])
    sides = np.array([[patient.extent(name).side for name in (FLUID, PNEUMONIA)] for patient in patients])
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.2
    assert abs(np.corrcoef(sides.T)[0, 1]) < 0.2
    alone = draw_patient(SEED, "train", 0)
    assert alone.extent(FLUID) == alone.extent(PNEUMONIA)  # the patient's own, as on sandbox-chest


def test_a_device_is_white_and_leaves_the_lower_lungs_alone() -> None:
    patient = of_several(draw_patient(SEED, "train", 4))
    bare, carried = (render(patient, findings, "female", 50).astype(int) for findings in (frozenset(), ALL & {DEVICES}))
    change = carried - bare
    assert change.min() >= -2
    can = carried[8:26][change[8:26] > 60]
    assert len(can) > 20
    assert can.max() > 200
    assert np.abs(change[30:, :20]).max() <= 3
    assert np.abs(change[30:, 50:]).max() <= 3
