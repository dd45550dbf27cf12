"""A generator that looks everywhere finds no truth; and the search is shown to find truth wherever it is put."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.api import Context, Generator
from ldbench.data.task_data import LazyTrainingSet, TaskData, task_data
from ldbench.run.generate import requests_for
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from ldbench.task import card
from tests.small_aging import AGING, small_card

from .stand_ins.spying_generator import Confidant, Search, Spy, levels, secrets_of

SPIES = Path(__file__).with_name("stand_ins") / "spying_generator.py"
# cards whose data ship; the others need the user's own
CARDS = [task for task in map(card.load, card.task_names()) if task.edit is not None and task.data.checksums]
# one card of each data set and edit: styles of prompts reach the same images
EDITING = sorted({(task.data.dataset, task.edit.role): task.id for task in reversed(CARDS) if task.edit}.values())


def looked_around(spy: Generator, data: TaskData, folder: Path) -> None:
    """Let the generator fit and edit a few cases, as a run does."""
    context = Context(torch.device("cpu"), 0, folder, (3, 64, 64), truth=data.truth if spy.sees_truth else None)
    spy.fit(data.train, context)
    further = data.null_cases()[:2], data.back_cases({case.id: blank() for case in data.cases})[:2]
    for cases in (data.cases[:6], *further):
        spy.generate(requests_for(cases, data.task.id, 0), context)


def blank() -> torch.Tensor:
    return torch.zeros(3, 64, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITING)
def test_no_truth_is_within_a_generators_reach(name: str, tmp_path: Path) -> None:
    looked_around(Spy(card=name), task_data(card.load(name), 0), tmp_path)


def test_the_search_finds_the_truth_where_it_is_given(tmp_path: Path) -> None:
    data = task_data(card.load(AGING), 0)
    context = Context(torch.device("cpu"), 0, tmp_path, (3, 64, 64), truth=data.truth)
    with pytest.raises(AssertionError, match="secrets, first image"):
        Spy(card=AGING).generate(requests_for(data.cases[:2], AGING, 0), context)
    with pytest.raises(AssertionError, match="was given nothing"):
        Confidant(card=AGING).fit(data.train, dataclasses.replace(context, truth=None))


@pytest.mark.slow
@pytest.mark.parametrize(("spy", "leak"), [("Spy", False), ("Confidant", True)])
def test_a_whole_run_hands_the_truth_to_those_alone_who_declare_it(spy: str, leak: bool, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "runs", overrides={"card": AGING})
    result, _ = run(str(small_card(tmp_path)), f"{SPIES}:{spy}", settings)
    assert result.model.sees_truth == leak
    psnr = next(score.value for score in result.scores if score.metric == "psnr")
    assert (psnr > 40) == leak


@dataclasses.dataclass
class Node:
    """Something to hide things in."""

    content: object


class Slotted:
    """Likewise, without a dictionary."""

    __slots__ = ("content",)

    def __init__(self, content: object) -> None:
        self.content = content


def closure(content: object) -> Callable[[], object]:
    return lambda: content


def buried(image: np.ndarray) -> np.ndarray:
    """A view of the first row of an array that holds the image."""
    return np.stack([np.zeros_like(image), image])[0, :1]


HIDING_PLACES: dict[str, Callable[[np.ndarray], object]] = {
    "attribute": Node,
    "slot": Slotted,
    "closure": closure,
    "partial": lambda image: functools.partial(print, {"deep": [(image,)]}),
    "method": lambda image: Node(image).__repr__,
    "generator": lambda image: (each for each in [image]),
    "levels": lambda image: [np.round(image * 255).astype(np.uint8)],
    "centred": lambda image: torch.from_numpy(image * 2 - 1).double(),
    "channels last": lambda image: np.ascontiguousarray(np.repeat(image[..., None], 3, axis=-1)),
    "transposed view": lambda image: torch.from_numpy(np.stack([image] * 3)).permute(1, 2, 0),
    "base of an array": buried,
    "storage of a tensor": lambda image: torch.from_numpy(np.stack([image, image]))[0, 0, :2],
    "array of objects": lambda image: np.array([Node(image), None], dtype=object),
    "bytes": lambda image: memoryview(levels(image).tobytes())[3:5],
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_the_search_finds_what_is_hidden(place: str) -> None:
    data = task_data(card.load(AGING), 0)
    secrets = secrets_of(AGING)
    name = secrets.records[0].id
    hidden = HIDING_PLACES[place](data.dataset.image(secrets.records[0])[0])
    assert secrets.found_in([Node({"x": hidden})], ()) == [f"image {name}"]


def test_the_search_finds_ids_and_attributes() -> None:
    secrets = secrets_of(AGING)
    first, second = secrets.records[:2]
    assert secrets.found_in([Node([f"see {first.id}.png"])], ()) == [f"id {first.id}"]
    assert secrets.found_in([[first.attributes, second.attributes]], [first.attributes]) == [
        f"attributes of {second.id}"
    ]


def test_a_training_set_that_holds_on_to_all_data_is_caught(tmp_path: Path) -> None:
    data = task_data(card.load(AGING), 0)
    leaky = LazyTrainingSet(data.train.records, functools.partial(lambda whole, record: data.train[0], data.dataset))
    with pytest.raises(AssertionError, match="secrets, first image brain-s"):
        looked_around(Spy(card=AGING), dataclasses.replace(data, train=leaky), tmp_path)


def test_what_is_looked_for_is_there_to_be_found() -> None:
    data = task_data(card.load(AGING), 0)
    secrets = secrets_of(AGING)
    assert len(secrets.records) > 390  # 200 later, 200 other, less those that changed no pixel
    picture = data.dataset.image(secrets.records[0])
    one, other = levels(picture[0]), levels(data.dataset.image(secrets.records[1])[0])
    search = Search({"one": one, "other": other})
    for before in range(9):
        assert search.found_in([bytes(before) + one.tobytes()]) == ["one"]
    assert search.found_in([bytes(9999), one[: len(one) // 2].tobytes()]) == []
