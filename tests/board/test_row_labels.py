"""No two rows of a board share a label, and scored images say that they are some."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.leaderboard import Row
from ldbench.board.row_labels import label
from ldbench.records.identity import row_key
from ldbench.records.result import SCORED, ModelRef


def row(model: ModelRef) -> Row:
    return Row(model, "measured", None, (0,), (), ())


RUN, IMAGES = ModelRef("mine", "acme", "0.1"), ModelRef("mine", None, SCORED)


def test_scored_images_are_marked_beside_a_run_of_their_name_and_alone() -> None:
    both = [row(RUN), row(IMAGES)]
    assert [label(one, both) for one in both] == ["mine", "mine (scored)"]
    assert label(both[1], both[1:]) == "mine (scored)"


def test_images_that_an_older_ldbench_scored_keep_their_label() -> None:
    old = row(ModelRef("mine", None, None))
    assert label(old, [old]) == label(old, [old, row(IMAGES)]) == "mine"


def test_what_sets_runs_apart_is_not_asked_of_scored_images() -> None:
    rows = [row(RUN), row(ModelRef("mine", "acme", "0.2")), row(IMAGES)]
    assert [label(one, rows) for one in rows] == ["mine (version=0.1)", "mine (version=0.2)", "mine (scored)"]


models = st.builds(
    ModelRef, st.sampled_from(["mine", "yours"]), st.sampled_from([None, "acme"]),
    st.sampled_from([None, "0.1", SCORED]),
    st.dictionaries(st.sampled_from(["delta", "steps"]), st.integers(0, 2)),
)


@given(st.lists(models, min_size=1, max_size=6, unique_by=lambda model: row_key(row(model))))
def test_no_two_rows_share_a_label_and_the_mark_stands_where_images_were_scored(drawn: Sequence[ModelRef]) -> None:
    rows = [row(model) for model in drawn]
    labels = [label(one, rows) for one in rows]
    assert len(set(labels)) == len(rows)
    assert ["(scored)" in text for text in labels] == [one.model.scored for one in rows]
