"""How often the paired comparison calls one of several equal models better, and how often it sees a real difference.

Simulates boards: models over the same cases, with a case's own effect, each model's own noise on each case, and each
run's own level (what another seed changes), then asks `ldbench.board.paired_tests` for all pairs. Prints, per setting,
the share of boards on which any equal model was called better (5 % allowed) and the share of pairs one unit apart that
were told apart. Says nothing of metrics that are no means.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from ldbench.board.paired_tests import Comparison, ScoredRun, compare
from ldbench.records.contributions import Contributions, Units
from ldbench.score.metrics.mean_score import mean_score

CASES, OWN, METRIC = 40, 0.5, "simulated"
IDS = tuple(str(index) for index in range(CASES))
LEVELS = {"alike": (0.3, 0.3), "alike, loud": (2.0, 2.0), "fifty-fold range": (0.04, 2.0)}


def run(values: np.ndarray) -> ScoredRun:
    """One run as its file would hold it."""
    measured = mean_score(METRIC, values, "higher", {})
    by_unit = {"cases": tuple(measured.contributions["cases"].tolist())}
    return ScoredRun(measured.score, Units({"cases": IDS}, {METRIC: Contributions(measured.value, by_unit)}))


def board(
    random: np.random.Generator, means: Sequence[float], levels: np.ndarray, seeds: Sequence[int]
) -> list[Comparison]:
    """All pairs of models with these means and numbers of seeds, each run off by its model's level of noise."""
    shared, several = random.normal(0, 1, CASES), max(seeds) > 1
    models = {
        str(index): {
            seed: run(shared + mean + random.normal(0, OWN, CASES) + (random.normal(0, level) if several else 0.0))
            for seed in range(seeds[index])
        }
        for index, (mean, level) in enumerate(zip(means, levels, strict=True))
    }
    return compare(models, "higher")


def neighbours(comparison: Comparison) -> bool:
    """Whether the two models' means are one apart."""
    return abs(int(comparison.first) - int(comparison.second)) == 1


def main() -> None:
    """Print a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=400)
    asked = parser.parse_args()
    print(f"{asked.boards} boards each, {CASES} cases; share of boards with a false 'better', share of true ones seen")
    for count in (4, 10):
        for seeds in (1, 2, 3, 5):
            for name, (low, high) in LEVELS.items():
                if seeds == 1 and name != "alike":
                    continue
                random, levels = np.random.default_rng([count, seeds]), np.geomspace(low, high, count)
                equal = [board(random, [0.0] * count, levels, [seeds] * count) for _ in range(asked.boards)]
                false = np.mean([any(each.better for each in one) for one in equal])
                apart = [board(random, [float(i) for i in range(count)], levels, [seeds] * count) for _ in range(20)]
                seen = np.mean([each.better is not None for one in apart for each in one if neighbours(each)])
                print(f"{count:3} models, {seeds} seeds, levels {name:17} {false:6.1%} {seen:7.1%}", flush=True)
        random, levels, uneven = np.random.default_rng(count), np.full(count, 0.3), [3] + [1] * (count - 1)
        lone = [board(random, [0.0] * count, levels, uneven) for _ in range(asked.boards)]
        false = np.mean([any(each.better for each in one) for one in lone])
        print(f"{count:3} models, 3 seeds of the first, 1 of the others, levels alike {false:6.1%}", flush=True)


if __name__ == "__main__":
    main()
