"""The table of gaps between groups: which row's is the largest, how many leave out 0, and which rows have none."""

from __future__ import annotations

from pathlib import Path

from ldbench.api import Score
from ldbench.board.gather import BoardSet, board_set, collect
from ldbench.records import result as result_file
from ldbench.records import subgroups
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import RESULT, SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Pair, Subgroups
from leaderboards.group_gaps import gap_table

TASK = TaskRef("somebodys-card", 1, "text-to-image", "c" * 64)
REFERENCES = ("real", "mean-image")


def by_sex(gap: float, half: float, worse: str = "female") -> Breakdown:
    """Two groups that are so far apart."""
    better = "male" if worse == "female" else "female"
    groups = (Group(worse, 20, 40 + gap, 40, 50), Group(better, 20, 40, 38, 42))
    pair = Pair(worse, better, gap, gap - half, gap + half)
    return Breakdown(groups, worse, better, gap, max(gap - half, 0.0), gap + half, (pair,))


def measured(folder: Path, rows: dict[str, Breakdown | None]) -> BoardSet:
    """The board of rows of one seed and one metric, with these groups beside their results."""
    for index, (name, breakdown) in enumerate(rows.items()):
        score = Score("viewed_fid", 40.0 + index, 38, 45, 200, "lower", "efficientnet-lite0")
        model = ModelRef(name, "ldbench", "0.1.0", {}, reference=name in REFERENCES)
        run = Result(TASK, model, "measured", [score], seed=0, split_hash="5" * 64, card_seeds=[0])
        result_file.write(run, folder / name / RESULT)
        if breakdown is not None:
            groups = {score.metric: {"sex": breakdown}}
            subgroups.write(Subgroups({score.metric: score.value}, groups), folder / name / SUBGROUPS)
    return board_set(collect([folder]))


def test_a_line_has_the_ranked_row_of_the_largest_sure_gap_and_how_many_are_sure(tmp_path: Path) -> None:
    rows = {
        "basic-ft": by_sex(3.0, 1.0), "lora": by_sex(5.0, 6.0, "male"), "sd": None,
        "real": by_sex(0.5, 0.2), "mean-image": by_sex(90.0, 1.0),
    }  # fmt: skip
    made = gap_table(measured(tmp_path, rows), TASK.id)
    assert made is not None
    table, said = made
    assert table.rows == [[
        "sex", "viewed_fid ↓", "1 of 2", "basic-ft: female 43.0, male 40.0: 3.0 [2.0, 4.0] *",
        "female 40.5, male 40.0: 0.50 [0.30, 0.70] *",
    ]]  # fmt: skip
    assert said == "Of 3 ranked rows 2 have groups."


def test_where_no_gap_is_sure_the_largest_is_named(tmp_path: Path) -> None:
    made = gap_table(measured(tmp_path, {"basic-ft": by_sex(3.0, 4.0), "lora": by_sex(5.0, 6.0, "male")}), TASK.id)
    assert made is not None
    assert made[0].rows[0][2:4] == ["0 of 2", "lora: male 45.0, female 40.0: 5.0 [0, 11.0]"]


def test_a_board_without_groups_has_no_table(tmp_path: Path) -> None:
    assert gap_table(measured(tmp_path, {"basic-ft": None, "real": None}), TASK.id) is None
