"""How far seeds lie apart in the project's own results, for `ldbench/board/seed_spread.json`.

    python -m recipes.write_seed_spread

Takes every ranked row of `leaderboards/results` with three seeds or more: the standard deviation of its scores between
seeds, over the standard error that the interval of one run stands for. Two seeds are one difference, and the largest of
many differences says little of how far seeds lie apart. Run it where committed results change.

A metric keeps what the file says of it until the results say it on at least as many rows, and on at least four: a few
quiet rows must not make an allowance narrow. One loud row makes it wide at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from ldbench.board.entries import entries
from ldbench.board.gather import collect
from ldbench.board.leaderboard import by_task
from ldbench.board.paired_tests import standard_error
from ldbench.board.seed_allowance import FILE, Spread, SpreadTable, spreads
from ldbench.board.seeds import pool
from ldbench.records.files import write_json
from ldbench.records.identity import real_images
from ldbench.score.metrics.intervals import Interval

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "leaderboards" / "results"
FEWEST = 4  # rows that may speak for a metric
SEEDS = 3  # the fewest that say how far seeds of a row lie apart


def table(results: Path) -> SpreadTable:
    """The spreads by metric, to three digits."""
    ratios: dict[str, list[tuple[float, int, int]]] = {}
    for found in by_task(collect([results])).values():
        for row in entries(found):
            by_metric: dict[str, list] = {}
            for _, result in row.runs if row.competes and len(row.runs) >= SEEDS else ():
                for score in result.scores:
                    by_metric.setdefault(score.metric, []).append(score)
            for metric, scores in by_metric.items():
                spread = pool([Interval(one.value, one.ci_low, one.ci_high) for one in scores]).spread
                error = standard_error(scores)
                real = real_images(scores[0].parameters) or 0
                if spread and error:  # a share that is 0 with every seed does not say that seeds change nothing
                    ratios.setdefault(metric, []).append((spread / error, scores[0].n, real))
    return SpreadTable({metric: _spread(found) for metric, found in sorted(ratios.items())})


def renewed(shipped: Mapping[str, Spread], measured: Mapping[str, Spread]) -> SpreadTable:
    """The shipped spreads, with those of the metrics on which the measured rows are enough, and the widest of both."""
    known = {metric: spread.rows for metric, spread in shipped.items()}
    enough = {metric: one for metric, one in measured.items() if one.rows >= max(FEWEST, known.get(metric, 0))}
    said = {**shipped, **enough}
    widest = {
        metric: max(table[metric].widest for table in (shipped, measured) if metric in table) for metric in said
    }
    return SpreadTable({metric: replace(said[metric], widest=widest[metric]) for metric in sorted(said)})


def _spread(found: list[tuple[float, int, int]]) -> Spread:
    usual = math.sqrt(math.fsum(ratio**2 for ratio, _, _ in found) / len(found))
    widest, n, real = (max(column) for column in zip(*found, strict=True))
    return Spread(len(found), n, float(f"{usual:.3g}"), float(f"{widest:.3g}"), real or None)


if __name__ == "__main__":
    write_json(ROOT / "ldbench" / "board" / FILE, asdict(renewed(spreads(), table(RESULTS).metrics)))
