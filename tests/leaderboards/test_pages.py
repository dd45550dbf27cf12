"""Pages of results: blocks are what the boards say, all else stays, and what is not measured is said to be so."""

from __future__ import annotations

import itertools
import json
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ldbench.api import Score
from ldbench.board import leaderboard
from ldbench.board.gather import collect, fold
from ldbench.errors import UsageError
from ldbench.records import result as result_file
from ldbench.records import units as units_file
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.units import Contributions, Units
from leaderboards.page_blocks import MeasuredBoards, read_measured
from leaderboards.pages import main, outside, renewed

COMMITTED = Path(__file__).parents[2] / "leaderboards"

TASK = TaskRef("somebodys-card", 1, "text-to-image", "c" * 64)
WITHOUT = {0: 50.0, 1: 54.0, 2: 52.5, 3: 51.0}
DRIFTING = {0: 47.0, 1: 50.5, 2: 50.0}
CASES = 10


def scored(name: str, seed: int, value: float, **model: bool) -> Result:
    scores = [
        Score("viewed_fid", value, value - 2, value + 2, 200, "lower", "efficientnet-lite0", {"interval": "jackknife"}),
        Score("kid", value / 100, value / 100 - 0.1, value / 100 + 0.1, 200, "lower", "efficientnet-lite0"),
        Score("coverage", 1 - value / 200, 0.5, 0.9, 200, "higher", "efficientnet-lite0"),
    ]
    return Result(
        TASK, ModelRef(name, "ldbench", "0.1.0", {}, **model), "measured", scores, seed=seed, split_hash="5" * 64,
        card_seeds=[0, 1, 2, 3],
    )  # fmt: skip


def added(name: str) -> list[float]:
    """What each case adds to every score of a model."""
    return [len(name) / 20 * (-1) ** case for case in range(CASES)]


def units(run: Result) -> Units:
    by_unit = {"cases": tuple(added(run.model.name))}
    metrics = {score.metric: Contributions(score.value, by_unit) for score in run.scores}
    return Units({"cases": tuple(f"case-{case}" for case in range(CASES))}, metrics)


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `leaderboards/`: five rows, one of them a reference and one with a single seed."""
    folder = tmp_path_factory.mktemp("boards")
    runs = [scored("basic-ft", *one) for one in WITHOUT.items()]
    runs += [scored("basic-ft-ld", *one) for one in DRIFTING.items()]
    runs += [scored("basic-ft-zero-snr", 0, 55.0), scored("lora", 0, 90.0)]
    runs.append(scored("mean-image", 0, 60.0, reference=True))
    for run in runs:
        of_run = folder / f"results/{TASK.id}/{run.model.name}/seed-{run.seed}"
        result_file.write(run, of_run / "result.json")
        units_file.write(units(run), of_run / "units.json")
    for task, board in fold(collect([folder / "results"])).items():
        leaderboard.write(board, folder / f"{task}.json")
    (folder / "drift/samplers").mkdir(parents=True)
    (folder / "drift/samplers/scores.jsonl").write_text("".join(cells()), encoding="utf-8")
    return folder


def cells() -> Iterator[str]:
    """A study of two samplers with one drift; one of them has no third seed."""
    for sampler, seeds in (("ddim", 3), ("ddpm", 2)):
        for seed, delta in itertools.product(range(seeds), ("0", "0.1")):
            value = WITHOUT[seed] if delta == "0" else DRIFTING[seed]
            cell = {"task": "t", "model": "basic-ft", "fit": {"delta": "0"}, "seed": seed}
            cell |= {"sampling": {"sampler": sampler, "delta_sample": delta}, "scores": {"kid": [value, 0, 0]}}
            yield json.dumps(cell) + "\n"


@pytest.fixture(scope="module")
def measured(boards: Path) -> MeasuredBoards:
    return read_measured(boards)


def block(words: str, measured: MeasuredBoards) -> str:
    text = renewed(f"Above.\n\n<!-- {words} -->old<!-- end -->\n\nBelow.\n", measured)
    assert text.startswith(f"Above.\n\n<!-- {words} -->")
    assert text.endswith("<!-- end -->\n\nBelow.\n")
    assert renewed(text, measured) == text
    return text.removeprefix(f"Above.\n\n<!-- {words} -->").removesuffix("<!-- end -->\n\nBelow.\n")


def rows(text: str) -> dict[str, list[str]]:
    """The cells of a table's lines, by the first cell that is not a rank."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*", text, re.MULTILINE)]
    return {cells[1] if lines[0][0] == "#" else cells[0]: cells for cells in lines}


