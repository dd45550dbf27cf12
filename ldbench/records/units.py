"""The file beside a result that says what each case or scan adds to each score: `units.json`.

What a fold needs to compare two models by pairs without images (`ldbench.api.Measured` defines a contribution). Numbers
are kept to six significant digits. Every metric's value must be the result's own: a file that contradicts the result is
an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ldbench.api import Score
from ldbench.api.score import LARGEST
from ldbench.errors import ResultError
from ldbench.records.files import read_record, write_text_atomic
from ldbench.records.result import Result
from ldbench.records.run_folder import UNITS
from ldbench.records.sidecar import own_sidecar, values_of

SCHEMA_VERSION = 1
MEAN_OVER_CASES = "95 % Student's t over cases"  # `parameters["interval"]` of a mean of one number a case
CASES, SCANS, TRUTHS = "cases", "scans", "truths"  # generated and real images; the truths are those of edits
GROUPS = "groups"  # of a delete-a-group jackknife: of both sets, of no image alone
_USUAL_GROUPS = 20
_LARGEST = 1 << 28  # bytes; a hundred thousand cases of twenty metrics take a tenth of it


@dataclass(frozen=True)
class Contributions:
    """What each unit adds to one score's `value`: by the name of a list of ids, one number an id."""

    value: float
    by_unit: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Units:
    """The lists of ids ("cases", "scans", ...) and, by metric, the contributions in their order.

    `subjects` numbers the subjects of a list's images by first appearance; a list in which no two share one has none.
    """

    ids: Mapping[str, tuple[str, ...]]
    metrics: Mapping[str, Contributions] = field(default_factory=dict)
    subjects: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def list_of_groups(count: int) -> str:
    """The name of the list of a jackknife's `count` groups: metrics of one result can have different numbers of them.

    >>> list_of_groups(20), list_of_groups(12)
    ('groups', 'groups-12')
    """
    return GROUPS if count == _USUAL_GROUPS else f"{GROUPS}-{count}"


def kind_of(name: str) -> str:
    """The kind of the units of a list: "groups" for any number of groups, else the list's own name.

    Older files call a list of any number of groups "groups". Whether two lists are the same, their ids say.
    """
    return GROUPS if name.startswith(f"{GROUPS}-") else name


def is_mean_over_cases(score: Score) -> bool:
    """Whether a stored score is the mean of one number a case, no share: by what it says of its interval."""
    return str(score.parameters.get("interval", "")).startswith(MEAN_OVER_CASES)


def values_of_cases(score: Score, units: Units, kept: Iterable[bool] | None = None) -> dict[str, float]:
    """The number of each case whose mean a score is, by the case's id; empty where its units are of several kinds.

    `kept` says which cases were measured. Where nobody knows, and they are fewer than all, they are those that add
    something: a case that has exactly the mean is then absent.
    """
    parts = units.metrics[score.metric].by_unit if score.metric in units.metrics else {}
    if len(parts) != 1:
        return {}
    [(kind, added)] = parts.items()
    if kept is None:
        kept = (len(added) == score.n or part != 0 for part in added)
    scale = (score.n * (score.n - 1)) ** 0.5
    return {
        case: score.value + part * scale
        for case, part, measured in zip(units.ids[kind], added, kept, strict=True)
        if measured
    }


def rounded(numbers: Iterable[float]) -> tuple[float, ...]:
    """The numbers to six significant digits."""
    return tuple(float(f"{number:.6g}") for number in numbers)


def write(units: Units, path: Path) -> None:
    """Write the file in one step, as results are written."""
    write_text_atomic(path, text_of(units))


def text_of(units: Units) -> Iterator[str]:
    """The file's text in pieces: keys sorted, one line a list, NaN refused."""
    table = {**vars(units), "metrics": {name: vars(of_metric) for name, of_metric in units.metrics.items()}}
    if not units.subjects:
        del table["subjects"]
    yield from _text(table, "")
    yield "\n"


def read(path: Path) -> Units:
    """Read such a file; anything else is a `ResultError` naming file and field."""
    remedy = "remove the file"
    units = read_record(Units, path, f"the {UNITS} of a run", SCHEMA_VERSION, remedy, limit=_LARGEST)
    _check_lists(units, path)
    return units


def _check_lists(units: Units, path: Path) -> None:
    for name, subjects in units.subjects.items():
        count = len(units.ids.get(name, ()))
        if len(subjects) != count or not all(0 <= one < count for one in subjects):
            expected = f"{count} numbers of subjects, one an id"
            raise ResultError(f"{path}:subjects.{name}: expected {expected}, got others; remove the file")
    for metric, of_metric in units.metrics.items():
        for name, values in of_metric.by_unit.items():
            if name not in units.ids or len(values) != len(units.ids[name]):
                got = f"{len(values)} for {len(units.ids.get(name, ()))}"
                raise ResultError(f"{path}:metrics.{metric}.{name}: expected one an id, got {got}; remove the file")
            if not all(abs(value) <= LARGEST for value in values):
                where = f"{path}:metrics.{metric}.{name}"
                raise ResultError(f"{where}: expected numbers up to {LARGEST:g} in size, got more; remove the file")


def beside(path: Path | str, result: Result) -> Units | None:
    """What lies beside a result file, or None; `ResultError` for a file that is damaged or contradicts the result."""
    return own_sidecar(path, UNITS, read, _values, values_of(result))


def unchecked_beside(path: Path) -> Units | None:
    """As `beside`, also of a file that contradicts the result: for `verify`, which finds out which of them is wrong."""
    file = path.with_name(UNITS)
    return read(file) if file.is_file() else None


def _values(units: Units) -> dict[str, float]:
    return {metric: of_metric.value for metric, of_metric in units.metrics.items()}


def _text(value: object, indent: str) -> Iterator[str]:
    """JSON that indents tables and keeps a list on its line: `json` would give each number a line of its own."""
    if not isinstance(value, Mapping) or not value:
        yield json.dumps(value, allow_nan=False, ensure_ascii=False)
        return
    before = "{\n"
    for key in sorted(value):
        yield f"{before}{indent} {json.dumps(key, ensure_ascii=False)}: "
        yield from _text(value[key], f"{indent} ")
        before = ",\n"
    yield f"\n{indent}}}"
