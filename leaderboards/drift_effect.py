"""What Latent Drifting changes: each method with drift minus the same without, paired by seed.

    python -m leaderboards.drift_effect leaderboards/results
    python -m leaderboards.drift_effect leaderboards/results --task sandbox-brain-aging

Prints, for every task (or the one that is named), metric and method, the mean difference over the seeds that both have,
its 95 % t-interval and the number of seeds. A method is the pair of models NAME and NAME-ld, whatever their task. Two
runs of one seed share prompts and noise, so their difference is steadier than either. Refuses folders without a
complete pair, and a model that was run twice with one seed.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ldbench.board.gather import collect
from ldbench.board.seeds import tabled_t_quantile
from ldbench.errors import LdbenchError, ResultError
from ldbench.records.identity import Found
from ldbench.report.digits import decimals_for, fixed
from ldbench.report.tables.text_table import Strong, TextCell
from leaderboards.shipped_rows import as_shipped

WITH_DRIFT = "-ld"
Key = tuple[str, str, str]


def by_seed(found: Iterable[Found]) -> dict[Key, dict[int | None, float]]:
    """By (task, metric, model): the value of each seed; refuses a model that was run twice with one seed.

    Of a model that was run with several parameters, the runs with those that it ships with.
    """
    values: dict[Key, dict[int | None, float]] = {}
    found = list(found)
    shipped = {
        task: as_shipped([one.model for _, one in found if one.task.id == task])
        for task in {one.task.id for _, one in found}
    }
    for path, result in found:
        if not shipped[result.task.id](result.model):
            continue
        for score in result.scores:
            of_model = values.setdefault((result.task.id, score.metric, result.model.name), {})
            if result.seed in of_model:
                name, seed = result.model.name, result.seed
                raise ResultError(f"{path}: expected one run of {name} with seed {seed}, got another; keep one")
            of_model[result.seed] = score.value
    return values


def changes(values: Mapping[int | None, float], without: Mapping[int | None, float]) -> list[float]:
    """What differs between two models, one number a seed that both have."""
    return [value - without[seed] for seed, value in values.items() if seed in without]


def differences(folder: Path, task: str | None = None) -> dict[Key, list[float]]:
    """By (task, metric, method): drift minus none, one number a seed; of one task or of all."""
    values = by_seed([one for one in collect([folder]) if task in (None, one[1].task.id)])
    methods = ((id, metric, model.removesuffix(WITH_DRIFT)) for id, metric, model in values)
    pairs = {key: changes(values.get((*key[:2], key[2] + WITH_DRIFT), {}), values.get(key, {})) for key in methods}
    found = {key: pairs[key] for key in sorted(pairs) if pairs[key]}
    if not found:
        of_task = "" if task is None else f" on {task}"
        raise ResultError(
            f"{folder}: expected results of a method with and without drift{of_task}, got no pair of one seed"
        )
    return found


def half_width(changes: Sequence[float]) -> float:
    """Half the 95 % t-interval of the mean change; infinite for one change."""
    if len(changes) < 2:
        return math.inf
    return tabled_t_quantile(len(changes) - 1) * statistics.stdev(changes) / math.sqrt(len(changes))


def change_cell(gaps: Sequence[float]) -> TextCell:
    """The mean change and its 95 % t-interval; strong where that leaves out zero."""
    if not gaps:
        return "-"
    mean, half = statistics.fmean(gaps), half_width(gaps)
    if math.isinf(half):
        return _signed(mean, decimals_for(abs(mean), mean))
    decimals = decimals_for(half, mean)
    text, interval = _signed(mean, decimals), f"[{fixed(mean - half, decimals)}, {fixed(mean + half, decimals)}]"
    return f"{text} {interval}" if abs(mean) <= half else Strong(text, interval)


def _signed(number: float, decimals: int) -> str:
    text = fixed(number, decimals)
    return f"+{text}" if float(text) > 0 else text


def line(key: Key, changes: list[float], metric_width: int) -> str:
    """One row: the mean change, its interval where there are seeds enough, and whether that holds zero."""
    mean = statistics.fmean(changes)
    start = f"{key[0]:34} {key[2]:20} {key[1]:{metric_width}} {mean:+10.4f}"
    if len(changes) < 2:
        return f"{start}  one seed"
    half = half_width(changes)
    verdict = "" if mean - half <= 0 <= mean + half else "  not zero"
    return f"{start}  [{mean - half:+.4f}, {mean + half:+.4f}]  n={len(changes)}{verdict}"


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
    for key, changes in table.items():
        print(line(key, changes, width))


if __name__ == "__main__":
    main()
