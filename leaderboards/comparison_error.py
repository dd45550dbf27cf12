"""How often one of several equal models is called better, and which advantage of a true winner is found.

    python -m leaderboards.comparison_error [--boards 4000] [--metric fid]

Simulates whole boards at once: models over the same cases, with a case's own effect, each run's own noise on each case,
and each run's own level, which is what another seed changes. A level is given in standard errors of a score. The tests
are those of `ldbench.board.paired_tests`, in arrays; a test holds the two against each other. Prints, per setting, the
share of boards on which any of equal models is called better (5 % allowed), and the advantage of one model, in standard
errors, that is found over another one on 80 % of boards. The allowance for another seed is that of `--metric`, or that
of a metric without reference rows, the widest. Says nothing of metrics that are no means.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ldbench.board.difference_test import CasesError, SeedsError, half_widths
from ldbench.board.seed_allowance import allowance
from ldbench.score.metrics.intervals import Z

CASES, OWN, METRIC = 40, 0.5, "simulated"  # a metric without reference rows
STANDARD_ERROR = ((1 + OWN**2) / CASES) ** 0.5
CHUNK = 100_000  # rows times boards at a time, to keep memory flat
LEVELS = ((0.3, 0.3), (1.0, 1.0), (3.0, 3.0), (10.0, 10.0), (0.2, 10.0))
SEEDS = (1, 2, 3, 5)


@dataclass(frozen=True)
class Setting:
    """By row, the level of its seeds in standard errors and their number; `fixed` rows do not depend on the seed. The
    allowance is that of `metric`."""

    name: str
    levels: tuple[float, ...]
    seeds: tuple[int, ...]
    fixed: frozenset[int] = frozenset()
    metric: str = METRIC


@dataclass(frozen=True)
class Boards:
    """Runs of many boards: `values (boards, rows, seeds, cases)`, of which a row has its first seeds."""

    setting: Setting
    values: np.ndarray

    def of(self, row: int) -> np.ndarray:
        """The runs of one row, `(boards, seeds, cases)`."""
        return self.values[:, row, : self.setting.seeds[row]]


def boards(random: np.random.Generator, setting: Setting, count: int) -> Boards:
    """So many boards of equal models."""
    rows, most = len(setting.levels), max(setting.seeds)
    levels = np.array(setting.levels)[:, None, None] * STANDARD_ERROR
    values = random.normal(0, OWN, (count, rows, most, CASES)) + levels * random.normal(0, 1, (count, rows, most, 1))
    for row in setting.fixed:
        values[:, row] = random.normal(0, OWN, (count, 1, CASES))
    return Boards(setting, values + random.normal(0, 1, (count, 1, 1, CASES)))


def reaches(sample: Boards, level: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every pair of rows, the differences `(boards,)` and the half-widths at a level, as `compare` takes them."""
    rows = range(len(sample.setting.levels))
    scores = [sample.of(row).mean(axis=2) for row in rows]
    cases = [sample.of(row).mean(axis=1) for row in rows]
    bounds = [_bounds(sample, row) for row in rows]
    for one, two in itertools.combinations(rows, 2):
        of_cases = CasesError((cases[one] - cases[two]).var(axis=1, ddof=1) / CASES, CASES - 1)
        together = sample.setting.seeds[one] == sample.setting.seeds[two] > 1
        if together and not sample.setting.fixed & {one, two}:
            least, most = (sum(both) for both in zip(bounds[one], bounds[two], strict=True))
            errors = [_error(scores[one] - scores[two], least, most)]
        else:
            errors = [_error(scores[row], *bounds[row], row in sample.setting.fixed) for row in (one, two)]
        yield scores[one].mean(axis=1) - scores[two].mean(axis=1), half_widths(level, of_cases, errors)


