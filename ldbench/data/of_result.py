"""The data of the task that a result names, where card and data here are those that it was measured on.

The id in a result is never taken for a path: a stranger may have written it.
"""

from __future__ import annotations

from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import unknown_name
from ldbench.records.result import TaskRef
from ldbench.records.run_folder import check_card, check_split
from ldbench.task import card


def recorded_data(
    recorded: TaskRef, split_hash: str | None, seed: int | None, where: object, card_name: str | None = None
) -> TaskData:
    """The data of a run of this seed; `card_name` is a card's path for a task that is not installed.

    Raises `UnknownNameError` for a task that isn't here and `ResultError` where its card or its data are others.
    """
    if card_name is None and recorded.id not in card.task_names():
        remedy = "no installed card has this id; give its card's path by --task"
        raise unknown_name("task", recorded.id, card.task_names(), remedy, listed=True)
    task = card.load(card_name or recorded.id)
    check_card(recorded, task_ref(task), where)
    data = task_data(task, seed or 0)
    check_split(split_hash, data.split_hash(), where)
    return data


def task_ref(task: card.Task) -> TaskRef:
    """What a result records of a card."""
    return TaskRef(task.id, task.version, task.kind, task.hash)
