"""Groups of cases over seeds: one run is its own, several are folded as scores are, and no order changes a bit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ldbench.api import Direction, Measured, Score
from ldbench.board.folded_groups import RowGroups, fold, groups_of_rows
from ldbench.board.gather import board_set, collect
from ldbench.board.leaderboard import by_task
from ldbench.board.seeds import pool
from ldbench.records import result as result_file
from ldbench.records import subgroups
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Subgroups
from ldbench.score.metrics.intervals import Interval
from ldbench.score.subgroups.gap import GroupScore, set_breakdown
from ldbench.score.subgroups.groups import breakdown

ANY = (-math.inf, math.inf)
NAMES = "abc"


def run(*values: float, direction: Direction = "lower", half: float = 0.5, chance: float | None = None) -> Breakdown:
    """A run's groups of these values, whose intervals are as well known as can be."""
    exchanges = () if chance is None else (chance, chance)
    groups = {
        name: GroupScore(Measured("m", value, value - half, value + 2 * half, 30, direction), exchanges)
        for name, value in zip(NAMES, values, strict=False)
    }
    return set_breakdown(groups, direction, ANY)


def folded(*runs: Breakdown, direction: Direction = "lower", metric: str = "m") -> RowGroups:
    return fold(metric, direction, "sex", runs)


runs_drawn = st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3).map(lambda values: run(*values)), min_size=1,
                      max_size=4)  # fmt: skip


@given(one=runs_drawn)
def test_one_run_is_its_own_and_so_is_a_file_of_an_older_schema(one: list[Breakdown]) -> None:
    for each in (one[0], replace(one[0], pairs=())):
        found = folded(each)
        assert found.breakdown == each
        assert (found.gap.runs, found.gap.spread, set(found.groups.values())) == (1, None, {(1, None)})


@given(one=runs_drawn)
def test_the_order_of_the_runs_changes_nothing(one: list[Breakdown]) -> None:
    first, *others = (folded(*order) for order in itertools.permutations(one))
    assert all(other == first for other in others)


@given(one=runs_drawn)
def test_runs_that_agree_say_what_one_says(one: list[Breakdown]) -> None:
    alone, found = one[0], folded(*[one[0]] * 3).breakdown
    assert (found.worst, found.best) == (alone.worst, alone.best)
    assert (found.gap, found.gap_low, found.gap_high) == pytest.approx((alone.gap, alone.gap_low, alone.gap_high))
    assert [group.value for group in found.groups] == pytest.approx([group.value for group in alone.groups])


def test_groups_are_folded_as_a_rows_scores_are() -> None:
    runs = [run(1, 4, chance=0.25), run(2, 4, chance=0.5), run(6, 5, chance=0.75)]
    found = folded(*runs)
    for name in "ab":
        each = [one.group(name) for one in runs]
        interval, spread = pool([Interval(group.value, group.ci_low, group.ci_high) for group in each])
        group = found.breakdown.group(name)
        assert Interval(group.value, group.ci_low, group.ci_high) == interval
        assert (group.chance, found.groups[name]) == (0.5, (3, spread))


def test_of_several_numbers_of_cases_the_least_has_its_own_number_with_the_label() -> None:
    groups = [Group("a", n, 0.5, 0.4, 0.6, with_it=with_it) for n, with_it in ((40, 9), (38, 11), (39, None))]
    for some in itertools.permutations(groups):
        (group,) = folded(*(Breakdown((one,)) for one in some)).breakdown.groups
        assert (group.n, group.with_it) == (38, 11)


def test_the_gap_is_that_of_the_differences_run_by_run() -> None:
    """A seed that moves all groups alike adds nothing to it, and one in which the other group is worse counts so."""
    moved = [run(5 + seed, 2 + seed) for seed in (0.0, 10.0, 30.0)]
    found = folded(*moved)
    assert (found.breakdown.gap, found.gap.spread) == (3, 0)
    assert (found.breakdown.gap_low, found.breakdown.gap_high) == pytest.approx((moved[0].gap_low, moved[0].gap_high))
    found = folded(run(1, 2), run(2, 1), run(5, 1))
    differences = (-1, 1, 4)
    assert (found.breakdown.worst, found.breakdown.gap) == ("a", pytest.approx(4 / 3))
    assert found.gap == (3, pytest.approx(np.std(differences, ddof=1)))
    error = stats.t.ppf(0.975, 2) * stats.sem(differences)
    reach = math.hypot(1.0, 0.5)  # a may be 1 higher and b 0.5 lower; turned round it is the same
    below = math.hypot(0.5, 1.0)
    assert found.breakdown.pairs[0].high == pytest.approx(4 / 3 + math.hypot(error, reach), abs=1e-4)
    assert found.breakdown.pairs[0].low == pytest.approx(4 / 3 - math.hypot(error, below), abs=1e-4)