def _bounds(sample: Boards, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most variance between seeds, as `paired_tests` takes them for one row."""
    runs = sample.of(row)
    error = runs.std(axis=2, ddof=1).mean(axis=1) / CASES**0.5 * stats.t.ppf(0.975, CASES - 1) / Z
    least, most = ((errors * error) ** 2 for errors in allowance(sample.setting.metric, CASES))
    if runs.shape[1] > 1:
        most = np.where(runs.mean(axis=2).var(axis=1, ddof=1) > most, np.inf, most)
    return least, most


def _error(scores: np.ndarray, least: np.ndarray, most: np.ndarray, fixed: bool = False) -> SeedsError:
    count = scores.shape[1]
    if fixed:
        return SeedsError(0.0, 1, 0.0)
    if count == 1:
        return SeedsError(np.inf, 1, most)
    return SeedsError(np.maximum(scores.var(axis=1, ddof=1), least) / count, count - 1, most / count)


def outcome(random: np.random.Generator, setting: Setting, count: int) -> list[float]:
    """The share of boards with a false "better", and the advantage of the first row over the second found on 80 %.

    A pair is called better by Holm's first step, which decides whether any is.
    """
    rows = len(setting.levels)
    level, each = 0.05 / (rows * (rows - 1) / 2), max(1, CHUNK // (rows * max(setting.seeds)))
    false, advantages = [], []
    for start in range(0, count, each):
        tests = list(reaches(boards(random, setting, min(each, count - start)), level))
        false.append(np.any([np.abs(difference) > half for difference, half in tests], axis=0))
        difference, half = tests[0]
        advantages.append((half - difference) / STANDARD_ERROR)
    return [float(np.mean(np.concatenate(false))), float(np.quantile(np.concatenate(advantages), 0.8))]


def settings() -> Iterator[Setting]:
    """All settings: alike and unlike levels, equal and unequal seeds, fixed rows, and rows that join."""
    for rows, seeds, (low, high) in itertools.product((4, 10), SEEDS, LEVELS):
        name = f"{rows} rows, {seeds} seeds, levels {low:g} to {high:g}"
        yield Setting(name, _spaced(low, high, rows), (seeds,) * rows)
    for rows, (low, high) in itertools.product((4, 10), LEVELS):
        for counts, unequal in (("3, 1, 1, ...", (3, *(1,) * 9)), ("1, 2, 3, 5, ...", (1, 2, 3, 5) * 3)):
            name = f"{rows} rows, seeds {counts}, levels {low:g} to {high:g}"
            yield Setting(name, _spaced(low, high, rows), unequal[:rows])
    for level, seeds in itertools.product((0.3, 3.0, 10.0), (1, 3)):
        name = f"5 rows, the first deterministic, the others {seeds} seeds, levels {level:g}"
        yield Setting(name, (0.0, *(level,) * 4), (3, *(seeds,) * 4), frozenset({0}))
    for loud in (1, 3):
        yield Setting(f"2 quiet rows of 3 seeds, a loud one of {loud}", (0.3, 0.3, 10.0), (3, 3, loud))
    for quiet, seeds in itertools.product((0.3, 1.0), (3, 5)):
        alone = Setting(f"4 rows, {seeds} seeds, levels {quiet:g}: alone", (quiet,) * 4, (seeds,) * 4)
        yield alone
        for joining, what in ((1, "one loud row joins"), (20, "20 loud rows join")):
            name = alone.name.replace("alone", what)
            yield Setting(name, alone.levels + (10.0,) * joining, alone.seeds + (1,) * joining)


def _spaced(low: float, high: float, rows: int) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, rows).tolist())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=4000)
    parser.add_argument("--metric", default=METRIC)
    asked = parser.parse_args(arguments)
    print(f"{asked.boards} boards each, {CASES} cases; share with a false 'better', advantage found on 80 %")
    for index, setting in enumerate(settings()):
        false, advantage = outcome(np.random.default_rng(index), replace(setting, metric=asked.metric), asked.boards)
        print(f"{setting.name:70} {false:6.1%} {advantage:7.1f}", flush=True)


if __name__ == "__main__":
    main()
