"""The images of a card as sets that folders can hold, to be scored as a card and as folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ldbench.data.task_data import TaskData, task_data
from ldbench.task import card

Images = dict[str, torch.Tensor]


def sets_of(path: Path) -> tuple[TaskData, dict[str, Images], dict[str, dict[str, Mapping[str, Any]]]]:
    """A card's data with 60 training scans; by set its images and their attributes, by id. Generated images are test
    scans under the ids of the cases, which ask for what they ask for."""
    data = task_data(card.load(str(path)), 0)
    data = replace(data, train=replace(data.train, records=data.of_classes("train")[:60]))
    records = {"real": data.of_classes("test"), "training": data.of_classes("train")}
    sets = {
        name: {each.id: torch.from_numpy(data.dataset.image(each)) for each in of_set}
        for name, of_set in records.items()
    }
    sets["generated"] = dict(zip((case.id for case in data.cases), sets["real"].values(), strict=False))
    shows = {name: {each.id: each.attributes for each in of_set} for name, of_set in records.items()}
    shows["generated"] = {case.id: case.attributes for case in data.cases}
    return data, sets, shows
