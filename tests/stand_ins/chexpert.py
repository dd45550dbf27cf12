"""A small CheXpert-v1.0-small: the owners' folders, tables and JPEGs, with films from the sandbox's chest data.

    python -m tests.stand_ins.chexpert FOLDER --patients 48

As in the real tables: all 19 columns, labels 1.0, 0.0, -1.0 and blank (No Finding is 1.0 or blank in train.csv, and 0.0
or 1.0 in valid.csv, whose labels have no blanks), laterals with a blank AP/PA, several studies of most patients,
findings outside the four classes, an Age of 0 and a Sex of Unknown. JPEGs are grey, the shorter side 320, the other up
to 390. A film shows the class that its row says, so that what is learned from the folder can be checked. Equal
arguments, equal bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from tests.stand_ins.tables import write_table

FOLDER = "CheXpert-v1.0-small"
FINDINGS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation",
    "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
)
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS)
CLASSES = {
    "No Finding": "no finding", "Cardiomegaly": "cardiomegaly", "Pleural Effusion": "pleural effusion",
    "Pneumonia": "pneumonia",
}
SIZES = ((390, 320), (320, 389), (369, 320), (320, 320), (320, 377))  # width, height
FIRST_VALID = 64541  # the number of the first patient of valid.csv
Labels = dict[str, str]


@dataclass(frozen=True)
class Film:
    """One JPEG and its row."""

    row: dict[str, str]
    level: int
    size: tuple[int, int]


def write_chexpert(folder: Path, patients: int = 48, seed: int = 0) -> Path:
    """Write `folder/CheXpert-v1.0-small` and return it; one patient in twelve, and one at least, is in valid.csv.

    Of every twelve patients eight have a first frontal with exactly one of the four classes, two of each class; the
    other four have an uncertain one, two at once, none, or an unknown age or sex.
    """
    root = folder / FOLDER
    rng = np.random.default_rng(seed)
    shades = _films_by_class()
    in_valid = max(1, patients // 12)
    for table, numbers in (
        ("train", range(1, patients - in_valid + 1)), ("valid", range(FIRST_VALID, FIRST_VALID + in_valid))
    ):
        films = [film for number in numbers for film in _patient(table, number, rng)]
        for film in films:
            path = folder / film.row["Path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = next((name for name in CLASSES if film.row[name] == "1.0"), "No Finding")
            choice = shades[CLASSES[shown]]
            path.write_bytes(jpeg(choice[film.level % len(choice)], film.size, rng))
        write_table(root / f"{table}.csv", COLUMNS, [film.row for film in films])
    return root


def jpeg(film: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """A film `(64, 64) uint8` as a grey JPEG of (width, height), with grain, without which it would be short."""
    enlarged = np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    grainy = enlarged + rng.normal(0, 4, enlarged.shape).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def films() -> np.ndarray:
    """The sandbox's training films, `(N, 64, 64) uint8`."""
    content = resources.files("ldbench_tasks").joinpath("sandbox_chest", "images.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return np.asarray(archive["train"])


def _films_by_class() -> dict[str, np.ndarray]:
    text = resources.files("ldbench_tasks").joinpath("sandbox_chest", "manifest.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["split"] == "train" and row["role"] == "scan"]
    arrays = films()
    return {
        name: arrays[[int(row["index"]) for row in rows if row["finding"] == name]] for name in CLASSES.values()
    }


def _patient(table: str, number: int, rng: np.random.Generator) -> Iterator[Film]:
    """All films of one patient: one to three studies, each with a frontal, every other one with a lateral too."""
    kind = number % 12
    sex = "Unknown" if kind == 11 and number % 24 == 11 else ("Male", "Female")[int(rng.integers(2))]
    age = 0 if kind == 11 and number % 24 != 11 else int(rng.integers(18, 91))
    level = int(rng.integers(10_000))
    for study in range(1, 2 + int(rng.integers(3))):
        labels = _labels(kind if study == 1 else int(rng.integers(12)), table, rng)
        views = ("frontal", "lateral") if rng.random() < 0.5 else ("frontal",)
        for view, side in enumerate(views, start=1):
            row = {
                "Path": f"{FOLDER}/{table}/patient{number:05d}/study{study}/view{view}_{side}.jpg", "Sex": sex,
                "Age": str(age), "Frontal/Lateral": side.capitalize(),
                "AP/PA": ("AP", "PA")[int(rng.integers(2))] if side == "frontal" else "", **labels,
            }
            yield Film(row, level, SIZES[int(rng.integers(len(SIZES)))])


def _labels(kind: int, table: str, rng: np.random.Generator) -> Labels:
    """The fourteen cells of a study: 0 to 7 and 11 one class, 8 an uncertain one, 9 two, 10 none of the four."""
    names = list(CLASSES)
    if table == "valid":
        labels = dict.fromkeys(FINDINGS, "0.0")
    else:
        labels = {name: "0.0" if name != "No Finding" and rng.random() < 0.2 else "" for name in FINDINGS}
    if kind == 8:
        labels |= {"Pleural Effusion": "1.0", "Pneumonia": "-1.0" if table == "train" else "1.0"}
    elif kind == 9:
        labels |= {"Cardiomegaly": "1.0", "Pleural Effusion": "1.0"}
    elif kind == 10:
        labels |= {"Edema": "1.0", "Fracture": "-1.0" if table == "train" else "0.0"}
    else:
        labels[names[kind % 4]] = "1.0"
    if kind < 8 and rng.random() < 0.5:
        labels["Support Devices"] = "1.0"
    if kind % 4 and kind < 8 and rng.random() < 0.3:
        labels["Lung Opacity"] = "1.0"
    return labels


def main() -> None:
    """Write a folder from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(write_chexpert(asked.folder, asked.patients, asked.seed))


if __name__ == "__main__":
    main()
