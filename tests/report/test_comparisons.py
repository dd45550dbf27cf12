"""What is said of pairs: only what a test says, in the board's order, under the rows' labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.row_labels import labels
from ldbench.errors import UnknownNameError
from ldbench.records import result as result_file
from ldbench.records.identity import Found
from ldbench.report.comparisons import chosen, pairs, render_json, render_text, sentences
from tests.command_line import called
from tests.known_spreads import known_spreads
from tests.report.conftest import FULL, TASK, measured


def test_every_pair_of_rows_that_compete_is_there_best_first(results: list[Found], leaderboard: Leaderboard) -> None:
    compared = pairs(results, leaderboard)
    assert list(compared) == ["fid", "kid", "auc"]
    named = [(each.first, each.second) for each in compared["fid"]]
    assert len(named) == 6
    places = {labels(leaderboard.rows).of(row): index for index, row in enumerate(leaderboard.rows)}
    assert all(places[one] < places[two] for one, two in named)
    assert not {"real", "mean-image", "oracle", "Basic FT | LD"} & {name for pair in named for name in pair}


def test_better_is_said_of_what_is_told_apart_alone(results: list[Found], leaderboard: Leaderboard) -> None:
    with known_spreads():
        found = pairs(results, leaderboard)
    said = sentences(found)
    assert any(line.startswith("fid: basic-ft is better than sd, difference -2") for line in said)
    assert not any("basic-ft-ld (delta=0.1) is better than basic-ft," in line for line in said)
    better = [each for of_metric in found.values() for each in of_metric if each.better]
    assert len(said) == len(better) > 0


def test_the_text_marks_what_is_sure(results: list[Found], leaderboard: Leaderboard) -> None:
    with known_spreads():
        text = render_text({"task": pairs(results, leaderboard)})
    assert text.startswith("task\n\nfid: ")
    assert " >  sd " in text
    assert " ~ " in text
    rule = text.rpartition("\n\n")[2]
    assert "Holm" in rule
    assert max(map(len, rule.splitlines())) <= 100


def test_a_difference_is_turned_with_its_names(results: list[Found], leaderboard: Leaderboard) -> None:
    for each in pairs(results, leaderboard)["fid"]:
        assert each.ci_low <= each.difference <= each.ci_high
        assert each.difference <= 0  # the board's first metric, lower is better, best first


def test_only_the_metrics_asked_for(results: list[Found], leaderboard: Leaderboard) -> None:
    tasks = {"one": pairs(results, leaderboard)}
    assert [list(compared) for compared in chosen(tasks, ["kid"]).values()] == [["kid"]]
    assert chosen(tasks, []) == tasks
    with pytest.raises(UnknownNameError, match="'fdi': did you mean fid"):
        chosen(tasks, ["fdi"])


def test_one_metric_a_question_comes_first_and_the_others_are_named(results: list[Found], tmp_path: Path) -> None:
    for index, (_, result) in enumerate(results):
        result_file.write(result, tmp_path / str(index) / "result.json")
    short, whole = (
        called("compare", tmp_path, *more).output for more in ([], ["--all-metrics"])
    )
    assert "fid: " in short
    assert "\nkid: " not in short
    assert "Further metrics, shown by --all-metrics: kid." in short
    assert "\nkid: " in whole
    assert "a > b: a is better than b." in short


def test_a_metric_of_one_task_is_no_mistake_beside_a_task_without_it(
    results: list[Found], leaderboard: Leaderboard
) -> None:
    compared = pairs(results, leaderboard)
    tasks = {"one": compared, "other": {"fid": compared["fid"]}}
    assert [(task, list(of)) for task, of in chosen(tasks, ["kid"]).items()] == [("one", ["kid"])]
    text = render_text(tasks)
    assert text.count("Holm") == 1
    assert text.index("one\n") < text.index("other\n")


def test_metrics_are_known_where_no_two_rows_compete(results: list[Found]) -> None:
    from ldbench.board.gather import fold

    references = [each for each in results if each[1].model.reference]
    (task, board), = fold(references).items()
    tasks = {task: pairs(references, board)}
    assert "fewer than two rows compete" in render_text(chosen(tasks, ["fid"]))
    with pytest.raises(UnknownNameError, match="'fdi': did you mean fid"):
        chosen(tasks, ["fdi"])


def test_a_row_without_a_rank_is_named_with_the_metric_that_took_it(tmp_path: Path) -> None:
    runs = [measured(*one) for one in FULL if one[0] in ("real", "sd") or (one[0], one[1]) == ("basic-ft", 0)]
    copies = Score(
        "copied_share", 0.4, 0.3, 0.5, 200, "lower",
        parameters={"observed_chance": 1e-9, "observed_copies": '[["case-1", "scan-9", 0.0]]'},
    )
    runs[-1] = replace(runs[-1], scores=[*runs[-1].scores, copies])
    for index, one in enumerate(runs):
        result_file.write(one, tmp_path / str(index) / "result.json")
    text = called("compare", tmp_path).stdout
    assert "so there is no pair\n\nbasic-ft: not ranked, because of its copied_share (share" in text
    assert "real: not ranked" not in text


@pytest.mark.parametrize("command", ["report", "compare"])
def test_tasks_without_the_metric_are_named(command: str, tmp_path: Path) -> None:
    runs = [measured(*one) for one in FULL]
    other = [replace(one, task=replace(TASK, id="of-one-metric"), scores=one.scores[:1]) for one in runs]
    for index, one in enumerate([*runs, *other]):
        result_file.write(one, tmp_path / str(index) / "result.json")
    shown = called(command, tmp_path, "--metric", "kid,auc")
    assert shown.exit_code == 0
    assert shown.stderr == "without kid or auc, so not shown: of-one-metric\n"
    assert "of-one-metric" not in shown.stdout
    assert called(command, tmp_path, "--metric", "fid").stderr == ""


def test_the_command_prints_both_forms(results: list[Found], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("runs")
    for index, (_, result) in enumerate(results):
        result_file.write(result, folder / str(index) / "result.json")
    asked = ["compare", str(folder), "--metric", "fid"]
    text = called(*asked)
    assert (text.exit_code, text.output.splitlines()[0]) == (0, "sandbox-brain-t2i")
    record = json.loads(called(*asked, "--format", "json").output)
    assert len(record["sandbox-brain-t2i"]["fid"]) == 6
    assert record == json.loads(render_json(record_of(results)))


def record_of(results: list[Found]) -> dict[str, dict[str, list[object]]]:
    from ldbench.board.gather import fold

    (task, board), = fold(results).items()
    return chosen({task: pairs(results, board)}, ["fid"])  # type: ignore[return-value]


def test_as_fitted_says_what_it_speaks_of(results: list[Found], tmp_path: Path) -> None:
    folder = tmp_path
    for index, (_, result) in enumerate(results):
        result_file.write(result, folder / str(index) / "result.json")
    said = [called("compare", folder, *more).output for more in ([], ["--as-fitted"])]
    assert ["These very runs" in text for text in said] == [False, True]
