"""What a task's own data say of a page's cases: sources, truths, prompts, and the real scans' grey levels.

The card, installed or by its path, and its split must be the results' own, by version and hash; otherwise the page
shows results alone and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import LdbenchError
from ldbench.report.html.picture import encoded, levels_of

if TYPE_CHECKING:
    import torch

    from ldbench.data.task_data import TaskData

Levels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Originals:
    """By case id sources and truths as PNG bytes and prompts; `missing` says why there are none, if so.

    `levels` counts grey levels `(256,)` of `levels_of`: the truths of the cases asked for, or real test scans.
    """

    sources: Mapping[str, bytes] = field(default_factory=dict)
    truths: Mapping[str, bytes] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    levels: Levels | None = None
    levels_of: str = ""
    missing: str = ""


def originals(
    leaderboard: Leaderboard, ids: Sequence[str], for_levels: int, card_name: str | None = None
) -> Originals:
    """The originals of the cases; grey levels of at most `for_levels` images. `card_name` is the card's path for a
    task that is not installed."""
    from ldbench.data.of_result import recorded_data
    from ldbench.task import card

    task_id = leaderboard.task.id
    if card_name is None and task_id not in card.task_names():
        remedy = "make the report again with --task and the path of its card"
        return Originals(missing=f"no card of {task_id} is installed; {remedy}")
    try:
        data = recorded_data(leaderboard.task, leaderboard.split_hash, 0, "this board", card_name)
    except LdbenchError as error:
        return Originals(missing=f"{error}; then make the report again")
    shown = [data.by_id[case_id] for case_id in ids if case_id in data.by_id]
    sources = {case.id: _png(case.source) for case in shown if case.source is not None}
    truths = {case.id: _png(data.truth(case.id)) for case in shown} if data.truth else {}
    levels, of_what = _levels(data, [case.id for case in shown[:for_levels]], for_levels)
    return Originals(sources, truths, {case.id: case.prompt for case in shown}, levels, of_what)


def _levels(data: TaskData, ids: Sequence[str], count: int) -> tuple[Levels | None, str]:
    if data.truth is not None:
        return _sum(map(data.truth, ids)), f"truth of the same {len(ids)} cases"
    if data.editing is not None:
        return None, ""
    import torch

    records = sorted(data.of_classes("test"), key=lambda record: record.id)[:count]
    images: Callable[..., torch.Tensor] = torch.from_numpy
    return _sum(images(data.dataset.image(record)) for record in records), f"{len(records)} real test scans"


def _sum(images: Iterable[torch.Tensor]) -> Levels | None:
    total = sum((levels_of(_pixels(image)) for image in images), start=np.zeros(256, dtype=np.int64))
    return total if total.any() else None


def _png(image: torch.Tensor) -> bytes:
    return encoded(_pixels(image))


def _pixels(image: torch.Tensor) -> npt.NDArray[np.uint8]:
    """`(3, H, W) float in [0, 1]` as `(H, W, 3) uint8`, rounded as results are on disk."""
    from ldbench.data.images import quantise

    return np.ascontiguousarray(quantise(image).permute(1, 2, 0).numpy())