def test_three_groups_are_held_at_once() -> None:
    found = folded(run(1, 2, 6), run(3, 2, 5))
    assert [(one.worse, one.better, one.gap) for one in found.breakdown.pairs] == [
        ("c", "a", 3.5), ("c", "b", 3.5), ("a", "b", 0)
    ]  # fmt: skip
    wider = stats.norm.ppf(1 - 0.05 / 6) / stats.norm.ppf(0.975)
    error = stats.t.ppf(1 - 0.05 / 6, 1) * stats.sem((5, 2))
    assert found.breakdown.pairs[0].high - 3.5 == pytest.approx(math.hypot(error, wider * math.hypot(1.0, 0.5)))


def test_a_group_that_one_seed_lacks_is_shown_and_not_compared() -> None:
    found = folded(run(1, 2, 6), run(3, 2))
    assert [(group.name, group.value) for group in found.breakdown.groups] == [("a", 2), ("b", 2), ("c", 6)]
    assert {name: over.runs for name, over in found.groups.items()} == {"a": 2, "b": 2, "c": 1}
    assert {found.breakdown.worst, found.breakdown.best} == {"a", "b"}
    nothing = folded(run(1, 2), Breakdown(()))
    assert (nothing.breakdown.worst, len(nothing.breakdown.groups), nothing.gap) == ("", 2, (2, None))


def test_a_group_of_one_subject_is_no_group() -> None:
    """All of its images are one unit, in any seed."""
    score = Measured("m", 0.0, 0.0, 0.0, 44, "lower", mean=True)
    whose = {"a": range(20), "b": range(20, 40), "c": [40] * 4}

    def of_seed(seed: int) -> Breakdown:
        random = np.random.default_rng(seed)
        return breakdown(score, [(name, random.normal(size=len(each))) for name, each in whose.items()], ANY, whose)

    found = folded(of_seed(0), of_seed(1))
    assert [group.name for group in found.breakdown.groups] == ["a", "b"]
    assert len(found.breakdown.pairs) == 1


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_an_older_file_has_the_widest_intervals_that_its_groups_allow(direction: Direction) -> None:
    runs = [run(1, 2.5, 6, direction=direction), run(3, 2, 5, direction=direction)]
    old = [replace(one, pairs=()) for one in runs]
    new, found = (folded(*each, direction=direction).breakdown for each in (runs, old))
    assert (found.worst, found.best, found.gap, found.groups) == (new.worst, new.best, new.gap, new.groups)
    for wide, narrow in zip(found.pairs, new.pairs, strict=True):
        assert wide.low < narrow.low < narrow.high < wide.high
    small = [replace(one, groups=(*one.groups, Group("few", 9, 0.0, -1.0, 1.0))) for one in old]
    assert folded(*small, direction=direction).breakdown.pairs == found.pairs


def test_a_gap_and_its_pairs_end_where_the_metric_does() -> None:
    runs = [run(*values, direction="higher", half=0.3) for values in ((0.1, 0.9), (0.0, 1.0))]
    found = folded(*runs, metric="ssim", direction="higher").breakdown
    assert found.gap_high == found.pairs[0].high == 2  # SSIM goes from -1 to 1


def test_chance_is_seldom_called_a_gap_and_a_gap_is_covered() -> None:
    """Seeds move groups against each other by as much as the choice of cases does."""
    called, covered = 0, 0
    for draw in range(400):
        random = np.random.default_rng(draw)
        by_case = random.normal(size=3)
        seeds = by_case + random.normal(size=(3, 3))
        called += folded(*(run(*one, half=1.96) for one in seeds)).breakdown.gap_low > 0
        far = folded(*(run(*one, half=1.96) for one in seeds + np.array([0, 0, 40]))).breakdown
        covered += far.worst == "c" and all(one.low <= 40 <= one.high for one in far.pairs if one.worse == "c")
    assert called <= 0.05 * 400
    assert covered >= 0.95 * 400


TASK = TaskRef("sandbox-brain-t2i", 1, "text-to-image", "c" * 64)


def write_run(folder: Path, seed: int, groups: Sequence[float] = (), name: str = "basic-ft") -> Result:
    score = Score("fid", 10.0 + seed, 9.0, 13.0 + seed, 200, "lower")
    model = ModelRef(name, "ldbench", "0.1.0")
    one = Result(TASK, model, "measured", [score], seed=seed, split_hash="5" * 64, images_hash=f"{seed}{name}")
    result_file.write(one, folder / "result.json")
    if groups:
        subgroups.write(Subgroups({"fid": score.value}, {"fid": {"sex": run(*groups)}}), folder / SUBGROUPS)
    return one


def test_the_runs_of_a_row_are_folded_copies_once_and_boards_are_as_without(tmp_path: Path) -> None:
    for seed, groups in enumerate([(1, 2), (3, 5), ()]):
        write_run(tmp_path / f"first/{seed}", seed, groups)
        write_run(tmp_path / f"copy/{seed}", seed)
    write_run(tmp_path / "other/0", 0, name="sd")
    results = board_set(collect([tmp_path]))
    [(key, [found])] = groups_of_rows(by_task(results.found)[TASK.id], results.subgroups).items()
    assert found == fold("fid", "lower", "sex", [run(1, 2), run(3, 5)])
    assert "basic-ft" in key
    for path in tmp_path.rglob(SUBGROUPS):
        path.unlink()
    assert board_set(collect([tmp_path])).boards == results.boards
