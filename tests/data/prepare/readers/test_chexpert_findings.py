"""CheXpert with all of a film's findings: what each cell becomes under each policy, and what a prompt says of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ldbench.api import Attributes
from ldbench.data.prepare.readers.chexpert_table import FINDING_COLUMNS
from tests.stand_ins import chexpert as stand_in

from .chexpert_rows import found_of, only_skipped, reader

SPELT = {"1": "1.0", "0": "0.0", "?": "-1.0", ".": ""}
NAMES = ("No Finding", "Edema", "Pneumonia", "Support Devices")
FLAGS = ("no_finding", "edema", "pneumonia", "support_devices")


def row(cells: str) -> dict[str, str]:
    """Cells of `NAMES`: 1, 0, ? for uncertain, . for blank."""
    return dict(zip(NAMES, (SPELT[cell] for cell in cells.split()), strict=True))


def attributes(folder: Path, cells: str, **settings: object) -> Attributes:
    (image,) = found_of(folder, row(cells), all_findings=True, **settings).images
    return image.attributes


def flags(found: Attributes) -> str:
    """The same cells of what was found, with . for an attribute that is not there."""
    return " ".join(str(found.get(name, ".")) for name in FLAGS)


@pytest.mark.parametrize(
    ("cells", "policy", "expected", "words"),
    [
        (". 1 1 .", {}, "0 1 1 0", "edema and pneumonia"),
        (". 1 1 1", {}, "0 1 1 1", "edema, pneumonia and support devices"),
        (". 1 ? .", {}, "0 1 . 0", "edema"),
        (". 1 ? .", {"uncertain": "negative"}, "0 1 0 0", "edema"),
        (". 1 ? .", {"uncertain": "positive"}, "0 1 1 0", "edema and pneumonia"),
        (". 1 . 0", {"blank": "skip"}, "0 1 . 0", "edema"),
        ("1 . . .", {}, "1 0 0 0", "no finding"),
        ("1 . . 1", {}, "1 0 0 1", "no finding but support devices"),
        ("1 . 0 .", {"blank": "skip"}, "1 0 0 .", "no finding"),
        ("1 ? . .", {"uncertain": "negative"}, "1 0 0 0", "no finding"),
        ("1 . . ?", {}, "1 0 0 .", "no finding"),
        ("? . . .", {"uncertain": "positive"}, "1 0 0 0", "no finding"),
        ("? 1 . .", {}, "0 1 0 0", "edema"),
        ("0 ? . .", {"uncertain": "positive"}, "0 1 0 0", "edema"),
    ],
)
def test_what_is_known_of_a_film(tmp_path: Path, cells: str, policy: dict[str, str], expected: str, words: str) -> None:
    found = attributes(tmp_path, cells, **policy)
    assert flags(found) == expected
    assert found["findings"] == words
    assert found["finding"] == ("no finding" if expected.startswith("1") else "finding")
    assert (found["age"], found["sex"]) == (61, "female")


@pytest.mark.parametrize(
    ("cells", "policy", "rule"),
    [
        ("1 1 . .", {}, "contradiction"), ("1 . ? .", {}, "contradiction"),
        ("1 . ? .", {"uncertain": "positive"}, "contradiction"),
        (". ? . .", {}, "uncertain"), ("? . . .", {}, "uncertain"),
        (". ? . .", {"uncertain": "negative"}, "unlabelled"), (". . . 1", {}, "unlabelled"),
        (". 0 . .", {"blank": "skip"}, "blank"), (". . . ?", {}, "unlabelled"),
    ],
)
def test_a_film_of_which_nothing_is_sure_is_left_out(
    tmp_path: Path, cells: str, policy: dict[str, str], rule: str
) -> None:
    left = only_skipped(found_of(tmp_path, row(cells), all_findings=True, **policy))
    assert (left.kind, left.rule) == ("rule", rule)


def test_every_column_is_an_attribute_of_its_own(tmp_path: Path) -> None:
    found = attributes(tmp_path, ". 1 0 .")
    expected = {name.lower().replace(" ", "_") for name in FINDING_COLUMNS}
    assert len(expected) == 14
    assert set(found) == expected | {"finding", "findings", "age", "sex"}
    (image,) = found_of(tmp_path, {"Pleural Other": "1.0", "Fracture": "1.0"}, all_findings=True).images
    assert image.attributes["findings"] == "another pleural finding and fracture"


def test_a_cell_that_is_no_label_is_a_fault_of_its_film(tmp_path: Path) -> None:
    left = only_skipped(found_of(tmp_path, row(". 1 0 .") | {"Fracture": "yes"}, all_findings=True))
    assert (left.kind, left.rule) == ("fault", "label")


@pytest.mark.slow
def test_it_is_a_data_set_of_its_own_and_the_other_one_stays_as_it_was(tmp_path: Path) -> None:
    root = stand_in.write_chexpert(tmp_path, patients=26)
    one, several = reader(), reader(all_findings=True)
    assert (one.dataset, several.dataset) == ("chexpert", "chexpert-findings")
    assert several.classes == ("no finding", "finding")
    assert "findings" not in one.settings()
    assert {key: value for key, value in several.settings().items() if one.settings().get(key) != value} == {
        "findings": "all", "classes": "no finding, finding",
    }
    found, fewer = several.found(root), one.found(root)
    assert len(found.images) > len(fewer.images)
    both = {image.image: image.attributes for image in found.images}
    carried = [image for image in fewer.images if image.image in both]
    assert carried
    for image in carried:
        flag = str(image.attributes["finding"]).replace(" ", "_")
        assert both[image.image][flag] == 1
        assert str(image.attributes["finding"]) in str(both[image.image]["findings"])
    assert max(str(image.attributes["findings"]).count(" and ") for image in found.images) == 1
    assert {left.rule for left in found.skipped} <= {"frontal", "per-patient", "age", "sex", "unlabelled", "uncertain"}
    assert Counter(image.subject for image in found.images).most_common(1)[0][1] == 1
