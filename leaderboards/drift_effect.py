"""What Latent Drifting changes: each method with drift minus the same without, paired by seed.

    python -m leaderboards.drift_effect leaderboards/results
    python -m leaderboards.drift_effect leaderboards/results --task sandbox-brain-aging

Prints, for every task (or the one that is named), metric and method, the mean difference over the seeds that both have,
its 95 % interval over seeds and test cases, and the number of seeds. A method is the pair of models NAME and NAME-ld,
whatever their task. Two runs of one seed share prompts and noise, so their difference is steadier than either, and both
are scored against the same cases and scans, which are paired too. Refuses folders without a complete pair, and a model
that was run twice with one seed.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.board.difference_test import CasesError
from ldbench.board.gather import collect
from ldbench.board.paired_tests import ScoredRun, Seed, cases_error
from ldbench.board.seeds import tabled_t_quantile
from ldbench.errors import LdbenchError, ResultError
from ldbench.records.identity import Found
from ldbench.records.sidecar import beside_all
from ldbench.records.units import Units, beside
from ldbench.report.digits import decimals_for, fixed
from ldbench.report.tables.text_table import Strong, TextCell
from leaderboards.shipped_rows import as_shipped

WITH_DRIFT = "-ld"
Key = tuple[str, str, str]
Runs = Mapping[Seed, ScoredRun]
NO_CASES = CasesError(0.0, 1)


@dataclass(frozen=True)
class PairedChange:
    """What differs between two models, one number a seed that both have, and what other cases add to its error."""

    gaps: Sequence[float]
    cases: CasesError = NO_CASES

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.gaps)

    @property
    def half(self) -> float:
        """Half the 95 % interval of the mean; infinite for one seed. Seeds and cases each have their own t quantile, as
        `ldbench.board.difference_test` adds them up."""
        count = len(self.gaps)
        if count < 2:
            return math.inf
        of_seeds = tabled_t_quantile(count - 1) * statistics.stdev(self.gaps) / math.sqrt(count)
        variance, degrees = (float(number) for number in self.cases)
        return math.hypot(of_seeds, tabled_t_quantile(int(degrees)) * math.sqrt(variance))


def by_seed(found: Iterable[Found], units: Mapping[str, Units]) -> dict[Key, dict[Seed, ScoredRun]]:
    """By (task, metric, model): the score of each seed; refuses a model that was run twice with one seed.

    Of a model that was run with several parameters, the runs with those that it ships with. `units` are by path.
    """
    runs: dict[Key, dict[Seed, ScoredRun]] = {}
    found = list(found)
    shipped = {
        task: as_shipped([one.model for _, one in found if one.task.id == task])
        for task in {one.task.id for _, one in found}
    }
    for path, result in found:
        if not shipped[result.task.id](result.model):
            continue
        for score in result.scores:
            of_model = runs.setdefault((result.task.id, score.metric, result.model.name), {})
            if result.seed in of_model:
                name, seed = result.model.name, result.seed
                raise ResultError(f"{path}: expected one run of {name} with seed {seed}, got another; keep one")
            of_model[result.seed] = ScoredRun(score, units.get(path))
    return runs


def changes(values: Mapping[Seed, float], without: Mapping[Seed, float]) -> list[float]:
    """What differs between two models, one number a seed that both have."""
    return [value - without[seed] for seed, value in values.items() if seed in without]


def change(runs: Runs, without: Runs) -> PairedChange | None:
    """The change between two models over the seeds that both have; None where they have none in common."""
    shared = [seed for seed in runs if seed in without]
    if not shared:
        return None
    one, two = ({seed: of_model[seed] for seed in shared} for of_model in (runs, without))
    gaps = changes(*({seed: run.score.value for seed, run in of_model.items()} for of_model in (one, two)))
    return PairedChange(gaps, cases_error(one, two))


def differences(folder: Path, task: str | None = None) -> dict[Key, PairedChange]:
    """By (task, metric, method): drift minus none; of one task or of all."""
    found = [one for one in collect([folder]) if task in (None, one[1].task.id)]
    runs = by_seed(found, beside_all(found, beside))
    methods = ((id, metric, model.removesuffix(WITH_DRIFT)) for id, metric, model in runs)
    pairs = {key: change(runs.get((*key[:2], key[2] + WITH_DRIFT), {}), runs.get(key, {})) for key in methods}
    changed = {key: one for key, one in sorted(pairs.items()) if one is not None}
    if not changed:
        of_task = "" if task is None else f" on {task}"
        raise ResultError(
            f"{folder}: expected results of a method with and without drift{of_task}, got no pair of one seed"
        )
    return changed


def change_cell(changed: PairedChange | None) -> TextCell:
    """The mean change and its 95 % interval; strong where that leaves out zero."""
    if changed is None:
        return "-"
    mean, half = changed.mean, changed.half
    if math.isinf(half):
        return _signed(mean, decimals_for(abs(mean), mean))
    decimals = decimals_for(half, mean)
    text, interval = _signed(mean, decimals), f"[{fixed(mean - half, decimals)}, {fixed(mean + half, decimals)}]"
    return f"{text} {interval}" if abs(mean) <= half else Strong(text, interval)


def _signed(number: float, decimals: int) -> str:
    text = fixed(number, decimals)
    return f"+{text}" if float(text) > 0 else text


def line(key: Key, changed: PairedChange, metric_width: int) -> str:
    """One row: the mean change, its interval where there are seeds enough, and whether that holds zero."""
    mean, half = changed.mean, changed.half
    start = f"{key[0]:34} {key[2]:20} {key[1]:{metric_width}} {mean:+10.4f}"
    if math.isinf(half):
        return f"{start}  one seed"
    verdict = "" if mean - half <= 0 <= mean + half else "  not zero"
    return f"{start}  [{mean - half:+.4f}, {mean + half:+.4f}]  n={len(changed.gaps)}{verdict}"


def main() -> None:
    """Read the folder that is named and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", help="the id of the only task to look at")
    asked = parser.parse_args()
    try:
        table = differences(asked.folder, asked.task)
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    width = max(5, *(len(metric) for _, metric, _ in table))
    for key, changed in table.items():
        print(line(key, changed, width))


if __name__ == "__main__":
    main()
