"""The frozen sandbox brains: format, splits and balance, read with numpy alone."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ldbench_sandbox.brain.build import COHORT, COLUMNS, SEED, build_brain, plan

DATA = Path(__file__).parents[3] / "tasks" / "sandbox_brain"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((DATA / "manifest.csv").read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def images() -> dict[str, npt.NDArray[np.uint8]]:
    with np.load(DATA / "images.npz", allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def test_columns_and_unique_ids(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == COLUMNS
    assert len({row["image_id"] for row in rows}) == len(rows)


def test_each_row_has_its_image_and_each_image_its_row(
    rows: list[dict[str, str]], images: dict[str, npt.NDArray[np.uint8]]
) -> None:
    places = Counter(_key(row) for row in rows)
    assert places == {key: len(array) for key, array in images.items()}
    for key, array in images.items():
        assert array.dtype == np.uint8
        assert array.shape[1:] == (64, 64)
        assert sorted(int(row["index"]) for row in rows if _key(row) == key) == list(range(len(array)))


def test_no_subject_in_two_splits(rows: list[dict[str, str]]) -> None:
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["subject"], set()).add(row["split"])
    assert all(len(held) == 1 for held in splits.values())


def test_no_image_twice(images: dict[str, npt.NDArray[np.uint8]]) -> None:
    every = np.concatenate(list(images.values()))
    assert len({picture.tobytes() for picture in every}) == len(every)


@pytest.mark.parametrize("split", sorted(COHORT))
def test_numbers_and_balance(rows: list[dict[str, str]], split: str) -> None:
    scans = [row for row in rows if row["split"] == split and row["role"] == "scan"]
    assert Counter(row["diagnosis"] for row in scans) == COHORT[split]
    ages = {d: [int(r["age"]) for r in scans if r["diagnosis"] == d] for d in ("CN", "AD")}
    # Age must not tell the diagnosis: drawn alike, so the means differ by chance only.
    chance = np.sqrt(sum(np.var(group) / len(group) for group in ages.values()))
    assert abs(np.mean(ages["CN"]) - np.mean(ages["AD"])) < 2.5 * chance
    for diagnosis in COHORT[split]:
        women = np.mean([row["sex"] == "female" for row in scans if row["diagnosis"] == diagnosis])
        assert women == 0.5


def test_later_and_other_rows_belong_to_their_scan(rows: list[dict[str, str]]) -> None:
    scan = {row["subject"]: row for row in rows if row["role"] == "scan"}
    order = ("CN", "MCI", "AD")
    for row in rows:
        source = scan[row["subject"]]
        assert row["split"] == source["split"]
        assert row["sex"] == source["sex"]
        assert int(row["age"]) == int(source["age"]) + int(row["years"])
        if row["role"] == "later":
            assert 1 <= int(row["years"]) <= 15
            assert order.index(row["diagnosis"]) >= order.index(source["diagnosis"])
        elif row["role"] == "other":
            assert int(row["years"]) == 0
            assert row["diagnosis"] != source["diagnosis"]


def test_all_three_age_bins_occur(rows: list[dict[str, str]]) -> None:
    for split in COHORT:
        years = np.array([int(row["years"]) for row in rows if row["split"] == split and row["role"] == "later"])
        shares = [np.mean(years < 5), np.mean((years >= 5) & (years <= 10)), np.mean(years > 10)]
        assert min(shares) > 0.15


def test_outside_the_head_is_black(images: dict[str, npt.NDArray[np.uint8]]) -> None:
    for array in images.values():
        assert np.all(array[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0)
        assert 0.35 < (array > 15).mean() < 0.75


def test_manifest_is_what_the_recipe_plans(rows: list[dict[str, str]]) -> None:
    planned = {
        scan.image_id: (scan.split, scan.role, str(scan.age), scan.diagnosis, str(scan.years)) for scan in plan()
    }
    held = {r["image_id"]: (r["split"], r["role"], r["age"], r["diagnosis"], r["years"]) for r in rows}
    assert held == planned


def test_reading_and_estimating_needs_neither_scipy_nor_nilearn() -> None:
    program = (
        "import sys; from pathlib import Path; from ldbench_sandbox.estimators.brain import age_years;"
        "from recipes.sandbox.brain_estimator import read_scans;"
        f"age_years(read_scans(Path({str(DATA)!r}), 'validation')[0][:2]);"
        "import ldbench_sandbox.brain.build;"
        "assert not {'scipy', 'nilearn', 'nibabel', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=DATA.parents[1])


SMALL = {"train": {"CN": 2}, "test": {"CN": 1, "AD": 2}}


@pytest.mark.slow
def test_a_seed_gives_its_bytes_here_and_in_other_processes(tmp_path: Path) -> None:
    for name, processes in (("here", 0), ("there", 1)):
        build_brain(tmp_path / name, 11, cohort=SMALL, processes=processes)
    build_brain(tmp_path / "test", 11, cohort=SMALL, splits=("test",))
    files = {name: {f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("here", "there")}
    assert files["here"] == files["there"]
    with np.load(tmp_path / "here" / "images.npz") as whole, np.load(tmp_path / "test" / "images.npz") as part:
        assert {"train", "train_later", "test", "test_later", "test_other"} == set(whole.files)
        assert {"test", "test_later", "test_other"} == set(part.files)
        assert all(np.array_equal(whole[name], part[name]) for name in part.files)


def test_subjects_of_two_seeds_share_no_id_and_the_frozen_ones_keep_theirs() -> None:
    first, second, frozen = ({scan.image_id for scan in plan(seed, SMALL)} for seed in (11, 12, SEED))
    assert not first & second
    assert "brain-s0001-scan" in frozen
    assert all(name.startswith("brain-s000") for name in first)


def _key(row: dict[str, str]) -> str:
    return row["split"] if row["role"] == "scan" else f"{row['split']}_{row['role']}"


@pytest.mark.parametrize(("seed", "drawn"), [(7, "2ae5812fb4e0cc4d"), (2**62 + 12345, "7e7878794c7a0431")])
def test_a_seed_that_was_given_before_draws_the_same_subjects(seed: int, drawn: str) -> None:
    """By the names and ages of all, which rounding doesn't reach."""
    lines = [
        f"{scan.image_id} {scan.split} {scan.role} {scan.age} {scan.years} {scan.diagnosis} {scan.subject.height}"
        for scan in plan(seed)
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == drawn


def test_every_bit_of_a_long_seed_counts() -> None:
    seeds = [2**127, 2**127 + 1, 2**127 + 2**64, 2**255 + 1]
    drawn = [[(scan.age, scan.years, scan.subject.height) for scan in plan(seed, SMALL)] for seed in seeds]
    assert all(one != other for place, one in enumerate(drawn) for other in drawn[:place])
