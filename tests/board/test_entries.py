"""Which runs make which row: the card's seeds, one row for the same images, and what ignores the seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Score
from ldbench.board.entries import Entry, card_seeds, entries
from ldbench.board.gather import fold
from ldbench.records.result import SCORED, ModelRef, Result, TaskRef
from ldbench.report.tables.content import page
from ldbench.task import card
from tests.result_files import numbered

TASK = TaskRef("somebodys-card", 1, "text-to-image", "c" * 64)


def run(name: str, seed: int, images: str | None = None, scored: bool = False, **model: bool) -> Result:
    made = ModelRef(name, None, SCORED) if scored else ModelRef(name, "ldbench", "0.1.0", {}, **model)
    fid = Score("fid", 50.0 + seed, 45.0 + seed, 55.0 + seed, 200, "lower")
    return Result(
        TASK, made, "measured", [fid], seed=seed, split_hash="5" * 64, images_hash=images, card_seeds=[0, 1, 2]
    )


def rows(*results: Result) -> dict[str, Entry]:
    listed = entries(numbered(results))
    return {entry.result.model.name: entry for entry in listed}


def seeds(entry: Entry) -> tuple[list[int | None], list[int | None]]:
    return [result.seed for _, result in entry.runs], [result.seed for _, result in entry.others]


def test_seeds_that_the_card_does_not_name_are_shown_and_not_folded() -> None:
    found = rows(*(run("lucky", seed) for seed in (0, 1, 7, 9)), run("elsewhere", 7))
    assert seeds(found["lucky"]) == ([0, 1], [7, 9])
    assert (found["lucky"].competes, found["elsewhere"].competes) == (True, False)
    assert seeds(found["elsewhere"]) == ([7], [])


def test_the_installed_card_says_which_seeds_are_its_own() -> None:
    installed = card.load("sandbox-brain-t2i")
    here = TaskRef(installed.id, installed.version, installed.kind, installed.hash)
    old = replace(run("one", 0), task=here, card_seeds=None)
    assert card_seeds([old]) == set(installed.protocol.seeds)
    assert card_seeds([replace(old, task=TASK)]) is None
    assert card_seeds([replace(old, task=TASK), run("two", 1)]) == {0, 1, 2}


def test_without_a_known_card_every_seed_counts() -> None:
    found = rows(*(replace(run("one", seed), card_seeds=None) for seed in (3, 8)))
    assert seeds(found["one"]) == ([3, 8], [])


def test_the_same_images_under_two_names_are_one_row() -> None:
    found = rows(run("one", 0, "a"), run("one", 1, "b"), run("copy", 0, "b", scored=True), run("other", 0, "c"))
    assert found.keys() == {"one", "other"}
    assert [model.name for model in found["one"].same_images] == ["copy"]


def test_a_row_that_has_images_of_its_own_stays() -> None:
    assert rows(run("one", 0, "a"), run("one", 1, "b"), run("two", 0, "a"), run("two", 1, "c")).keys() == {"one", "two"}
    assert rows(run("one", 0), run("two", 0)).keys() == {"one", "two"}  # nobody knows their images


def test_a_folder_of_anothers_images_beside_more_does_not_take_the_others_row() -> None:
    taken = (run("thief", 0, "a", scored=True), run("thief", 1, "b", scored=True))
    assert rows(run("honest", 0, "a"), *taken).keys() == {"honest", "thief"}
    assert rows(run("honest", 0, "a", scored=True), *taken).keys() == {"thief"}
    assert rows(run("honest", 0, "a"), run("again", 0, "a"), run("again", 1, "b")).keys() == {"again"}


def test_the_same_images_under_a_seed_that_the_card_does_not_name_take_no_row_out_of_the_ranking() -> None:
    for scored in (False, True):
        found = rows(run("honest", 0, "a"), run("again", 77, "a", scored=scored))
        assert found.keys() == {"honest"}
        assert found["honest"].competes
    assert rows(run("honest", 0, "a"), run("again", 77, "a"), run("again", 78, "b")).keys() == {"honest", "again"}


def test_the_images_of_a_reference_are_the_reference_whatever_they_are_called() -> None:
    found = rows(run("copy-source", 0, "a", reference=True), run("mine", 0, "a"), run("mine", 1, "a"))
    assert found.keys() == {"copy-source"}
    assert rows(run("copy-source", 0, "a", reference=True), run("mine", 0, "a"), run("mine", 1, "b")).keys() == {
        "copy-source", "mine"
    }


KINDS = st.sampled_from([{}, {"reference": True}, {"scored": True}])
RUNS = st.lists(
    st.tuples(st.sampled_from("wxyz"), st.sampled_from([0, 1, 77, 78]), st.sampled_from("abc")), min_size=1, max_size=9,
    unique_by=lambda one: one[:2],
)


@given(RUNS, st.fixed_dictionaries(dict.fromkeys("wxyz", KINDS)))
def test_every_row_has_an_image_set_of_its_own_and_every_name_is_shown(
    made: list[tuple[str, int, str]], kinds: dict[str, dict[str, bool]]
) -> None:
    listed = entries([(f"{n}{seed}", run(n, seed, images, **kinds[n])) for n, seed, images in made])
    shown = [model.name for row in listed for model in (row.result.model, *row.same_images)]
    assert sorted(shown) == sorted({name for name, _, _ in made})
    for row in listed:
        model, held = row.result.model, row.same_images
        alike = [other for other in listed if other is not row and other.result.model.reference == model.reference
                 and other.result.model.scored == model.scored and other.on_card == row.on_card]
        assert not any(row.images <= other.images for other in alike)
        assert model.reference or not any(other.reference for other in held)


def test_one_of_a_chain_of_copies_is_left() -> None:
    found = rows(run("a", 0, "x"), *(run("b", seed, "xy"[seed]) for seed in range(2)),
                 *(run("c", seed, "xyz"[seed]) for seed in range(3)))
    assert found.keys() == {"c"}
    assert [model.name for model in found["c"].same_images] == ["a", "b"]


@pytest.mark.parametrize("scored", [False, True])
def test_a_run_that_ignores_the_seed_is_deterministic_and_a_folder_given_again_is_no_seed(scored: bool) -> None:
    entry = rows(*(run("one", seed, "a", scored) for seed in range(3)))["one"]
    assert entry.ignores_the_seed is not scored
    assert seeds(entry) == (([0], [1, 2]) if scored else ([0, 1, 2], []))
    assert entry.repeats == ("seeds 1, 2: the same images as another seed, so not counted" if scored else "")


def test_a_board_says_which_seeds_repeat_images_and_which_are_not_of_the_list() -> None:
    results = [run("one", 0, "a", True), run("one", 1, "a", True), run("one", 2, "b", True), run("one", 7, "c", True)]
    board = fold(numbered([*results, run("two", 0, "d")]))[TASK.id]
    row = next(row for row in board.rows if row.model.name == "one")
    assert (row.seeds, row.other_seeds) == ((0, 2), (1, 7))
    assert row.notes == ("seed 1: the same images as another seed, so not counted",)
    said = page(board).notes
    told = "Seeds in brackets do not count: they have the images of another seed, or are not of the card's list."
    assert told in said
    assert any(line.endswith(f": {row.notes[0]}") for line in said)


def test_a_board_says_what_became_of_the_runs() -> None:
    results = [run("one", 0, "a"), run("one", 1, "a"), run("one", 7, "b"), run("two", 0, "a", scored=True)]
    board = fold(numbered(results))[TASK.id]
    (row,) = board.rows
    assert (row.seeds, row.other_seeds, row.ignores_the_seed, row.on_card) == ((0, 1), (7,), True, True)
    assert [model.name for model in row.same_images] == ["two"]
    score = row.score("fid")
    assert score is not None
    assert (score.value, score.runs) == (50.5, 2)


def copying(seed: int, chance: float) -> Result:
    pairs = '[["case-1", "scan-9", 0.0]]'
    share = Score(
        "copied_share", 0.4, 0.3, 0.5, 200, "lower", parameters={"observed_chance": chance, "observed_copies": pairs}
    )
    result = run("copying", seed)
    return replace(result, scores=[*result.scores, share])


def test_a_row_whose_images_are_copies_has_no_rank_and_says_why() -> None:
    found = numbered([copying(0, 0.5), copying(1, 1e-9), run("honest", 0)])
    board = fold(found)[TASK.id]
    row = next(row for row in board.rows if row.model.name == "copying")
    assert row.unranked_by == "copied_share"
    assert not row.competes
    assert row.score("fid") is not None
    assert all(score.rank is None for score in row.scores)
    assert any("copying: not ranked, because of its copied_share (share" in note for note in page(board).notes)
    assert "case-1" not in "".join(page(board).notes)


def test_as_many_near_images_as_chance_gives_change_nothing() -> None:
    assert rows(copying(0, 0.5))["copying"].competes