def paired(
    changed: Mapping[int, float], without: Mapping[int, float], cases: bool = False
) -> tuple[float, float, float]:
    gaps = [changed[seed] - without[seed] for seed in sorted(changed.keys() & without.keys())]
    half = stats.t.ppf(0.975, len(gaps) - 1) * statistics.stdev(gaps) / len(gaps) ** 0.5
    if cases:
        apart = np.subtract(added("basic-ft-ld"), added("basic-ft"))
        half = np.hypot(half, stats.t.ppf(0.975, CASES - 1) * np.sqrt((apart**2).sum()))
    return statistics.fmean(gaps), statistics.fmean(gaps) - half, statistics.fmean(gaps) + half


def test_a_board_shows_its_headline_and_what_is_said_of_its_rows(measured: MeasuredBoards) -> None:
    text = block(f"board {TASK.id}", measured)
    table = rows(text.partition("###")[0])
    assert table["model"] == ["#", "model", "viewed\\_fid ↓", "coverage ↑", "seeds"]
    assert list(table)[2:] == ["basic-ft-ld", "basic-ft", "basic-ft-zero-snr", "lora", "mean-image"]
    assert table["mean-image"][0] == ""
    assert table["basic-ft"][-1] == "0-3"
    assert "### Rows that beat a cheat" in text
    assert "| viewed\\_fid | all but lora |" in text
    assert not any(word in text for word in ("- kid", "Guarantee", "Allowance"))
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 100


def test_named_metrics_stand_as_they_were_named_and_unknown_ones_are_left_out(measured: MeasuredBoards) -> None:
    table = rows(block(f"metrics {TASK.id}\nkid viewed_fid laterality", measured))
    assert table["model"][2:4] == ["kid ↓", "viewed\\_fid ↓"]
    assert table["lora"][2:4] == ["0.90 \\[0.80, 1\\]", "90.0 \\[88.0, 92.0\\]"]


def test_a_change_is_the_mean_over_pairs_of_one_seed_with_an_interval_over_seeds_and_cases(
    measured: MeasuredBoards,
) -> None:
    table = rows(block(f"drift {TASK.id}", measured))
    assert set(table) == {"", ":--", "Basic FT"}
    _, without, change, coverage, seeds = table["Basic FT"]
    assert (without, seeds) == ("52.2", "0, 1, 2")
    shown = [float(number) for number in re.findall(r"-?\d+\.\d+", change)]
    assert shown == pytest.approx(paired(DRIFTING, WITHOUT, cases=True), abs=0.051)
    assert change.startswith("**-3.0**")
    assert coverage.startswith("0.0 \\[-")


def test_a_change_over_one_seed_has_no_interval(measured: MeasuredBoards) -> None:
    table = rows(block(f"answers {TASK.id} viewed_fid", measured))
    assert table["zero terminal SNR"] == ["zero terminal SNR", "50.0", "+5.0", "0"]
    assert table["the paper's drift"][3] == "0, 1, 2"


def test_a_study_has_a_line_a_setting_that_names_what_differs(measured: MeasuredBoards) -> None:
    table = rows(block("sampling samplers t kid", measured))
    assert table[""] == ["", "kid without", "0 → 0.1", "seeds"]
    assert table["sampler=ddim"][1::2] == ["52.17", "3"]
    shown = [float(number) for number in re.findall(r"-?\d+\.\d+", table["sampler=ddim"][2])]
    assert shown == pytest.approx(paired(DRIFTING, WITHOUT), abs=0.051)
    assert table["sampler=ddpm"][3] == "2"
    for words in ("sampling another t kid", "sampling samplers another kid"):
        assert block(words, measured) == "\n\n*Not measured yet.*\n\n"


