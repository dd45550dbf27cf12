"""Whether results may share a table: same card, same data, same way of measuring, no run twice with two answers.

A contradiction is a `ResultError` that names both files. `ldbench.board.left_out` decides which results are then left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from ldbench.api import Score
from ldbench.errors import ResultError
from ldbench.records.digests import PARAMETER
from ldbench.records.identity import (
    Found,
    canonical,
    definition,
    differences,
    names_a_card,
    row_key,
    run_key,
    version_of,
)
from ldbench.records.result import Result


class ContradictionError(ResultError):
    """Runs of one row that contradict each other. It concerns the results at `paths` and no others."""

    def __init__(self, text: str, paths: frozenset[str]) -> None:
        super().__init__(text)
        self.paths = paths


def distinct(found: Sequence[Found]) -> list[Found]:
    """The results of one task with copies dropped, by path; `ResultError` if two contradict each other.

    Checked on all that name a card: id, version, kind, hash and seeds of it. Among complete measured ones, and within a
    reported row: split hash, and per metric direction, extractor, n and parameters. Among the runs of a row: what they
    read, such as a backbone's weights, as far as they record it. A run found twice must say the same: status, error,
    note and scores; times and machine may differ.
    """
    kept: dict[tuple[str, str], Found] = {}
    splits: dict[str, Found] = {}
    definitions: dict[tuple[str, str], tuple[str, Score]] = {}
    read: dict[tuple[str, str], tuple[str, str]] = {}
    ordered = sorted(found, key=lambda item: item[0])
    carded = [item for item in ordered if names_a_card(item[1])]
    for item in carded:
        same_task(carded[0], item)
    listed = [item for item in carded if item[1].card_seeds is not None]
    for item in listed:
        same_seeds(listed[0], item)
    for path, result in ordered:
        with _costing(ordered, _run_of, result):
            _same_content(kept.setdefault(_run_of(result), (path, result)), (path, result))
            _no_metric_twice(path, result)
        if result.status != "complete":
            continue
        with _costing(ordered, row_key, result):
            _same_files(read, (path, result))
        table = _table_of(result)
        with _costing(ordered, _table_of, result):
            same_split(splits.setdefault(table, (path, result)), (path, result))
            for score in result.scores:
                same_definition(definitions.setdefault((table, score.metric), (path, score)), (path, score))
    return list(kept.values())


def _run_of(result: Result) -> tuple[str, str]:
    return result.status, run_key(result)


def _table_of(result: Result) -> str:
    """What must be measured alike: all that was measured, and the runs of a reported row."""
    return "measured" if result.origin == "measured" else row_key(result)


@contextmanager
def _costing(found: Sequence[Found], key: Callable[[Result], object], faulty: Result) -> Iterator[None]:
    """A contradiction that is raised in the block concerns all results that have the same key as `faulty`."""
    try:
        yield
    except ResultError as error:
        paths = frozenset(path for path, result in found if key(result) == key(faulty))
        raise ContradictionError(str(error), paths) from error


def same_task(first: Found, second: Found) -> None:
    """One task has one card; a `ResultError` where two results don't agree, as in all that follow."""
    if first[1].task != second[1].task:
        raise ResultError(
            f"{second[0]}: {version_of(second[1].task)} of {second[1].task.id}, but {first[0]} has "
            f"{version_of(first[1].task)}; results of different cards never share a table: report them apart, or run "
            "again on the card that is installed"
        )


def same_seeds(first: Found, second: Found) -> None:
    """One card has one list of seeds: a result with another list would decide which runs of all others are ranked."""
    one, two = (sorted(item[1].card_seeds or ()) for item in (first, second))
    if one != two:
        raise ResultError(
            f"{second[0]}: card_seeds {two}, but {first[0]} has {one} of the same card; one of them was changed by "
            "hand: take its file from the run again"
        )


def same_split(first: Found, second: Found) -> None:
    """One table has one split of the data."""
    one, two = first[1].split_hash, second[1].split_hash
    if one != two:
        raise ResultError(
            f"{second[0]}: split_hash {_short(two)}, but {first[0]} has {_short(one)}; results over "
            "different data never share a table: report them apart"
        )


def _same_files(read: dict[tuple[str, str], tuple[str, str]], found: Found) -> None:
    """Seeds of a row that read other weights are of two models; `read` holds, by row and what is read, the first path
    and digest. What else a run reads may be its seed's own."""
    path, result = found
    packages = {} if result.environment is None or result.model.scored else result.environment.packages
    for what, digest in packages.items():
        if what != f"{PARAMETER}backbone":
            continue
        before, known = read.setdefault((row_key(result), what), (path, digest))
        if digest != known:
            raise ResultError(
                f"{path}: {what} {digest}, but {before} has {known}, and both are seeds of {result.model.name}; runs "
                "on other files never share a row: run one of them again, or report them apart"
            )


def same_definition(first: tuple[str, Score], second: tuple[str, Score]) -> None:
    """One column was measured in one way."""
    one, two = first[1], second[1]
    if definition(one) != definition(two):
        raise ResultError(
            f"{second[0]}: {two.metric} measured with {differences(two, one)}, but {first[0]} has "
            f"{differences(one, two)}; score one of them again with the other's settings"
        )


def _same_content(first: Found, second: Found) -> None:
    if first[1] is not second[1] and _content(first[1]) != _content(second[1]):
        raise ResultError(
            f"{second[0]}: another result of {second[1].model.name}, seed {second[1].seed}, than {first[0]}; "
            "one run, two answers: remove one file, or give the runs different seeds"
        )


def _no_metric_twice(path: str, result: Result) -> None:
    names = [score.metric for score in result.scores]
    for name in names:
        if names.count(name) > 1:
            raise ResultError(f"{path}: expected each metric once, got {name} {names.count(name)} times")


def _content(result: Result) -> str:
    scores = sorted(canonical(asdict(score)) for score in result.scores)
    return canonical([result.status, result.error, result.note, result.split_hash, scores])


def _short(value: str | None) -> str:
    return "(none)" if value is None else value[:12]
