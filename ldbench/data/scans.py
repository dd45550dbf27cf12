"""Which scans of a data set a task takes: all of a split, those of its classes, or as many of each by a hash."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Dataset, Record
from ldbench.data.on_demand import picked
from ldbench.data.prepared import PreparedDataset
from ldbench.errors import DataError
from ldbench.plugins.blame import blamed
from ldbench.task.card import Task

if TYPE_CHECKING:
    import torch


def scans_of(
    dataset: Dataset, split: str, chosen: Callable[[Record], bool] = lambda scan: True
) -> Sequence[Record]:
    """What `Dataset.select` gives of a split, or the chosen ones of it; none is held of data that were prepared."""
    scans = dataset.selected(split) if isinstance(dataset, PreparedDataset) else dataset.select(split)
    return picked(scans, (place for place, scan in enumerate(scans) if chosen(scan)))


def image_of(dataset: Dataset, record: Record) -> torch.Tensor:
    """The image of a record, `(3, H, W) float32 in [0, 1]`; what a plug-in's data set raises becomes a `DataError`."""
    import torch

    with blamed(DataError, f"data set {dataset.name!r}: image of {record.id!r}", type(dataset).__module__):
        return torch.from_numpy(dataset.image(record))


def balanced(scans: Iterable[Record], task: Task, count: int) -> array[int]:
    """The places of `count` of the scans, as many of each of the card's classes, the first by a hash of their ids.

    In the order of that hash: one class after the other would leave a smaller last batch to a single class.
    """
    of_class: dict[object, tuple[array[int], bytearray]] = {
        label: (array("q"), bytearray()) for label in task.data.classes
    }
    for place, scan in enumerate(scans):
        members = of_class.get(scan.attributes[task.data.class_attribute])
        if members is not None:
            members[0].append(place)
            members[1].extend(bytes.fromhex(hash_order("evaluation", scan.id)))
    per_class = count // len(of_class)
    short = [
        f"{per_class} {label} cases, the data have {len(members)}"
        for label, (members, _) in of_class.items() if len(members) < per_class
    ]
    if short:
        fewest, label = min((len(members), str(label)) for label, (members, _) in of_class.items())
        most = f"lower protocol.cases to {fewest * len(of_class)} or fewer" if fewest else (
            f"drop {label} from data.classes"
        )
        fresh = task.data.fresh is not None and "test" in task.data.fresh.splits
        more = "take another seed for the new subjects" if fresh else "prepare data with more"
        raise DataError(f"{task.id}: the card asks for {'; for '.join(short)}; {most}, or {more}")
    first = [_by_hash(np.array(members), hashes, per_class) for members, hashes in of_class.values()]
    places_n, hashes_n = (np.concatenate(parts) for parts in zip(*first, strict=True))
    return array("q", places_n[np.argsort(hashes_n, kind="stable")])


def _by_hash(
    places_n: NDArray[np.int64], hashes: bytearray, count: int
) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
    """The first places by their hashes, with these."""
    hashes_n = np.frombuffer(hashes, f"S{hashlib.sha256().digest_size}")
    order_n = np.argsort(hashes_n, kind="stable")[:count]
    return places_n[order_n], hashes_n[order_n]


def hash_order(purpose: str, image_id: str) -> str:
    """What images are sorted by where a choice must depend on their ids alone; another order for each purpose."""
    return hashlib.sha256(f"{purpose}\0{image_id}".encode()).hexdigest()
