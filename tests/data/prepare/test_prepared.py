"""A prepared folder is served as the sandbox's data are, and anything altered in it is refused by name."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.one_image import to_levels
from ldbench.data.prepared import data_folder, find, open_prepared
from ldbench.data.task_data import load
from ldbench.errors import DataError, UnknownNameError
from ldbench.task import card
from ldbench.task.card import DataSpec

from .memory_reader import PLAN, MemoryReader


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base: Path = tmp_path_factory.mktemp("prepared")
    (base / "owners").mkdir()
    prepare(MemoryReader(), base / "owners", base / "data" / "memory", plan=PLAN)
    return base / "data"


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may damage, where `load` looks."""
    shutil.copytree(made, tmp_path / "data")
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "memory"


def spec(dataset: str) -> DataSpec:
    return dataclasses.replace(card.load("sandbox-brain-t2i").data, dataset=dataset, checksums={})


def test_images_are_what_the_reader_gave_and_attributes_keep_their_types(own: Path) -> None:
    dataset = load(spec("memory"))
    by_age = {float(source.attributes["age"]): source for source in MemoryReader().found(own).images}
    for record in dataset.select("test")[:3] + dataset.select("train", "later")[:3]:
        source = by_age[float(record.attributes["age"])]
        image = dataset.image(record)
        assert image.shape == (3, 8, 8)
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image[1], to_levels(MemoryReader().pixels(source)) / np.float32(255))
        assert record.attributes == source.attributes
        assert isinstance(record.attributes["visits"], int)
        assert dataset.size(record) == (8, 8)


def test_roles_sources_and_indices(own: Path) -> None:
    dataset = load(spec("memory"))
    by_id = {record.id: record for record in dataset.records}
    assert len(dataset.select("test")) == 10
    assert [record.index for record in dataset.records] == list(range(len(dataset.records)))
    assert all(record.source is None for record in dataset.select("train"))
    for record in dataset.select("train", "later"):
        assert record.source is not None
        assert by_id[record.source].subject == record.subject


def test_one_split_has_no_images_of_the_others(own: Path) -> None:
    dataset = load(spec("memory"))
    train = dataset.only("train")
    assert {record.split for record in train.records} == {"train"}
    assert train.select("train") == dataset.select("train")
    with pytest.raises(KeyError):
        train.image(dataset.select("test")[0])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda own: (own / "manifest.csv").write_text("x"), r"manifest\.csv: expected SHA-256 .*was changed"),
        (lambda own: (own / "manifest.csv").unlink(), r"can't read .*manifest\.csv"),
        (lambda own: next((own / "images").iterdir()).unlink(), r"missing image; run `ldbench data prepare` again"),
        (lambda own: (own / "dataset.json").write_text("[]"), r"dataset\.json: expected a prepared data set"),
        (lambda own: (own / "dataset.json").unlink(), r"expected prepared data, got none; run `ldbench data prepare f"),
    ],
)
def test_a_damaged_folder_is_one_line(damage: object, message: str, own: Path) -> None:
    damage(own)  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as caught:
        load(spec("memory"))
    assert "\n" not in str(caught.value)


def test_a_changed_image_is_refused_when_it_is_read(own: Path) -> None:
    dataset = load(spec("memory"))
    first, second = dataset.select("train")[:2]
    path = own / "images" / f"{first.id}.png"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"the image was changed: delete it and run"):
        dataset.image(first)
    assert dataset.image(second).any()


def test_a_manifest_that_leaves_the_folder_is_refused(own: Path) -> None:
    import hashlib

    text = (own / "manifest.csv").read_text(encoding="utf-8").replace("images/", "../images/", 1)
    (own / "manifest.csv").write_text(text, encoding="utf-8")
    about = json.loads((own / "dataset.json").read_text(encoding="utf-8"))
    about["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (own / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(DataError, match=r"expected images/<id>\.png, got '\.\./images"):
        open_prepared(own)


def test_data_that_are_not_prepared_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LDBENCH_DATA", raising=False)
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    assert data_folder("oasis3") == tmp_path / "data" / "oasis3"
    with pytest.raises(DataError, match=r"got none; run `ldbench data prepare oasis3 --root FOLDER`"):
        load(spec("oasis3"))
    (tmp_path / "data" / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match="got none; run") as caught:
        load(spec("adni1+oasis3+mine"))  # all at once, each with its command
    for part in ("data/adni1", "data/oasis3", "prepare adni1", "prepare oasis3", "prepare folder --name mine"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'sandbox-brian': did you mean sandbox-brain"):
        load(spec("sandbox-brian"))


def test_a_folder_that_holds_another_data_set_is_refused(own: Path) -> None:
    own.rename(own.with_name("oasis3"))
    with pytest.raises(DataError, match="expected the data set oasis3, got memory"):
        find("oasis3")


def test_two_data_sets_are_one_after_the_other(own: Path) -> None:
    reader = MemoryReader(subjects=20)
    object.__setattr__(reader, "dataset", "more")
    prepare(reader, own, own.with_name("more"), plan=dataclasses.replace(PLAN, test_per_class=2))
    both, first, second = find("memory+more"), find("memory"), find("more")
    assert both.name == "memory+more"
    assert len(both.records) == len(first.records) + len(second.records)
    assert [record.index for record in both.records] == list(range(len(both.records)))
    last = both.records[-1]
    np.testing.assert_array_equal(both.image(last), second.image(second.records[-1]))
    assert both.manifest_sha256 not in (first.manifest_sha256, second.manifest_sha256)
