"""The paper's Tables 1 to 4 as data: complete, and true to what the paper says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest

from ldbench.board import published
from ldbench.errors import DataError
from ldbench.plugins.kinds import METRICS
from ldbench.records import result as result_file
from ldbench.records.result import Result
from ldbench.task import card

TASKS = ["brain-aging", "brain-disease", "brain-t2i", "chest-t2i"]
BRAIN, CHEST, AGING = "Table 1 (Brain MR)", "Table 1 (CheXpert)", "Table 2"
ROWS = [row for _, row in published.rows_of(TASKS)]


def rows(place: str) -> list[Result]:
    """The rows of one table, in print order."""
    return [row for row in ROWS if row.source == f"Yeganeh et al., CVPR 2025, {place}"]


def values(place: str, metric: str) -> dict[str, float]:
    return {row.model.name: score.value for row in rows(place) for score in row.scores if score.metric == metric}


def best(among: Iterable[Result], metric: str) -> set[str]:
    """Who has the best value, ties included."""
    column = {row.model.name: score for row in among for score in row.scores if score.metric == metric}
    ends = [score.value for score in column.values()]
    lower = {score.direction for score in column.values()} == {"lower"}
    return {name for name, score in column.items() if score.value == (min(ends) if lower else max(ends))}


# --- the data

def test_every_row_and_column_is_there() -> None:
    sizes = {place: [len(row.scores) for row in rows(place)] for place in (BRAIN, CHEST, AGING, "Table 3", "Table 4")}
    assert sizes == {
        BRAIN: [3] * 9 + [1] * 2, CHEST: [3] * 9 + [1] * 2, AGING: [4] * 9, "Table 3": [2] * 4, "Table 4": [2] * 3,
    }
    assert len(ROWS) == 38
    assert published.task_ids() == TASKS
    assert [row.model.name for row in rows(BRAIN)] == [row.model.name for row in rows(CHEST)]


def test_each_row_is_marked_as_reported_with_source_place_and_a_warning() -> None:
    names = [(row.task.id, row.model.name) for row in ROWS]
    assert len(set(names)) == len(names)
    for row in ROWS:
        assert (row.origin, row.seed, row.split_hash, row.task.card_hash) == ("reported", None, None, "")
        assert (row.source or "").startswith(f"Yeganeh et al., CVPR 2025, Table {row.model.parameters['table']}")
        assert "protocol known only in part" in (row.note or "")
        assert all(score.ci_low == score.value == score.ci_high for score in row.scores)
        assert row == result_file.parse(json.loads(result_file.dumps(row)), "dumped")


def test_directions_are_those_of_the_suite() -> None:
    known = {entry.name: METRICS.load(entry.name).direction for entry in METRICS.entries()}
    for row in ROWS:
        assert all(score.direction == known[score.metric] for score in row.scores)


def test_the_tasks_are_what_their_cards_say() -> None:
    for _, row in published.rows_of(set(TASKS) & set(card.task_names())):
        task = card.load(row.task.id)
        assert (task.kind, task.version) == (row.task.kind, row.task.version)
    kinds = {row.task.id: row.task.kind for row in ROWS}
    assert set(kinds.values()) == {"text-to-image", "aging", "disease-counterfactual"}


# --- what the paper says of its tables

@pytest.mark.parametrize("place", [BRAIN, CHEST])
def test_underlined_in_table_1_is_the_better_of_with_and_without_ld(place: str) -> None:
    for row in rows(place)[:8]:
        pair = [one for one in rows(place) if one.model.parameters["Method"] == row.model.parameters["Method"]]
        for score in row.scores:
            assert score.parameters["underlined"] is (row.model.name in best(pair, score.metric))


LD_CHANGES = {  # fid, kid, auc: with LD less without
    BRAIN: {
        "Custom Diffusion [22]": (-65.63, -0.067, -0.065), "DreamBooth [41]": (-38.55, -0.026, 0.012),
        "Textual Inversion [11]": (-53.07, -0.033, 0.070), "Stable Diffusion [40]": (-221.48, -0.218, 0.290),
    },
    CHEST: {
        "Custom Diffusion [22]": (-8, -0.005, 0.020), "DreamBooth [41]": (-11, -0.030, 0.015),
        "Textual Inversion [11]": (-38.59, -0.050, 0.040), "Stable Diffusion [40]": (-219, -0.189, 0.246),
    },
}


@pytest.mark.parametrize("place", [BRAIN, CHEST])
def test_ld_improves_every_method_but_the_auc_of_custom_diffusion_on_brains(place: str) -> None:
    columns = [values(place, metric) for metric in ("fid", "kid", "auc")]
    changes = {
        name: tuple(column[f"{name} + LD"] - column[name] for column in columns)
        for name in columns[0] if f"{name} + LD" in columns[0]
    }
    assert changes == {name: pytest.approx(change) for name, change in LD_CHANGES[place].items()}
    worse = [(name, place) for name, (fid, kid, auc) in changes.items() if not (fid < 0 and kid < 0 and auc > 0)]
    assert worse == ([("Custom Diffusion [22]", BRAIN)] if place == BRAIN else [])


def test_the_largest_of_the_papers_examples() -> None:
    fid = values(BRAIN, "fid")
    assert (fid["Custom Diffusion [22]"], fid["Custom Diffusion [22] + LD"]) == (129.21, 63.58)


@pytest.mark.parametrize("place", [BRAIN, CHEST])
def test_basic_fine_tuning_with_ld_is_best_of_what_was_generated(place: str) -> None:
    name = "Stable Diffusion [40] + Basic FT + LD"
    generated = rows(place)[:9]
    for metric in ("fid", "kid", "auc"):
        assert best(generated, metric) == {name}
    (row,) = [row for row in generated if row.model.name == name]
    assert all(score.parameters["underlined"] for score in row.scores)
    assert name.removesuffix(" + LD") not in values(place, "fid")  # reported with LD alone
    assert "printed under Stable Diffusion's" in (row.note or "")


@pytest.mark.parametrize("place", [BRAIN, CHEST])
def test_a_half_synthetic_training_set_beats_a_real_one(place: str) -> None:
    assert best(rows(place), "auc") == {"Real+Synthetic Data"}
    auc = values(place, "auc")
    gain = auc["Real+Synthetic Data"] - auc["Real Data"]
    assert gain == pytest.approx({BRAIN: 0.013, CHEST: 0.012}[place])


def test_numerical_prompts_achieve_the_best_overall_performance_though_not_the_best_fid() -> None:
    for metric in ("ssim", "lpips", "psnr"):
        assert best(rows(AGING), metric) == {"Numerical, SD + Basic FT [40]"}
    assert best(rows(AGING), "fid") == {"Word, SD + Basic FT [22]"}


@pytest.mark.parametrize("style", ["Binned", "Word", "Numerical"])
def test_custom_diffusion_is_much_lower_and_the_original_slightly_lower(style: str) -> None:
    own = [row for row in rows(AGING) if row.model.parameters["Prompt"] == style]
    original, custom, tuned = ({score.metric: score.value for score in row.scores} for row in own)
    for other in (original, tuned):
        assert custom["fid"] > other["fid"] + 7
        assert custom["ssim"] < other["ssim"] - 0.3
        assert custom["lpips"] > other["lpips"]
        assert custom["psnr"] < other["psnr"] - 0.9
    assert 0.5 < original["fid"] - tuned["fid"] < 1.7
    assert original["ssim"] <= tuned["ssim"]


def test_underlined_in_table_2_is_best_of_its_prompt_style() -> None:
    marked = [(row, score) for row in rows(AGING) for score in row.scores if score.parameters["underlined"]]
    assert [score.value for _, score in marked] == [15.39, 0.74, 0.75, 15.37]
    for row, score in marked:
        style = [one for one in rows(AGING) if one.model.parameters["Prompt"] == row.model.parameters["Prompt"]]
        assert row.model.name in best(style, score.metric)


@pytest.mark.parametrize("place", ["Table 3", "Table 4"])
def test_diverse_prompts_with_patient_information_are_best_and_each_of_the_two_helps(place: str) -> None:
    for metric in ("fid", "kid"):
        column = {
            (row.model.parameters["Prompt Style"], row.model.parameters["PI"]): score.value
            for row in rows(place) for score in row.scores if score.metric == metric
        }
        assert min(column, key=lambda key: column[key]) == ("Diverse", "✓")
        assert column["Diverse", "✗"] < column["Simple", "✗"]
        assert column["Diverse", "✓"] < column["Diverse", "✗"]


def test_slips_are_kept_and_noted() -> None:
    notes = {row.model.name: row.note or "" for row in [*rows(BRAIN), *rows(AGING), *rows("Table 3")]}
    total, *parts, truth = map(int, re.findall(r"\b\d{3,4}\b", notes["Real Data"]))
    assert (total, parts, truth) == (3269, [414, 634, 2214], sum(parts))
    (word,) = [row for row in rows(AGING) if row.model.parameters["Method"] == "SD + Basic FT [22]"]
    assert "[40] is meant" in (word.note or "")
    assert values("Table 3", "fid")["SD + Basic FT + LD, Diverse, PI"] == 51.35
    other = values(BRAIN, "fid")["Stable Diffusion [40] + Basic FT + LD"]
    assert str(other) in notes["SD + Basic FT + LD, Diverse, PI"]


# --- files that are wrong

FILE = """
title = "T"
source = "S"
note = "N"
tasks = { t = { kind = "aging", version = 1 } }
[[tables]]
number = 1
task = "t"
caption = "C"
keys = ["K"]
columns = [{ metric = "fid", direction = "lower", n = 2 }, { metric = "auc", direction = "higher", n = 2 }]
rows = [{ name = "R", cells = ["k"], scores = ["1.50", "-"] }]
"""


def test_a_small_file_is_read() -> None:
    ((_, row),) = published.rows(published.parse(FILE, "f.toml"), "f.toml")
    assert [(score.metric, score.value) for score in row.scores] == [("fid", 1.5)]
    assert row.model.parameters == {"table": 1, "row": 1, "K": "k", "printed_fid": "1.50"}
    assert (row.source, row.note) == ("S, Table 1", "N")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"1.50"', '"1,50"', "f.toml:tables[0].rows[0].scores: expected a number as printed"),
        ('"1.50"', '"nan"', "expected a number as printed"),
        ('"1.50"', '"_"', "expected a number as printed"),
        ('"1.50"', '"1_50"', "expected a number as printed"),
        ('"1.50", ', "", "scores: expected one for each of 2 columns, got 1"),
        ('["k"]', "[]", "cells: expected one for each of 1 columns, got 0"),
        ('"1.50"', "1.50", "f.toml:tables[0].rows[0].scores[0]: expected a string"),
        ('task = "t"', 'task = "u"', "f.toml:tables[0].task: expected a key of [tasks], got 'u'"),
        ('"lower"', '"down"', "f.toml:tables[0].columns[0].direction"),
        ("number = 1", "numbre = 1", "did you mean 'number'?"),
        ("[[tables]]", "[[tables", "f.toml: expected TOML"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(old: str, new: str, said: str) -> None:
    assert FILE.count(old) >= 1
    with pytest.raises(DataError) as caught:
        published.rows(published.parse(FILE.replace(old, new, 1), "f.toml"), "f.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
