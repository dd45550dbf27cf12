"""Which metrics stand first: one for each question, in the card's order, and whatever says no question."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.leaderboard import Leaderboard
from ldbench.plugins.kinds import METRICS
from ldbench.report.tables.headline import axis_of, headline, narrowed

NAMES = [entry.name for entry in METRICS.entries() if entry.distribution == "ldbench"]


@given(metrics=st.lists(st.sampled_from([*NAMES, "unheard-of"]), unique=True))
def test_each_axis_is_spoken_for_once_by_its_first_metric(metrics: list[str]) -> None:
    first = headline(metrics)
    assert list(first) == [name for name in metrics if name in first]
    axes = [axis_of(name) for name in first if axis_of(name) is not None]
    assert len(axes) == len(set(axes))
    asked = {axis_of(name) for name in metrics}
    if asked & {"truth", "effectiveness", "identity"} and axis_of(metrics[0]) != "fidelity":
        asked -= {"fidelity"}
    assert asked == {axis_of(name) for name in first}
    for name in metrics:
        if name not in first and axis_of(name) in asked:
            assert metrics.index(name) > min(metrics.index(other) for other in first if axis_of(other) == axis_of(name))


def test_every_built_in_metric_says_its_question() -> None:
    assert all(axis_of(name) for name in NAMES)
    assert axis_of("unheard-of") is None


def test_a_distance_of_sets_stands_first_on_a_board_of_edits_only_where_it_ranks_it() -> None:
    assert headline(["counterfactual_error", "identity_ssim", "viewed_fid", "fid"]) == (
        "counterfactual_error", "identity_ssim",
    )
    assert headline(["fid", "target_auc", "source_ssim"]) == ("fid", "target_auc", "source_ssim")
    assert headline(["viewed_fid", "coverage"]) == ("viewed_fid", "coverage")


def test_a_narrowed_board_keeps_ranks_and_order_and_loses_reported_rows_without_the_metric(
    leaderboard: Leaderboard,
) -> None:
    narrow = narrowed(leaderboard, ["kid"])
    assert [metric.metric for metric in narrow.metrics] == ["kid"]
    kept = [row for row in leaderboard.rows if row.origin == "measured" or row.score("kid")]
    assert [row.model for row in narrow.rows] == [row.model for row in kept]
    assert [row.score("kid") for row in narrow.rows] == [row.score("kid") for row in kept]
    assert all(row.score("fid") is None for row in narrow.rows)
    whole = narrowed(leaderboard, ["kid"], origins=["measured"])
    reported = [row for row in leaderboard.rows if row.origin == "reported"]
    assert reported
    assert [row for row in whole.rows if row.origin == "reported"] == reported
