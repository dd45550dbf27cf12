"""The cards of a report's tasks: those that are named by their paths, and the titles of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldbench.board.gather import BoardSet
from ldbench.errors import LdbenchError, UsageError
from ldbench.task import card


def card_of_each(cards: Sequence[str], results: BoardSet) -> dict[str, str]:
    """The cards' paths by task; `UsageError` for one of a task without results."""
    paths = {card.load(path).id: path for path in cards}
    for task, path in paths.items():
        if task not in results.boards:
            got = f"that of {task}; drop it, or name its runs"
            raise UsageError(f"--task {path}: expected the card of {', '.join(sorted(results.boards))}, got {got}")
    return paths


def titles(results: BoardSet, cards: Sequence[str] = ()) -> Mapping[str, str]:
    """The titles of tasks by their ids, from `cards` by path or installed ones; a task whose card is not to be had, or
    of another version, has none."""
    paths, found = card_of_each(cards, results), {}
    for task, board in results.boards.items():
        try:
            known = card.load(paths.get(task, task))
        except LdbenchError:
            continue
        if known.version == board.task.version:
            found[task] = known.title
    return found
