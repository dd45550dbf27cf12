"""`subgroups.json`: what is written is read, and another result's file is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.errors import ResultError
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import SCHEMA_VERSION, Breakdown, Group, Pair, Subgroups, beside, breakdown_of, write

GROUPS = (Group("F", 12, 0.4, 0.3, 0.5), Group("M", 11, 0.6, 0.5, 0.7))
GAP = ("F", "M", 0.2, 0.05, 0.35)
SIDECAR = Subgroups({"ssim": 0.5}, {"ssim": {"sex": Breakdown(GROUPS, *GAP, pairs=(Pair(*GAP),))}})


def a_result(value: float = 0.5) -> Result:
    score = Score("ssim", value, 0.0, 1.0, 23, "higher")
    return Result(TaskRef("t", 1, "aging", "c"), ModelRef("m", None, None), "measured", [score], seed=0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    assert beside(result, a_result()) is None
    write(SIDECAR, tmp_path / SUBGROUPS)
    assert beside(str(result), a_result()) == SIDECAR
    assert SIDECAR.metrics["ssim"]["sex"].group("M").n == 11


def test_every_field_is_written_and_chance_is_null_where_there_is_none(tmp_path: Path) -> None:
    groups = (GROUPS[0], replace(GROUPS[1], chance=0.1, with_it=4))
    sidecar = replace(SIDECAR, metrics={"ssim": {"sex": replace(SIDECAR.metrics["ssim"]["sex"], groups=groups)}})
    write(sidecar, tmp_path / SUBGROUPS)
    written = json.loads((tmp_path / SUBGROUPS).read_text(encoding="utf-8"))
    assert written["schema_version"] == SCHEMA_VERSION
    assert [group["chance"] for group in written["metrics"]["ssim"]["sex"]["groups"]] == [None, 0.1]
    assert [group["with_it"] for group in written["metrics"]["ssim"]["sex"]["groups"]] == [None, 4]
    assert beside(tmp_path / "result.json", a_result()) == sidecar


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_file_of_an_earlier_schema_is_read(version: int, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "historic" / f"subgroups-v{version}.json", tmp_path / SUBGROUPS)
    result = a_result()
    old = beside(tmp_path / "result.json", replace(result, scores=[*result.scores, Score("fid", 6, 5, 7, 23, "lower")]))
    assert old is not None
    assert old.schema_version == SCHEMA_VERSION
    chances = [[group.chance for group in by["sex"].groups] for by in (old.metrics["ssim"], old.metrics["fid"])]
    assert chances == [[None, None], [2.25, 2.5]]
    assert [len(old.metrics[metric]["sex"].pairs) for metric in ("ssim", "fid")] == ([1, 1] if version >= 3 else [0, 0])
    assert old.left_out == {}
    assert {group.with_it for by in old.metrics.values() for group in by["sex"].groups} == {None}


def test_another_results_file_is_refused(tmp_path: Path) -> None:
    write(SIDECAR, tmp_path / SUBGROUPS)
    with pytest.raises(ResultError, match=r"expected ssim 0.25 as in the result beside it, got 0.5; they contrad"):
        beside(tmp_path / "result.json", a_result(0.25))
    (tmp_path / SUBGROUPS).write_text('{"schema_version": 6}')
    with pytest.raises(ResultError, match="expected schema_version 5, got 6"):
        beside(tmp_path / "result.json", a_result())


THREE = (*GROUPS, Group("X", 20, 0.5, 0.4, 0.6))


@pytest.mark.parametrize(
    "damaged",
    [
        Breakdown(THREE, *GAP, pairs=(Pair(*GAP), Pair("F", "X", 0.1, 0.0, 0.2))),  # M and X are missing
        Breakdown(GROUPS, *GAP, pairs=(Pair(*GAP), Pair("M", "F", 0.2, 0.05, 0.35))),  # twice
        Breakdown(GROUPS, *GAP, pairs=(Pair("F", "Z", 0.2, 0.05, 0.35),)),
        Breakdown(GROUPS, "F", "Z", 0.2, 0.05, 0.35),
        Breakdown((GROUPS[0], GROUPS[0]), *GAP),
    ],
)
def test_pairs_that_are_not_those_of_the_groups_are_refused(tmp_path: Path, damaged: Breakdown) -> None:
    write(replace(SIDECAR, metrics={"ssim": {"sex": damaged}}), tmp_path / SUBGROUPS)
    with pytest.raises(ResultError, match="expected each pair of the groups of sex by ssim once, got others; remove"):
        beside(tmp_path / "result.json", a_result())


def test_the_gap_is_that_of_the_first_and_the_last_group_cut_at_what_can_be() -> None:
    def pair(worse: str, better: str) -> Pair:
        gap = float(ord(better) - ord(worse))
        return Pair(worse, better, gap, gap - 5, gap + 5)

    found = breakdown_of(GROUPS, "acf", pair, 9.0)
    assert [(one.worse, one.better) for one in found.pairs] == [("a", "c"), ("a", "f"), ("c", "f")]
    assert (found.worst, found.best, found.gap, found.gap_low, found.gap_high) == ("a", "f", 5.0, 0.0, 9.0)
    assert breakdown_of(GROUPS, "a", pair, 9.0) == Breakdown(GROUPS)
