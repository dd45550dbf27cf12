"""The frozen chest data: what the manifest promises, and that the renderer still makes these films."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.chest.build import COLUMNS, SEED, SIZES, build_chest, chest_cases, roles
from ldbench_sandbox.chest.films import rendered
from ldbench_sandbox.chest.patient import FINDINGS, SEXES, SPLITS

from tests.sandbox.frozen import TASKS, images_of, manifest_of

pytestmark = pytest.mark.slow

FOLDER = TASKS / "sandbox_chest"


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    return images_of(FOLDER)


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    return manifest_of(FOLDER, COLUMNS)


def test_every_image_has_its_row_and_every_row_its_image(images, manifest) -> None:
    assert len({row["image_id"] for row in manifest}) == len(manifest)
    keys: Counter[str] = Counter()
    for row in manifest:
        key = row["split"] if row["role"] == "scan" else f"{row['split']}_{row['role']}"
        assert int(row["index"]) == keys[key]
        keys[key] += 1
    assert keys == {name: len(array) for name, array in images.items()}
    assert keys == {"train": 800, "validation": 160, "test": 400, "test_other": 400, "test_sex": 400}
    assert all(array.dtype == np.uint8 and array.shape[1:] == (64, 64) for array in images.values())


def test_the_manifest_is_what_the_plan_says(manifest) -> None:
    expected = []
    for split in SPLITS:
        for role in roles(split):
            for case in chest_cases(split):
                finding, sex, age = case.attributes(role)
                row = (f"{case.subject}-{role}", case.subject, split, role, case.index, age, sex, finding)
                expected.append([str(cell) for cell in row])
    assert [list(row.values()) for row in manifest] == expected


def test_no_patient_is_in_two_splits_and_classes_are_balanced(manifest) -> None:
    scans = [row for row in manifest if row["role"] == "scan"]
    assert len({row["subject"] for row in scans}) == len(scans) == sum(SIZES.values())
    for split, size in SIZES.items():
        rows = [row for row in scans if row["split"] == split]
        cells = Counter((row["finding"], row["sex"]) for row in rows)
        assert set(cells.values()) == {size // 8}
        assert len(cells) == 8
        ages = [np.mean([int(row["age"]) for row in rows if row["finding"] == finding]) for finding in FINDINGS]
        assert max(ages) - min(ages) < 2.0
        assert all(18 <= int(row["age"]) <= 90 for row in rows)


def test_counterfactuals_change_one_attribute(manifest) -> None:
    byrole = {(row["subject"], row["role"]): row for row in manifest}
    added: Counter[str] = Counter()
    for (subject, role), row in byrole.items():
        scan = byrole[subject, "scan"]
        if role == "sex":
            assert (row["finding"], row["age"]) == (scan["finding"], scan["age"])
            assert row["sex"] != scan["sex"]
        if role == "other":
            assert (row["sex"], row["age"]) == (scan["sex"], scan["age"])
            assert (row["finding"] == FINDINGS[0]) != (scan["finding"] == FINDINGS[0])
            added[row["finding"]] += scan["finding"] == FINDINGS[0]
    assert max(added[f] for f in FINDINGS[1:]) - min(added[f] for f in FINDINGS[1:]) <= 1


@pytest.mark.parametrize(("split", "role"), [(split, role) for split in SPLITS for role in roles(split)])
def test_rendering_again_gives_the_frozen_films(images, split: str, role: str) -> None:
    stored = images[split if role == "scan" else f"{split}_{role}"]
    for case in chest_cases(split)[3 :: SIZES[split] // 4]:
        again = rendered(case.film(role)).astype(int)
        difference = np.abs(again - stored[case.index])
        # Another processor or numpy may round a pixel the other way; nothing may move by more.
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-2


def test_the_data_are_small_and_the_errors_are_numbers() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 6_000_000
    errors = json.loads((FOLDER / "estimators.json").read_text(encoding="utf-8"))
    assert all(isinstance(value, int | float) for value in errors.values())
    assert SEXES == ("female", "male")


def test_a_seed_gives_its_bytes_and_another_gives_other_patients(tmp_path: Path) -> None:
    small = {"train": 8, "validation": 8, "test": 8}
    for name, seed in (("one", 11), ("two", 11), ("other", 12)):
        build_chest(tmp_path / name, seed, splits=("validation",), sizes=small)
    folders = [tmp_path / name for name in ("one", "two", "other")]
    one, two, other = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert one == two
    assert one["images.npz"] != other["images.npz"]
    ids = [{case.subject for case in chest_cases("test", seed, small)} for seed in (11, 12, SEED)]
    assert not ids[0] & ids[1]
    assert "chest-p0017" in ids[2]


@pytest.mark.parametrize(("seed", "drawn"), [(7, "99b990224ce7bbb8"), (2**62 + 12345, "538d4c80c4653ac4")])
def test_a_seed_that_was_given_before_draws_the_same_patients(seed: int, drawn: str) -> None:
    lines = [
        f"{case.subject} {case.age} {case.sex} {case.finding} {case.other_finding}"
        for case in chest_cases("test", seed)
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == drawn
    assert chest_cases("test", 2**127) != chest_cases("test", 2**127 + 1)
