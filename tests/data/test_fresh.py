"""Data with a test split of its own: whose images are whose, and what is missing is said in a line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.data.fresh import MixedDataset, is_blind, with_fresh
from ldbench.data.hosted import HOST, REVEAL, is_hosted, open_hosted, read_hosted
from ldbench.data.render import Rendered, render
from ldbench.data.task_data import task_data
from ldbench.errors import DataError
from ldbench.plugins.kinds import DATASETS
from ldbench.run.hosting.publish import write_package
from ldbench.run.hosting.secret import Secret
from ldbench.task import card
from tests.stand_ins.toy_simulator import card as toy_card
from tests.stand_ins.toy_simulator import draw

DISCS = f"{Path(__file__).parents[1] / 'stand_ins' / 'toy_simulator.py'}:DISCS"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fresh")


@pytest.fixture(scope="module")
def rendered(folder: Path) -> Rendered:
    """New test discs of seed 7, with the card of their edits."""
    return render(DISCS, 7, folder / "out", splits=("test",), cards=[str(toy_card(folder))])


@pytest.fixture(scope="module")
def task(folder: Path, rendered: Rendered) -> card.Task:
    return card.load(str(rendered.card(folder / "out", next(iter(rendered.cards)))))


@pytest.fixture(scope="module")
def package(folder: Path, rendered: Rendered) -> Path:
    of_truth = rendered.card(folder / "out", next(iter(rendered.cards)))
    write_package(of_truth, rendered, Secret(2**62, "5" * 64), folder / "package")
    return folder / "package"


def test_each_split_is_its_own_datas(task: card.Task) -> None:
    mixed, public, new = task_data(task, 0).dataset, draw(1), draw(7)
    assert isinstance(mixed, MixedDataset)
    for split, expected in (("train", public), ("validation", public), ("test", new)):
        records = mixed.select(split)
        assert [record.id for record in records] == [record.id for record in expected.select(split)]
        truth = expected.image(expected.select(split)[0])
        assert np.array_equal(mixed.image(records[0]), truth)
        assert np.array_equal(mixed.only(split).image(records[0]), truth)
        assert mixed.size(records[0]) == (16, 16)
    assert not is_blind(mixed)


def test_a_data_set_without_a_simulator_and_a_split_that_is_not_there_are_one_line(task: card.Task) -> None:
    fresh = task.data.fresh
    assert fresh is not None
    with pytest.raises(DataError, match="expected a data set with a simulator"):
        with_fresh(task.data, fresh, DATASETS.load(DISCS.replace(":DISCS", ":WITHOUT")), lambda: draw(1))
    with pytest.raises(DataError, match=r"expected the splits train, test, got none of \['train'\]"):
        with_fresh(task.data, replace(fresh, splits=("train", "test")), DATASETS.load(DISCS), lambda: draw(1))


def test_a_package_has_the_cards_hash_the_cases_and_no_truth(task: card.Task, package: Path) -> None:
    blind_task = card.load(str(package / "task.toml"))
    blind, whole = task_data(blind_task, 0), task_data(task, 0)
    assert blind_task.hash == task.hash == read_hosted(package).task.card_hash
    assert blind.blind
    assert [case.id for case in blind.cases] == [case.id for case in whole.cases]
    for one, other in zip(blind.cases, whole.cases, strict=True):
        assert (one.prompt, one.attributes, one.edit) == (other.prompt, other.attributes, other.edit)
        assert np.array_equal(one.source, other.source)
    assert [case.id for case in blind.null_cases()] == [case.id for case in whole.null_cases()]
    assert blind.truth is not None
    with pytest.raises(DataError, match="the host keeps this image until the seed is revealed"):
        blind.truth(blind.cases[0].id)


def test_a_source_that_was_changed_is_refused(package: Path) -> None:
    hosted = open_hosted(package, "discs")
    first, second = hosted.select("test")[:2]
    path = package / "sources" / f"{first.id}.png"
    before = path.read_bytes()
    path.write_bytes((package / "sources" / f"{second.id}.png").read_bytes())
    with pytest.raises(DataError, match="expected the host's file, got another"):
        hosted.image(first)
    path.write_bytes(before)
    assert hosted.only("test") == hosted
    assert hosted.only("train").records == ()


def test_what_is_no_package_is_said_and_a_revealed_one_is_none_any_more(package: Path, tmp_path: Path) -> None:
    assert is_hosted(package)
    record = json.loads((package / HOST).read_text(encoding="utf-8"))
    (tmp_path / HOST).write_text(json.dumps(record | {"size": [16]}), encoding="utf-8")
    with pytest.raises(DataError, match="expected height and width"):
        read_hosted(tmp_path)
    (tmp_path / HOST).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"host\.json"):
        read_hosted(tmp_path)
    (tmp_path / REVEAL).touch()
    assert not is_hosted(tmp_path)
