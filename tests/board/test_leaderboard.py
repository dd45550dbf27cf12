"""The fold: pure, ordered, ranked, and strict about what may share a table."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import Score
from ldbench.board import leaderboard as board
from ldbench.board.gather import collect, fold
from ldbench.board.ranks import comparisons
from ldbench.cli.ablate import ablate
from ldbench.errors import ResultError
from ldbench.records import result as result_file
from ldbench.records.result import Environment, ModelRef, Result, TaskRef
from ldbench.records.run_folder import ABLATION
from ldbench.records.unfinished import unfinished_below
from ldbench.records.units import Contributions, Units
from ldbench.records.units import write as write_units
from tests.known_spreads import known_spreads
from tests.result_files import numbered

TASK = TaskRef("sandbox-brain-t2i", 1, "text-to-image", "c" * 64)
Numbers = tuple[float, float, float]


def fid(value: float, low: float, high: float, **changes: Any) -> Score:
    interval = (float(value), float(low), float(high))
    parameters = {"interval": "jackknife", "resize": 224}
    return replace(Score("fid", *interval, 200, "lower", "efficientnet-lite0", parameters), **changes)


def auc(value: float, low: float, high: float) -> Score:
    return Score("auc", value, low, high, 600, "higher", None, {"interval": "DeLong"})


def run(name: str, *scores: Score, model: dict[str, Any] | None = None, **changes: Any) -> Result:
    reference = ModelRef(name, "ldbench", "0.1.0", **(model or {}))
    result = Result(TASK, reference, "measured", list(scores), seed=0, split_hash="5" * 64)
    return replace(result, **changes)


def reported(name: str, *scores: Score, source: str) -> Result:
    return run(name, *scores, seed=None, split_hash=None, origin="reported", source=source)


def board_of(*results: Result) -> board.Leaderboard:
    return fold(numbered(results))[TASK.id]


def ranks(leaderboard: board.Leaderboard, metric: str = "fid") -> dict[str, int | None]:
    scores = {row.model.name: row.score(metric) for row in leaderboard.rows}
    return {name: score.rank for name, score in scores.items() if score is not None}


FIELD = [
    run("real", fid(18, 17, 20), auc(0.96, 0.93, 0.98), model={"reference": True}),
    run("mean-image", fid(312, 296, 329), auc(0.5, 0.42, 0.58), model={"reference": True}),
    run("oracle", fid(17.9, 16.6, 19.3), auc(0.95, 0.92, 0.98), model={"sees_truth": True}),
    run("sd", fid(271, 258, 285), auc(0.55, 0.46, 0.63)),
    run("basic-ft", fid(62, 57, 68), auc(0.871, 0.82, 0.92)),
    run("basic-ft", fid(64, 59, 70), auc(0.85, 0.8, 0.9), seed=1),
    run("basic-ft-ld", fid(10, 8.5, 12), auc(0.883, 0.83, 0.93)),
    reported("Basic FT", fid(30, 30, 30, extractor="inception-v3"), source="a paper, Table 1"),
    run("sd-ld", seed=3, status="failed", error="returned 12 images, expected 600"),
]


def made(seed: int, device: str = "cpu", **packages: str) -> Result:
    named = {key.replace("_", " "): text for key, text in packages.items()}
    environment = Environment(device, 1, "3.12", "Linux", named)
    return run("basic-ft", fid(60 + seed, 57, 68), seed=seed, environment=environment)


def test_seeds_on_other_weights_never_share_a_row() -> None:
    seeds = [made(0, content_of_backbone="sha256:aa"), made(1), made(2, content_of_backbone="sha256:bb")]
    assert [row.seeds for row in board_of(*seeds[:2]).rows] == [(0, 1)]  # what isn't recorded counts as equal
    expected = r"2/result.json: content of backbone sha256:bb, but 0/result.json has sha256:aa, and both are see"
    with pytest.raises(ResultError, match=expected):
        board_of(*seeds)


def test_seeds_not_made_alike_are_folded_and_the_row_says_so() -> None:
    alike = board_of(made(0, torch="2.9"), made(1, torch="2.9"), made(2))
    assert [row.notes for row in alike.rows] == [()]
    seeds = [made(0, torch="2.9", resolved_precision="float32"), made(1, "NVIDIA H200", resolved_precision="bfloat16")]
    (row,) = board_of(*seeds, made(2, torch="2.8", numpy="1", content_of_samples="x"), made(3, numpy="2")).rows
    assert row.seeds == (0, 1, 2, 3)
    assert row.notes == (
        "seeds not made alike: device NVIDIA H200 and cpu, numpy 1 and 2, precision bfloat16 and float32 and 1 more",
    )
    (row,) = board_of(made(0, code="sha256:aa"), made(1, code="sha256:bb")).rows
    assert row.notes == ("seeds not made alike: code",)
    newer, older, silent = (
        replace(one, environment=one.environment and replace(one.environment, processor=processor))
        for one, processor in ((made(0), "AVX512"), (made(1), "AVX2"), (made(2), None))
    )
    assert [row.notes for row in board_of(newer, silent).rows] == [()]
    (row,) = board_of(newer, older, silent).rows
    assert row.notes == ("seeds not made alike: processor AVX2 and AVX512",)


def test_the_field_is_folded_ranked_and_ordered() -> None:
    with known_spreads():
        leaderboard = board_of(*FIELD)
    names = [row.model.name for row in leaderboard.rows]
    assert names == ["basic-ft-ld", "basic-ft", "sd", "oracle", "real", "mean-image", "Basic FT"]
    unranked = dict.fromkeys(["oracle", "real", "mean-image", "Basic FT"])
    assert ranks(leaderboard) == {"basic-ft-ld": 1, "basic-ft": 2, "sd": 3, **unranked}
    assert ranks(leaderboard, "auc")["basic-ft"] == 1
    assert [metric.metric for metric in leaderboard.metrics] == ["fid", "auc"]
    assert [(one.model.name, one.seed, one.error) for one in leaderboard.failed] == [
        ("sd-ld", 3, "returned 12 images, expected 600")
    ]


def test_seeds_become_one_row_with_mean_spread_and_count() -> None:
    row = next(row for row in board_of(*FIELD).rows if row.model.name == "basic-ft")
    score = row.score("fid")
    assert score is not None
    assert (row.seeds, score.value, score.runs, score.n) == ((0, 1), 63.0, 2, 200)
    assert score.spread == pytest.approx(2**0.5)
    assert score.ci_low < 59 < 68 < score.ci_high


def test_rows_differ_by_parameters_and_by_version() -> None:
    leaderboard = board_of(
        run("m", fid(1, 0, 2), model={"parameters": {"delta": 0.1}}),
        run("m", fid(2, 1, 3), model={"parameters": {"delta": 0.0}}),
        run("m", fid(3, 2, 4), model={"parameters": {"delta": 0.0}}, seed=1),
        replace(run("m", fid(3, 2, 4), seed=1), model=ModelRef("m", "ldbench", "0.2.0", {"delta": 0.1})),
    )
    assert sorted(row.seeds for row in leaderboard.rows) == [(0,), (0, 1), (1,)]


@pytest.mark.slow
@settings(max_examples=50)
@given(st.permutations(FIELD), st.lists(st.sampled_from(FIELD), max_size=3))
def test_the_bytes_depend_neither_on_order_nor_on_copies(order: list[Result], copies: list[Result]) -> None:
    assert board.dumps(board_of(*order, *copies)) == board.dumps(board_of(*FIELD))


def paired(value: float, offset: int) -> Units:
    spread = tuple(0.05 * ((case * offset) % 7 - 3) for case in range(7))
    return Units({"groups": tuple("abcdefg")}, {"fid": Contributions(value, {"groups": spread})})


@pytest.mark.slow
@settings(max_examples=30)
@given(st.permutations(range(len(FIELD))), st.sets(st.integers(0, len(FIELD) - 1)))
def test_with_units_of_some_rows_the_bytes_do_not_depend_on_order_or_paths(order: list[int], known: set[int]) -> None:
    values = {index: FIELD[index].scores[0].value for index in known if FIELD[index].scores}
    folded = []
    for places, prefix in ((order, "z"), (sorted(order), "a")):
        paths = {index: f"{prefix}{place}/result.json" for place, index in enumerate(places)}
        units = {paths[index]: paired(value, index) for index, value in values.items()}
        found = [(paths[index], FIELD[index]) for index in places]
        (of_task,) = board.by_task(found).values()
        folded.append(board.dumps(board.fold_task(of_task, comparisons(of_task, units))))
    assert folded[0] == folded[1]


def test_units_of_a_copy_count_for_the_row(tmp_path: Path) -> None:
    for seed in (0, 1):
        for index, one in enumerate((run("a", fid(10, 5, 15), seed=seed), run("b", fid(90, 85, 95), seed=seed))):
            for copy in ("first", "second"):
                result_file.write(one, tmp_path / copy / f"{index}-{seed}" / "result.json")
            write_units(paired(one.scores[0].value, index + 1), tmp_path / "second" / f"{index}-{seed}" / "units.json")
    leaderboard = fold(collect([tmp_path]))[TASK.id]
    assert ranks(leaderboard) == {"a": 1, "b": 2}
    assert leaderboard == fold(collect([tmp_path / "second"]))[TASK.id]


numbers = st.tuples(*[st.floats(0, 100)] * 3).map(lambda three: (sorted(three)[1], min(three), max(three)))


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(numbers, min_size=1, max_size=6), st.lists(numbers, max_size=4))
def test_rows_that_do_not_compete_change_no_rank(ranked: list[Numbers], others: list[Numbers]) -> None:
    rivals = [run(f"rival-{index}", fid(*one)) for index, one in enumerate(ranked)]
    flags: list[dict[str, Any]] = [{"reference": True}, {"sees_truth": True}]
    aside = [run(f"aside-{index}", fid(*one), model=flags[index % 2]) for index, one in enumerate(others)]
    aside += [reported("paper", fid(*one), source=f"{index}") for index, one in enumerate(others)]
    alone, together = ranks(board_of(*rivals)), ranks(board_of(*rivals, *aside))
    assert alone == {name: rank for name, rank in together.items() if name in alone}
    assert all(rank is None for name, rank in together.items() if name not in alone)


def test_a_row_without_a_metric_is_not_ranked_on_it() -> None:
    leaderboard = board_of(run("a", auc(0.9, 0.8, 1.0), fid(5, 4, 6)), run("b", fid(190, 189, 191)))
    assert ranks(leaderboard, "auc") == {"a": 1}
    assert ranks(leaderboard) == {"a": 1, "b": 2}


def test_each_task_has_its_own_leaderboard() -> None:
    other = replace(FIELD[3], task=replace(TASK, id="sandbox-chest-t2i", version=4), split_hash="9" * 64)
    folded = fold([("a", FIELD[3]), ("b", other)])
    assert list(folded) == ["sandbox-brain-t2i", "sandbox-chest-t2i"]
    assert fold([]) == {}


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (run("b", fid(1, 0, 2), task=replace(TASK, version=2)), "version 2"),
        (run("b", fid(1, 0, 2), task=replace(TASK, card_hash="d" * 64)), "card dddddddddddd"),
        (run("b", fid(1, 0, 2), split_hash="6" * 64), "split_hash 666666666666"),
        (run("b", fid(1, 0, 2), split_hash=None), "split_hash (none)"),
        (run("b", fid(1, 0, 2, extractor="inception-v3")), 'extractor="inception-v3"'),
        (run("b", fid(1, 0, 2, parameters={"interval": "jackknife", "resize": 299})), "resize=299"),
        (run("b", fid(1, 0, 2, parameters={"interval": "jackknife"})), "resize=(absent)"),
        (run("b", fid(1, 0, 2, direction="higher")), 'direction="higher"'),
        (run("b", fid(1, 0, 2, n=100)), "n=100"),
        (run("a", fid(2, 0, 3)), "one run, two answers"),
        (run("a", fid(1, 0, 2), note="edited"), "one run, two answers"),
        (run("b", fid(1, 0, 2), fid(1, 0, 2)), "fid 2 times"),
        (run("b", task=replace(TASK, version=2), status="failed", error="x"), "version 2"),
    ],
)
def test_what_cannot_share_a_table_is_an_error_naming_the_files(second: Result, said: str) -> None:
    first = run("a", fid(1, 0, 2))
    for pair in ([("x.json", first), ("y.json", second)], [("y.json", second), ("x.json", first)]):
        with pytest.raises(ResultError) as caught:
            fold(pair)
        message = str(caught.value)
        assert said in message
        assert "y.json" in message
        assert "\n" not in message
        assert "x.json" in message or "2 times" in said


def test_a_result_that_names_other_seeds_of_the_card_unranks_nobody_and_is_refused() -> None:
    honest = [replace(run(name, fid(1, 0, 2)), card_seeds=[0, 1, 2]) for name in "ab"]
    old, forged = run("c", fid(1, 0, 2)), replace(run("d", fid(1, 0, 2)), card_seeds=[9])
    found = numbered([*honest, old, forged])
    fold(found[:3])
    with pytest.raises(ResultError, match=r"3/result\.json: card_seeds \[9\], but 0/result\.json has \[0, 1, 2\]"):
        fold(found)


def test_seeds_and_observations_of_a_run_are_no_part_of_the_method() -> None:
    def noted(seed: int) -> Score:
        parameters = {"interval": "jackknife", "interval_seed": seed, "seed": seed, "observed_at_cap": 7 * seed}
        return fid(5, 4, 6, parameters=parameters)

    runs = [run("a", noted(0)), run("a", noted(1), seed=1), run("b", noted(2), seed=2)]
    assert [metric.parameters for metric in board_of(*runs).metrics] == [{"interval": "jackknife"}]
    assert board.dumps(board_of(*runs)) == board.dumps(board_of(*reversed(runs)))


def test_a_repeated_run_may_take_another_time_on_another_day() -> None:
    again = replace(FIELD[3], created="2026-01-02T03:04:05Z", stages=[result_file.Stage("generate", 12.5)])
    assert board.dumps(board_of(FIELD[3], again)) == board.dumps(board_of(FIELD[3]))


def test_a_failure_stands_beside_a_later_success() -> None:
    failed = run("sd", status="failed", error="out of memory")
    leaderboard = board_of(FIELD[3], failed)
    assert (len(leaderboard.rows), len(leaderboard.failed)) == (1, 1)


def test_only_failures_make_an_empty_table() -> None:
    leaderboard = board_of(FIELD[-1])
    assert (leaderboard.rows, leaderboard.metrics, len(leaderboard.failed)) == ((), (), 1)


def test_reported_rows_need_not_be_measured_alike() -> None:
    one = reported("p", fid(30, 30, 30, extractor="inception-v3", n=400), source="A")
    other = reported("p", fid(31, 31, 31, extractor="other", n=100), source="B")
    assert len(board_of(one, other, FIELD[3]).rows) == 3
    with pytest.raises(ResultError, match="one run, two answers"):
        board_of(one, replace(other, source="A"))


def test_a_written_leaderboard_reads_back_equal_and_rebuilds_to_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "boards" / "sandbox-brain-t2i.json"
    board.write(board_of(*FIELD), path)
    assert board.read(path) == board_of(*FIELD)
    assert path.read_text(encoding="utf-8") == board.dumps(board.read(path))


def test_a_leaderboard_of_an_older_schema_is_read_and_says_nothing_of_what_it_lacks() -> None:
    old = board.read(Path(__file__).parents[1] / "historic" / "leaderboard-v2.json")
    assert (old.task.id, old.schema_version, len(old.rows)) == ("sandbox-chest-sex", board.SCHEMA_VERSION, 6)
    assert {metric.seed_allowance for metric in old.metrics} == {None}
    assert all((row.other_seeds, row.on_card, row.same_images) == ((), True, ()) for row in old.rows)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"spread": null', '"spread": NaN', "spread"),
        ('"runs": 1', '"runs": "1"', "runs: expected an integer"),
        ('"runs": 1', '"rums": 1', "rums: unknown key"),
        ('"schema_version": 3', '"schema_version": 1', "schema_version"),
        ('"schema_version": 3', '"schema_version": true', "schema_version"),
        ("}\n", "", "truncated"),
    ],
)
def test_a_leaderboard_file_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "board.json"
    text = board.dumps(board_of(*FIELD))
    head, found, tail = text.rpartition(old)
    assert found
    path.write_text(head + new + tail, encoding="utf-8")
    with pytest.raises(ResultError, match=said) as caught:
        board.read(path)
    assert str(path) in str(caught.value)


def test_collect_finds_result_files_below_folders_and_nothing_else(tmp_path: Path) -> None:
    names = ["b/run/result.json", "a/result.json", "a/other.json", "a/.result.json.x1", "c.json"]
    for index, name in enumerate(names):
        result_file.write(run(f"m{index}", fid(1, 0, 2)), tmp_path / name)
    found = collect([tmp_path, tmp_path / "a", tmp_path / "c.json"])
    assert [Path(path).relative_to(tmp_path).as_posix() for path, _ in found] == [
        "a/result.json", "b/run/result.json", "c.json"
    ]
    assert [result.model.name for _, result in found] == ["m1", "m0", "m4"]


def test_collect_says_what_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no such file or folder"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(ResultError, match=r"expected a result\.json below it"):
        collect([tmp_path])
    (tmp_path / "result.json").write_text("{", encoding="utf-8")
    with pytest.raises(ResultError, match=r"result\.json: expected JSON"):
        collect([tmp_path])


def test_runs_of_an_ablation_are_read_where_its_folder_is_named_and_no_competitors_elsewhere(tmp_path: Path) -> None:
    assert inspect.signature(ablate).parameters["out"].default == Path("runs") / ABLATION
    runs = tmp_path / "runs"
    for path in ("brain/ours-1/seed-0", "ablation/ours-1/seed-0", "ablation/brain/ours-2/seed-0"):
        result_file.write(run("ours", fid(1.0, 0.5, 1.5)), runs / path / "result.json")
        (runs / path / "run.json").write_text('{"task": "brain", "model": "ours"}', encoding="utf-8")
    task_called_ablation = str(runs / "ablation/ours-1/seed-0/result.json")
    of_task = [task_called_ablation, str(runs / "brain/ours-1/seed-0/result.json")]
    assert [path for path, _ in collect([runs])] == [path for path, _ in collect([tmp_path])] == of_task
    of_ablation = [str(runs / "ablation/brain/ours-2/seed-0/result.json"), task_called_ablation]
    assert [path for path, _ in collect([runs / "ablation"])] == of_ablation
    shutil.rmtree(runs / "brain")
    shutil.rmtree(runs / "ablation/ours-1")
    with pytest.raises(ResultError, match="got none; `ldbench run` makes one, or name its ablation/ itself"):
        collect([runs])
    (runs / "ablation/brain/ours-2/seed-0/result.json").unlink()
    assert unfinished_below([runs]) == []
    assert len(unfinished_below([runs / "ablation"])) == 1
