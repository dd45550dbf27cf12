"""Simulated studies of readers cover what they claim, those of many runs and few trials too."""

from __future__ import annotations

import numpy as np
import pytest

from leaderboards.coverage_of_readers import (
    SPREADS,
    STRENGTHS,
    Panel,
    alpha_row,
    compared,
    d_prime_row,
    share_row,
    strength_row,
    true_strengths,
)


def covered(capsys: pytest.CaptureFixture[str]) -> float:
    [line] = capsys.readouterr().out.splitlines()
    return float(line.split("|")[4].split()[0])


@pytest.mark.slow
def test_strengths_of_eight_runs_that_meet_once_are_covered(capsys: pytest.CaptureFixture[str]) -> None:
    """With a whole tie a pair 28 % of them were."""
    strength_row("eight runs", 1, 28, "alike", 12)
    assert covered(capsys) >= 88


@pytest.mark.parametrize("readers", [2, 5])
def test_agreement_is_covered(readers: int, capsys: pytest.CaptureFixture[str]) -> None:
    alpha_row("97 % right", Panel(readers, 0.97), 10, 60)
    assert covered(capsys) >= 87


def test_the_truth_is_what_very_many_readers_give() -> None:
    strength_k, spread = np.array(STRENGTHS["2 apart"]), SPREADS["varying"]
    assert true_strengths(strength_k, 0.0) == pytest.approx(strength_k, abs=1e-6)
    tables = compared(strength_k, spread, 2000, 600, np.random.default_rng(0))
    shrunk = true_strengths(strength_k, spread)
    assert shrunk[0] < 1.8
    chance = 1 / (1 + np.exp(shrunk[1] - shrunk[0]))  # the model is of one strength a run, so it fits to about 0.01
    assert float(tables[0, 1].mean()) == pytest.approx(chance, abs=0.025)


@pytest.mark.parametrize(("skill", "first"), [(0.5, 0.5), (0.97, 0.5), (0.97, 0.8)])
def test_the_true_alpha_is_that_of_very_many_trials(skill: float, first: float) -> None:
    panel = Panel(3, skill, first)
    counts_tc = panel.counts(40_000, np.random.default_rng(0))
    apart = (counts_tc[:, 0] * counts_tc[:, 1] / 3).mean()  # of three pairs
    shares = counts_tc.sum(axis=0) / counts_tc.sum()
    assert panel.alpha == pytest.approx(1 - apart / (2 * shares[0] * shares[1]), abs=0.02)


@pytest.mark.parametrize("stops", [False, True])
def test_shares_of_three_readers_who_differ_are_covered(stops: bool, capsys: pytest.CaptureFixture[str]) -> None:
    share_row(0.8, "readers differ", 3, 40, 100, stops)
    assert covered(capsys) >= 88


def test_d_prime_is_covered_for_pairs_and_for_real_or_generated(capsys: pytest.CaptureFixture[str]) -> None:
    d_prime_row(1.0, "readers differ", 3, 40, 60)
    rows = capsys.readouterr().out.splitlines()
    assert ["pairs" in rows[0], "real" in rows[1]] == [True, True]
    assert min(float(row.split("|")[4].split()[0]) for row in rows) >= 86
