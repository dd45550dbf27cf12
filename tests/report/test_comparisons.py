"""What is said of pairs: only what a test says, in the board's order, under the rows' labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.paired_tests import holm
from ldbench.board.row_labels import labels
from ldbench.errors import UnknownNameError
from ldbench.records.identity import Found
from ldbench.report.comparisons import chosen, pairs, render_json, render_text, sentences
from tests.command_line import called, said
from tests.known_spreads import known_spreads
from tests.report.conftest import RUNS, TASK
from tests.result_files import lay


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
    lines = sentences(found)
    assert any(line.startswith("fid: basic-ft is better than sd, difference -2") for line in lines)
    assert not any("basic-ft-ld (delta=0.1) is better than basic-ft," in line for line in lines)
    better = [each for of_metric in found.values() for each in of_metric if each.better]
    assert len(lines) == len(better) > 0


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
    lay(tmp_path, (result for _, result in results))
    short, whole = (said("compare", tmp_path, *more) for more in ([], ["--all-metrics"]))
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
    runs = [one for one in RUNS if one.model.name in ("real", "sd") or (one.model.name, one.seed) == ("basic-ft", 0)]
    copies = Score(
        "copied_share", 0.4, 0.3, 0.5, 200, "lower",
        parameters={"observed_chance": 1e-9, "observed_copies": '[["case-1", "scan-9", 0.0]]'},
    )
    runs[-1] = replace(runs[-1], scores=[*runs[-1].scores, copies])
    text = said("compare", lay(tmp_path, runs))
    assert "so there is no pair\n\nbasic-ft: not ranked, because of its copied_share (share" in text
    assert "real: not ranked" not in text


@pytest.mark.parametrize("command", ["report", "compare"])
def test_tasks_without_the_metric_are_named(command: str, tmp_path: Path) -> None:
    other = [replace(one, task=replace(TASK, id="of-one-metric"), scores=one.scores[:1]) for one in RUNS]
    lay(tmp_path, [*RUNS, *other])
    shown = called(command, tmp_path, "--metric", "kid,auc")
    assert shown.exit_code == 0
    assert shown.stderr == "without kid or auc, so not shown: of-one-metric\n"
    assert "of-one-metric" not in shown.stdout
    assert called(command, tmp_path, "--metric", "fid").stderr == ""


def test_the_command_prints_both_forms(results: list[Found], tmp_path: Path) -> None:
    asked = ["compare", lay(tmp_path, (result for _, result in results)), "--metric", "fid"]
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
    lay(tmp_path, (result for _, result in results))
    texts = [called("compare", tmp_path, *more).output for more in ([], ["--as-fitted"])]
    assert ["These very runs" in text for text in texts] == [False, True]


def test_with_references_each_row_that_competes_is_tested_against_them_and_they_are_not_ranked(
    results: list[Found], leaderboard: Leaderboard
) -> None:
    with known_spreads():
        alone, beside = (pairs(results, leaderboard, with_references=asked)["fid"] for asked in (False, True))
    references = {"real", "mean-image", "oracle †"}
    competing = {name for pair in alone for name in (pair.first, pair.second)}
    assert not references & competing
    added = {(pair.first, pair.second) for pair in beside} - {(pair.first, pair.second) for pair in alone}
    assert added == {(row, reference) for row in competing for reference in references}
    before = {(pair.first, pair.second): pair for pair in alone}
    shared = [pair for pair in beside if (pair.first, pair.second) in before]
    assert len(shared) == len(alone)
    for pair in shared:
        old = before[pair.first, pair.second]
        assert (pair.p, pair.difference) == (old.p, old.difference)
        assert pair.p_adjusted >= old.p_adjusted
    assert [pair.p_adjusted for pair in beside] == holm([pair.p for pair in beside])
    assert any(pair.better == pair.first and pair.second == "mean-image" for pair in beside)


def test_a_lone_row_is_told_how_it_is_tested_against_reference_rows(tmp_path: Path) -> None:
    runs = [one for one in RUNS if one.model.name in ("real", "mean-image", "sd")]
    lay(tmp_path / "runs", runs)
    text = said("compare", tmp_path / "runs")
    assert text == (
        "sandbox-brain-t2i\n\nfewer than two rows compete, so there is no pair\n\n"
        "--with-references tests a lone row against each reference row: real, mean-image.\n"
    )
    tested = said("compare", tmp_path / "runs", "--with-references")
    assert " sd  ~  mean-image " in tested
    assert "tests a lone row" not in tested
    assert "not against each other, and stay unranked. One of a single seed gets" in " ".join(tested.split())
    fitted = " ".join(said("compare", tmp_path / "runs", "--with-references", "--as-fitted").split())
    assert "sd > mean-image -41 " in fitted
    assert "and stay unranked. These very runs" in fitted
    lay(tmp_path / "lone", runs[-1:])
    assert said("compare", tmp_path / "lone", "--with-references").endswith("so there is no pair\n")
    lay(tmp_path / "references", runs[:-1])
    assert said("compare", tmp_path / "references", "--with-references").endswith("so there is no pair\n")


def test_allowances_are_listed_of_metrics_that_have_pairs(results: list[Found], tmp_path: Path) -> None:
    short = [replace(one, scores=one.scores[:1]) if one.model.name != "sd" else one for _, one in results[:8]]
    text = " ".join(said("compare", lay(tmp_path, short), "--all-metrics").split())
    assert "kid: fewer than two rows that compete have it" in text
    assert text.partition("own seeds show it: ")[2].startswith("fid ")
    assert ", kid " not in text
