"""No two rows of a board share a label, and scored images say that they are some."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.leaderboard import BoardRow
from ldbench.board.row_labels import labels
from ldbench.records.identity import row_key
from ldbench.records.result import SCORED, ModelRef


def row(model: ModelRef) -> BoardRow:
    return BoardRow(model, "measured", None, (0,), (), ())


RUN, IMAGES = ModelRef("mine", "acme", "0.1"), ModelRef("mine", None, SCORED)


def test_scored_images_are_marked_beside_a_run_of_their_name_and_alone() -> None:
    both = [row(RUN), row(IMAGES)]
    assert [labels(both).of(one) for one in both] == ["mine", "mine (scored)"]
    assert labels(both[1:]).of(both[1]) == "mine (scored)"


def test_images_that_an_older_ldbench_scored_keep_their_label() -> None:
    old = row(ModelRef("mine", None, None))
    assert labels([old]).of(old) == labels([old, row(IMAGES)]).of(old) == "mine"


def test_what_sets_runs_apart_is_not_asked_of_scored_images() -> None:
    rows = [row(RUN), row(ModelRef("mine", "acme", "0.2")), row(IMAGES)]
    assert [labels(rows).of(one) for one in rows] == ["mine (version=0.1)", "mine (version=0.2)", "mine (scored)"]


models = st.builds(
    ModelRef, st.sampled_from(["mine", "yours"]), st.sampled_from([None, "acme"]),
    st.sampled_from([None, "0.1", SCORED]),
    st.dictionaries(st.sampled_from(["delta", "steps"]), st.integers(0, 2)),
)


@given(st.lists(models, min_size=1, max_size=6, unique_by=lambda model: row_key(row(model))))
def test_no_two_rows_share_a_label_and_the_mark_stands_where_images_were_scored(drawn: Sequence[ModelRef]) -> None:
    rows = [row(model) for model in drawn]
    names = [labels(rows).of(one) for one in rows]
    assert len(set(names)) == len(rows)
    assert ["(scored)" in text for text in names] == [one.model.scored for one in rows]


def test_the_backbone_is_named_wherever_it_differs() -> None:
    def sd(backbone: str | None, steps: int) -> BoardRow:
        return row(ModelRef("sd", "ldbench", "0.1", {"backbone": backbone, "sampling_steps": steps}))

    rows = [sd(None, 10), sd("mine", 2)]
    assert [labels(rows).of(one) for one in rows] == ["sd (backbone=the card's)", "sd (backbone=mine)"]
    assert labels(rows).untold(rows[1]) == {"sampling_steps": "2"}
    more = [*rows, sd("mine", 4)]
    assert [labels(more).of(one) for one in more] == [
        "sd (backbone=the card's, sampling_steps=10)", "sd (backbone=mine, sampling_steps=2)",
        "sd (backbone=mine, sampling_steps=4)",
    ]  # fmt: skip
    same = [sd(None, 10), sd(None, 2)]
    assert labels(same).of(same[0]) == "sd (sampling_steps=10)"


def trained(**settings: int | float | str) -> BoardRow:
    return row(ModelRef("mine", None, "0.1", dict(settings)))


def test_a_label_has_the_fewest_settings_and_those_first_that_vary_most() -> None:
    rows = [trained(steps=800, scale=4.0, loss="l1"), trained(steps=3200, scale=2.0, loss="l1"),
            trained(steps=12800, scale=1.0, loss="l2")]  # fmt: skip
    assert [labels(rows).of(one) for one in rows] == ["mine (steps=800)", "mine (steps=3200)", "mine (steps=12800)"]
    assert [labels(rows).untold(one) for one in rows] == [
        {"loss": "l1", "scale": "4.0"}, {"loss": "l1", "scale": "2.0"}, {"loss": "l2", "scale": "1.0"}
    ]
    square = [trained(steps=steps, scale=scale) for steps in (1, 2) for scale in (3, 4)]
    assert labels(square).of(square[0]) == "mine (scale=3, steps=1)"
    assert not any(labels(square).untold(one) for one in square)


@given(st.lists(models, min_size=1, max_size=6, unique_by=lambda model: row_key(row(model))))
def test_label_and_what_it_leaves_out_are_all_in_which_namesakes_differ(drawn: Sequence[ModelRef]) -> None:
    rows = [row(model) for model in drawn]
    names = labels(rows)
    for one in rows:
        its = one.model.name, one.model.scored
        namesakes = [each for each in rows if (each.model.name, each.model.scored) == its]
        for key in ("delta", "steps"):
            values = {each.model.parameters.get(key) for each in namesakes}
            own = one.model.parameters.get(key)
            shown = f"{key}={own}" in names.of(one) or key in names.untold(one)
            assert shown == (len(values) > 1 and own is not None)


def reported(name: str, **settings: int) -> BoardRow:
    return replace(row(ModelRef(name, None, "0.1", dict(settings))), origin="reported", source="A 2024")


@pytest.mark.parametrize(("rows", "names"), [
    ([trained(a=1), trained(a="1")], ["mine (a=1)", 'mine (a="1")']),
    ([trained(a=True), trained(a="true")], ["mine (a=true)", 'mine (a="true")']),
    ([row(ModelRef("mine", "acme", "1", {"version": 3})), row(ModelRef("mine", "acme", "2", {"version": 3}))],
     ["mine (version=1)", "mine (version=2)"]),
    ([trained(a="Ärzte"), trained(a="Öl")], ["mine (a=Ärzte)", "mine (a=Öl)"]),
    ([trained(a="\u202e"), trained(a="\udce4")], [r"mine (a=\u202e)", r"mine (a=\udce4)"]),
    ([trained(source="x"), trained(source="y")], ["mine (parameters.source=x)", "mine (parameters.source=y)"]),
    ([row(ModelRef("mine", None, "1")), row(ModelRef("mine", "", "1"))],
     ["mine (distribution=null)", 'mine (distribution="")']),
    ([reported("mine"), row(RUN)], ["mine (reported)", "mine"]),
    ([reported("mine", a=1), trained(a=1), trained(a=2)], ["mine", "mine (a=1)", "mine (a=2)"]),
])  # fmt: skip
def test_values_that_print_alike_are_spelled_out(rows: Sequence[BoardRow], names: Sequence[str]) -> None:
    assert [labels(rows).of(one) for one in rows] == names


def test_the_last_resort_is_a_digest_that_does_not_depend_on_the_other_rows() -> None:
    spaced = [trained(a="x y"), trained(a="x  y")]
    names = [labels(spaced).of(one) for one in spaced]
    assert len(set(names)) == 2
    assert all(name.startswith("mine (a=x y) #") for name in names)
    assert [labels(spaced[::-1]).of(one) for one in spaced] == names
    called_so = [trained(a=1), trained(a=2), row(ModelRef("mine (a=1)", None, None))]
    assert labels(called_so).of(called_so[1]) == "mine (a=2)"
    digested = [labels(called_so).of(one) for one in called_so[::2]]
    assert all(name.startswith("mine (a=1) #") for name in digested)
    impostor = row(ModelRef(digested[0], None, None))
    again = labels([*called_so, impostor])
    assert len({again.of(one) for one in (*called_so, impostor)}) == 4


odd = st.sampled_from(
    [0, 1, 1.0, True, None, "", "0", "1", "1.0", "true", "null", '"1"', "x y", "x  y", " x y", "1, b=1"]
)
odd_models = st.builds(
    ModelRef, st.sampled_from(["m", "m †", "m (scored)", "m (a=1)", " m", "m (reported)", "m (b=1)"]),
    st.sampled_from([None, "", "acme"]), st.sampled_from([None, "", "1", "null", SCORED]),
    st.dictionaries(st.sampled_from(["a", "b", "version", "source", "distribution", "parameters.source"]), odd),
    reference=st.booleans(), sees_truth=st.booleans(),
)
odd_rows = st.builds(
    BoardRow, odd_models, st.sampled_from(["measured", "reported"]), st.sampled_from([None, "", "A"]), st.just((0,)),
    st.just(()), st.just(()), same_images=st.lists(odd_models, max_size=2).map(tuple),
)


@given(st.lists(odd_rows, max_size=8, unique_by=row_key))
def test_rows_of_any_names_and_values_have_distinct_labels_whatever_their_order(rows: Sequence[BoardRow]) -> None:
    names = labels(rows)
    everyone = {row_key(one): one for row in rows for one in (row, *(replace(row, model=m) for m in row.same_images))}
    assert set(names.names) == set(everyone)
    assert len(set(names.names.values())) == len(everyone)
    assert labels(rows[::-1]).names == names.names
    alone = labels([replace(one, same_images=()) for one in rows])
    if not any("null" in name or '"' in name for name in (*names.names.values(), *alone.names.values())):
        assert {row_key(one): names.of(one) for one in rows} == alone.names


def test_models_with_the_same_images_are_named_after_the_rows_and_apart_from_them() -> None:
    def named(first: BoardRow, *others: BoardRow) -> list[str]:
        rows = [replace(first, same_images=tuple(one.model for one in others))]
        return [labels(rows).of(one) for one in (*rows, *(replace(first, model=one.model) for one in others))]

    assert named(trained(a=1), trained(a=2)) == ["mine", "mine (a=2)"]
    assert named(trained(a=1, b=1), trained(a=2, b=1)) == ["mine", "mine (a=2)"]
    assert named(trained(a=1), trained(a=2, b=1), trained(a=2, b=2)) == ["mine", "mine (b=1)", "mine (b=2)"]
    row_name, other = named(trained(a=1), trained())
    assert row_name == "mine"
    assert other.startswith("mine #")


@pytest.mark.parametrize("keys", [10, 12])
def test_many_rows_with_many_settings_are_named_at_once(keys: int) -> None:
    rows = [trained(**{f"k{key:02}": index // keys if index % keys == key else -1 for key in range(keys)})
            for index in range(300)]  # fmt: skip
    start = time.process_time()
    names = labels(rows)
    assert len({names.of(one) for one in rows}) == len(rows)
    assert time.process_time() - start < 5.0  # a search for each row takes a minute


@pytest.mark.parametrize("keys", [9, 10, 11, 12, 30])
def test_few_keys_tell_rows_apart_however_many_differ(keys: int) -> None:
    rows = [trained(first=index % 5, second=index // 5, **{f"z{key}": index // 5 % 2 for key in range(keys - 2)})
            for index in range(40)]  # fmt: skip
    assert labels(rows).of(rows[7]) == "mine (first=2, second=1)"