def test_the_table_of_a_demo_is_that_of_seed_0_of_its_rows(measured: MeasuredBoards) -> None:
    table = rows(block(f"demo {TASK.id} basic-ft lora mean-image", measured))
    assert list(table)[2:] == ["basic-ft", "lora", "mean-image"]
    assert table["basic-ft"][2].replace("*", "") == "50.0 \\[48.0, 52.0\\]"
    assert block(f"demo {TASK.id} nobody", measured) == "\n\n*Not measured yet.*\n\n"


def test_a_value_stands_within_a_sentence(measured: MeasuredBoards) -> None:
    assert block(f"value {TASK.id} lora viewed_fid", measured) == "90.0"
    assert block(f"value {TASK.id} nobody viewed_fid", measured) == "(not measured yet)"


@pytest.mark.parametrize("words", ["board", "metrics", "drift", "answers"])
def test_what_is_not_measured_is_said_to_be_so(words: str, measured: MeasuredBoards) -> None:
    assert block(f"{words} another-card", measured) == "\n\n*Not measured yet.*\n\n"
    if words in ("drift", "answers"):
        assert block(f"{words} {TASK.id} laterality", measured) == "\n\n*Not measured yet.*\n\n"


def test_a_sentence_has_the_corrected_p_of_two_rows(measured: MeasuredBoards) -> None:
    def of(metric: str, *models: str) -> str:
        text = renewed(f"<!-- p {TASK.id} {metric} {' '.join(models)} -->old<!-- end -->", measured)
        return text.partition("-->")[2].removesuffix("<!-- end -->")

    names = ('"basic-ft"', '"lora"')
    pairs = measured.pairs[TASK.id]["viewed_fid"]
    [expected] = [one for one in pairs if all(name in one.first + one.second for name in names)]
    shown = f"p = {expected.p_adjusted:.2g}"
    assert of("viewed_fid", "basic-ft", "lora") == of("viewed_fid", "lora", "basic-ft") == shown
    assert of("viewed_fid", "basic-ft", "sd") == of("laterality", "basic-ft", "lora") == "(not measured yet)"


@pytest.mark.slow
def test_a_table_of_the_paper_has_the_rows_that_were_measured_and_counts_the_others(tmp_path: Path) -> None:
    text = block("paper 3", read_measured(tmp_path)).strip()
    assert text.startswith("**Table 3. ")
    assert text.endswith("\n\nNot measured yet: 4 of its 4 rows.")
    committed = block("paper 3", read_measured(COMMITTED))
    measured = [line for line in committed.splitlines() if line.startswith(("| Simple", "| Diverse"))]
    assert 0 < len(measured) <= 4
    assert (f"Not measured yet: {4 - len(measured)} of its 4 rows." in committed) == (len(measured) < 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("bord x", "one of board, metrics, drift, answers, paper, demo, value, p, sampling, groups first, got bord"),
        ("board", "missing a required argument: 'task'"), ("board a b", "too many positional arguments"),
        ("sampling samplers t fid", "expected a metric of the study, kid"),
        ("paper 7", "expected the number of a table, 2, 3, 4"),
    ],
)  # fmt: skip
def test_words_that_name_no_block_are_refused(words: str, said: str, measured: MeasuredBoards) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        renewed(f"<!-- {words} --><!-- end -->", measured)
    assert f"<!-- {words} -->" in str(refused.value)


def test_pages_are_written_once_and_checked(
    boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n<!-- board {TASK.id} --><!-- end -->\n", encoding="utf-8")

    def done(*more: str) -> tuple[int | str | None, str]:
        monkeypatch.setattr(sys, "argv", ["pages", "--boards", str(boards), "--pages", str(tmp_path), *more])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().out

    assert done("--check") == (1, f"{page}: not up to date; run python -m leaderboards.pages\n")
    assert done() == (0, f"{page}: written\n")
    assert done("--check") == (0, "")
    assert outside(page.read_text(encoding="utf-8")) == "# Title\n\n\n"
