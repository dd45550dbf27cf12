"""A row on new subjects beside its public run: the fit is shared, and what knew the public answers is found out."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import Score
from ldbench.errors import DataError, ResultError
from ldbench.records import fresh as sidecar
from ldbench.records import result as results
from ldbench.run import fresh
from ldbench.run.fresh import FreshRun, gaps, run_fresh
from ldbench.run.settings import Settings
from ldbench.task.card import load
from tests.stand_ins.toy_simulator import card as toy_card

MODELS = Path(__file__).parents[1] / "stand_ins" / "disc_generators.py"


def score(value: float, below: float, above: float, metric: str = "fid", direction: str = "lower") -> Score:
    return Score(metric, value, value - below, value + above, 10, direction)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FreshRun]:
    folder = tmp_path_factory.mktemp("fresh")
    card, out = str(toy_card(folder)), Settings(folder / "runs", device="cpu")
    names = {name: f"tests.stand_ins.disc_generators:{name}" for name in ("Honest", "Tuned")}
    return {name: run_fresh(card, model, 7, out) for name, model in names.items()}


def test_an_honest_row_has_no_gap_and_a_tuned_one_is_named(runs: dict[str, FreshRun]) -> None:
    tuned = {name: {gap.metric for gap in run.round.gaps if gap.tuned} for name, run in runs.items()}
    assert tuned["Honest"] == set()
    assert "psnr" in tuned["Tuned"]


def test_the_fit_is_the_public_runs(runs: dict[str, FreshRun]) -> None:
    run = runs["Honest"]
    assert (run.path.parent / "fit" / "times").read_text(encoding="utf-8") == "fitted\n"
    assert not (run.fresh_path.parent / "fit" / "fitted").exists()
    assert run.frozen.task.id != run.fresh.task.id
    assert run.frozen.images_hash != run.fresh.images_hash


def test_the_round_lies_beside_the_public_result(runs: dict[str, FreshRun]) -> None:
    run = runs["Tuned"]
    read = sidecar.beside(run.path, run.frozen)
    assert read is not None
    assert read.rounds == (run.round,)
    assert [gap.metric for gap in run.round.gaps] == [one.metric for one in run.frozen.scores]
    assert run.round.data_seed == 7
    assert results.read(run.fresh_path) == run.fresh


def test_rows_that_run_at_once_render_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, seen = [0], list[int]()

    def rendering(*_: object, **__: object) -> None:
        at_work[0] += 1
        seen.append(at_work[0])
        time.sleep(0.1)
        at_work[0] -= 1

    monkeypatch.setattr(fresh, "render", rendering)
    task = load("sandbox-brain-t2i")
    with ThreadPoolExecutor(2) as rows:
        for _ in range(2):
            rows.submit(fresh._rendered, task, task.id, 7, tmp_path / "fresh" / "set", Settings(tmp_path))
    assert seen == [1, 1]


def test_a_round_is_read_back_and_a_second_set_joins_it(runs: dict[str, FreshRun]) -> None:
    run = runs["Tuned"]
    out = Settings(run.path.parents[3], device="cpu")
    card = str(out.out.parent / f"{run.frozen.task.id}.toml")
    before = run.fresh_path.stat().st_mtime_ns
    assert run_fresh(card, "tests.stand_ins.disc_generators:Tuned", 7, out) == run
    assert run.fresh_path.stat().st_mtime_ns == before
    other = run_fresh(card, "tests.stand_ins.disc_generators:Tuned", 8, out)
    read = sidecar.beside(run.path, run.frozen)
    assert read is not None
    assert {one.data_seed for one in read.rounds} == {7, 8}
    assert other.round in read.rounds


def test_a_file_of_another_result_is_refused(runs: dict[str, FreshRun], tmp_path: Path) -> None:
    run = runs["Honest"]
    (tmp_path / "fresh.json").write_bytes(run.written.read_bytes())
    with pytest.raises(ResultError, match=r"expected images .* as in the result beside it"):
        sidecar.beside(tmp_path / "result.json", runs["Tuned"].frozen)
    assert sidecar.beside(tmp_path / "elsewhere" / "result.json", run.frozen) is None
    broken = json.loads(run.written.read_text(encoding="utf-8")) | {"more": 1}
    (tmp_path / "fresh.json").write_text(json.dumps(broken), encoding="utf-8")
    with pytest.raises(ResultError, match="more: unknown key"):
        sidecar.beside(tmp_path / "result.json", run.frozen)


LACKING = """
from dataclasses import replace
from ldbench.api import Simulator
from tests.stand_ins.toy_simulator import DISCS, Discs

