"""The sidecar of a result: what goes in comes out, and what doesn't belong is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Score
from ldbench.errors import ResultError
from ldbench.records import result as result_file
from ldbench.records import units as units_file
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import UNITS
from ldbench.records.sidecar import beside_all
from ldbench.records.units import Contributions, Units

names = st.text(min_size=1, max_size=8)
SIDECAR = Units({"cases": ("a", "b")}, {"ssim": Contributions(0.5, {"cases": (0.25, -0.25)})})


def a_result(value: float = 0.5, status: str = "complete") -> Result:
    score = Score("ssim", value, 0.0, 1.0, 2, "higher")
    failed = status == "failed"
    return Result(
        TaskRef("t", 1, "aging", "c"), ModelRef("m", None, None), "measured", [] if failed else [score],
        "failed" if failed else "complete", seed=0,
    )


@given(st.dictionaries(names, st.lists(names, max_size=4), max_size=3), st.floats(-1, 1), st.data())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, ids: dict[str, list[str]], value: float, data: st.DataObject
) -> None:
    by_unit = {
        name: units_file.rounded(data.draw(st.lists(st.floats(-1, 1), min_size=len(listed), max_size=len(listed))))
        for name, listed in ids.items()
    }
    sidecar = Units({name: tuple(listed) for name, listed in ids.items()}, {"[x]": Contributions(value, by_unit)})
    path = tmp_path_factory.mktemp("units") / UNITS
    units_file.write(sidecar, path)
    assert units_file.read(path) == sidecar
    assert json.loads(path.read_text())["schema_version"] == 1


def test_a_list_takes_one_line(tmp_path: Path) -> None:
    units_file.write(SIDECAR, tmp_path / UNITS)
    assert len((tmp_path / UNITS).read_text().splitlines()) == 14


def test_subjects_are_written_where_images_share_one(tmp_path: Path) -> None:
    path = tmp_path / UNITS
    units_file.write(replace(SIDECAR, subjects={"cases": (0, 0)}), path)
    assert units_file.read(path).subjects == {"cases": (0, 0)}
    path.write_text(path.read_text().replace("[0, 0]", "[0]"))
    with pytest.raises(ResultError, match=r"subjects\.cases: expected 2 numbers of subjects, one an id"):
        units_file.read(path)
    units_file.write(SIDECAR, path)
    assert "subjects" not in path.read_text()


def test_numbers_keep_six_digits() -> None:
    assert units_file.rounded([1 / 3, 1234567.0, 0.0]) == (0.333333, 1234570.0, 0.0)


def test_what_lies_beside_a_result_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    assert units_file.beside(path, a_result()) is None
    units_file.write(SIDECAR, tmp_path / UNITS)
    assert units_file.beside(str(path), a_result()) == SIDECAR
    with pytest.raises(ResultError, match=r"expected ssim 0\.4 as in the result beside it, got 0\.5"):
        units_file.beside(path, a_result(0.4))


def test_only_complete_measured_results_have_units(tmp_path: Path) -> None:
    for name in ("good", "failed"):
        result_file.write(a_result(status="complete" if name == "good" else "failed"), tmp_path / name / "result.json")
        units_file.write(SIDECAR, tmp_path / name / UNITS)
    found = [(str(path), result_file.read(path)) for path in sorted(tmp_path.rglob("result.json"))]
    assert beside_all(found, units_file.beside) == {str(tmp_path / "good" / "result.json"): SIDECAR}


def test_copies_of_a_result_share_their_units_whichever_is_found_first(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        result_file.write(a_result(), tmp_path / name / "result.json")
    other = Units({"cases": ("a", "b")}, {"ssim": Contributions(0.5, {"cases": (0.125, -0.125)})})
    units_file.write(SIDECAR, tmp_path / "b" / UNITS)
    found = [(str(path), result_file.read(path)) for path in sorted(tmp_path.rglob("result.json"))]
    assert beside_all(found, units_file.beside) == {path: SIDECAR for path, _ in found}
    units_file.write(other, tmp_path / "c" / UNITS)
    for order in (found, found[::-1]):
        assert len(set(map(repr, beside_all(order, units_file.beside).values()))) == 1
    assert beside_all(found, units_file.beside) == beside_all(found[::-1], units_file.beside)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "schema_version"),
        ('{"schema_version": true, "ids": {}}', "schema_version"),
        ('{"schema_version": 1}', "ids: expected a table"),
        ('{"schema_version": 1, "ids": {"cases": [1]}}', r"ids\.cases\[0\]: expected a string"),
        (
            '{"schema_version": 1, "ids": {"x": ["a"]}, "metrics": {"m": {"value": 1, "by_unit": {"x": [1, 2]}}}}',
            r"metrics\.m\.x: expected one an id, got 2 for 1",
        ),
        ('{"schema_version": 1, "ids": {}, "metrics": {"m": {"value": 1, "by_unit": {"x": []}}}}', "got 0 for 0"),
        (
            '{"schema_version": 1, "ids": {"x": ["a"]}, "metrics": {"m": {"value": 1, "by_unit": {"x": [-1e200]}}}}',
            r"metrics\.m\.x: expected numbers up to 1e\+60",
        ),
        ('{"schema_version": 1, "ids": {"cases": ["a"]}, "metrics": {"m": {"value": NaN, "by_unit": {}}}}', "finite"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / UNITS
    path.write_text(text)
    with pytest.raises(ResultError, match=complaint) as caught:
        units_file.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
