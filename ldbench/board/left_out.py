"""Results that can't be used beside the others: left out of a report and named, one line each, or an error.

Where results of a task were not measured alike, those stay that more files agree on; with as many on either side the
task has no leaderboard. Of two answers of one run neither is taken. Scores decide nothing, and nothing is left out
without a line that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ldbench.board.compatible import ContradictionError, distinct, same_definition, same_seeds, same_split, same_task
from ldbench.errors import ResultError
from ldbench.records.identity import Found, canonical, definition, names_a_card
from ldbench.records.result import Result

LeaveOut = Callable[[ResultError], None]
Trait = Callable[[Result], "str | None"]
Check = Callable[[Found, Found], None]


def refuse(error: ResultError) -> None:
    """Raise the error: reading ends at the first result that can't be used."""
    raise error


def usable(found: Sequence[Found], leave_out: LeaveOut) -> list[Found]:
    """The results that don't contradict each other, by task; `leave_out` is told of each other one, or ends it all."""
    tasks: dict[str, list[Found]] = {}
    for item in sorted(found, key=lambda item: item[0]):
        tasks.setdefault(item[1].task.id, []).append(item)
    return [item for task in sorted(tasks) for item in _of_task(tasks[task], leave_out)]


def _of_task(found: list[Found], leave_out: LeaveOut) -> list[Found]:
    try:
        distinct(found)
        return found
    except ResultError:
        kept = found
    for trait, check in _traits(found):
        kept = _agreed(kept, trait, check, leave_out)
    while True:
        try:
            distinct(kept)
        except ContradictionError as error:
            leave_out(error)
            kept = [item for item in kept if item[0] not in error.paths]
        else:
            return kept


def without_remains(kept: Sequence[Found], found: Sequence[Found]) -> list[Found]:
    """Those of the tasks that have kept something measured, where anything was: published rows alone would be another
    leaderboard."""
    had, have = ({one.task.id for _, one in some if one.origin == "measured"} for some in (found, kept))
    return [item for item in kept if item[1].task.id not in had - have]


def _traits(found: Sequence[Found]) -> Iterator[tuple[Trait, Check]]:
    """Each trait that all measured results of a task must share, and the check that raises for two that don't."""
    yield lambda one: canonical(vars(one.task)) if names_a_card(one) else None, same_task
    yield lambda one: None if one.card_seeds is None else canonical(sorted(one.card_seeds)), same_seeds
    yield lambda one: canonical(one.split_hash) if _counts(one) else None, same_split
    for metric in dict.fromkeys(score.metric for _, result in found if _counts(result) for score in result.scores):
        yield _definition_of(metric), _alike_in(metric)


def _counts(result: Result) -> bool:
    return (result.status, result.origin) == ("complete", "measured")


def _definition_of(metric: str) -> Trait:
    def trait(result: Result) -> str | None:
        scores = [score for score in result.scores if score.metric == metric]
        return definition(scores[0]) if scores and _counts(result) else None
    return trait


def _alike_in(metric: str) -> Check:
    def check(first: Found, second: Found) -> None:
        one, two = (next(score for score in item[1].scores if score.metric == metric) for item in (first, second))
        same_definition((first[0], one), (second[0], two))
    return check


def _agreed(found: list[Found], trait: Trait, check: Check, leave_out: LeaveOut) -> list[Found]:
    """Those of the trait that more files have than any other, and those without it."""
    groups: dict[str, list[Found]] = {}
    for item in found:
        if (value := trait(item[1])) is not None:
            groups.setdefault(value, []).append(item)
    if len(groups) < 2:
        return found
    largest, second, *_ = sorted(groups.values(), key=len, reverse=True)
    others = [item for group in groups.values() if group is not largest for item in group]
    for item in others:
        try:
            check(largest[0], item)
        except ResultError as error:
            leave_out(error)
    if len(largest) == len(second):
        return []
    return [item for item in found if item not in others]