def read(folder, checksums):
    discs = DISCS.simulator.read(folder, checksums)
    turned = {one.subject for one in discs.records if one.role == "other" and one.attributes["size"] == "large"}
    return Discs("discs", tuple(one for one in discs.records if one.subject in turned), discs.images)

DATA = replace(DISCS, simulator=Simulator(DISCS.simulator.render, read))
"""


def test_new_subjects_without_a_class_are_refused_before_the_public_run_begins(tmp_path: Path) -> None:
    plugin, card = tmp_path / "lacking.py", toy_card(tmp_path)
    plugin.write_text(LACKING, encoding="utf-8")
    text = card.read_text(encoding="utf-8").replace("cases = 24", "cases = 4")
    data = f'dataset = "{load(str(card)).data.dataset}"'
    card.write_text(text.replace(data, f'dataset = "{plugin}:DATA"'), encoding="utf-8")
    with pytest.raises(DataError, match=r"2 large cases, the data have 0; .*, or take another seed for the new subj"):
        run_fresh(str(card), "tests.stand_ins.disc_generators:Honest", 7, Settings(tmp_path / "runs", device="cpu"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["fresh"]


POSITIVE = st.floats(0.01, 10)


@settings(max_examples=50)
@given(st.floats(-50, 50), st.floats(-50, 50), POSITIVE, POSITIVE, POSITIVE, POSITIVE)
def test_the_interval_holds_the_gap_and_turns_with_it(
    one: float, two: float, low1: float, up1: float, low2: float, up2: float
) -> None:
    first, second = score(one, low1, up1), score(two, low2, up2)
    [gap], [back] = gaps([first], [second]), gaps([second], [first])
    assert gap.ci_low <= gap.gap <= gap.ci_high
    assert (back.ci_low, back.ci_high) == pytest.approx((-gap.ci_high, -gap.ci_low))
    assert gap.ci_high - gap.gap >= max(up2, low1) * (1 - 1e-9)
    assert not (gap.tuned and back.tuned)


def test_of_symmetric_intervals_it_is_the_usual_one_for_a_difference() -> None:
    [gap] = gaps([score(10, 3, 3)], [score(15, 4, 4)])
    assert (gap.ci_low, gap.ci_high) == pytest.approx((0, 10))
    assert not gap.tuned


def test_more_metrics_ask_for_more_evidence_and_better_is_not_tuned() -> None:
    one, two = score(10, 3, 3), score(16, 4, 4)
    names = [f"m{number}" for number in range(10)]
    many = gaps([score(10, 3, 3, name) for name in names], [score(16, 4, 4, name) for name in names])
    assert gaps([one], [two])[0].tuned
    assert not any(gap.tuned for gap in many)
    assert not gaps([two], [one])[0].tuned
    higher = [score(value, 3, 3, "ssim", "higher") for value in (16, 9)]
    assert gaps(higher[:1], higher[1:])[0].tuned


def test_an_interval_that_leaves_its_value_out_is_cut_there() -> None:
    [gap] = gaps([score(10, -1, 3)], [score(10, 4, -2)])
    assert (gap.ci_low, gap.ci_high) == (-5, 0)


def test_scores_of_other_metrics_are_refused() -> None:
    with pytest.raises(ResultError, match="expected fid, got kid"):
        gaps([score(1, 1, 1)], [score(1, 1, 1, "kid")])


def test_the_interval_covers_in_simulated_rows() -> None:
    rng = np.random.default_rng(0)
    samples = rng.exponential(1.0, (400, 2, 60))
    means, errors = samples.mean(axis=2), samples.std(axis=2, ddof=1) / 60**0.5
    held = 0
    for mean, error in zip(means, errors, strict=True):
        frozen, fresh = (score(float(m), 1.96 * float(e), 1.96 * float(e)) for m, e in zip(mean, error, strict=True))
        [gap] = gaps([frozen], [fresh])
        held += gap.ci_low <= 0 <= gap.ci_high
    assert 0.92 <= held / 400 <= 0.98
