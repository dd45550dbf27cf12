"""No two rows of a board share a label, and scored images say that they are some."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.leaderboard import Row
from ldbench.board.row_labels import label, untold
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


def trained(**settings: int | float | str) -> Row:
    return row(ModelRef("mine", None, "0.1", dict(settings)))


def test_a_label_has_the_fewest_settings_and_those_first_that_vary_most() -> None:
    rows = [trained(steps=800, scale=4.0, loss="l1"), trained(steps=3200, scale=2.0, loss="l1"),
            trained(steps=12800, scale=1.0, loss="l2")]  # fmt: skip
    assert [label(one, rows) for one in rows] == ["mine (steps=800)", "mine (steps=3200)", "mine (steps=12800)"]
    assert untold(rows) == {
        "mine (steps=800)": {"loss": "l1", "scale": "4.0"}, "mine (steps=3200)": {"loss": "l1", "scale": "2.0"},
        "mine (steps=12800)": {"loss": "l2", "scale": "1.0"},
    }
    square = [trained(steps=steps, scale=scale) for steps in (1, 2) for scale in (3, 4)]
    assert label(square[0], square) == "mine (scale=3, steps=1)"
    assert untold(square) == {}


@given(st.lists(models, min_size=1, max_size=6, unique_by=lambda model: row_key(row(model))))
def test_label_and_what_it_leaves_out_are_all_in_which_namesakes_differ(drawn: Sequence[ModelRef]) -> None:
    rows = [row(model) for model in drawn]
    left_out = untold(rows)
    for one in rows:
        its = one.model.name, one.model.scored
        namesakes = [each for each in rows if (each.model.name, each.model.scored) == its]
        for key in ("delta", "steps"):
            values = {each.model.parameters.get(key) for each in namesakes}
            own = one.model.parameters.get(key)
            shown = f"{key}={own}" in label(one, rows) or key in left_out.get(label(one, rows), {})
            assert shown == (len(values) > 1 and own is not None)
