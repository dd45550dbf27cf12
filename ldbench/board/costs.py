"""What the rows of a board cost: seconds of training and of an image, and memory, by the device that they ran on.

Nothing is ranked by it: seconds of two machines, or of one that was busy, are no property of a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ldbench.records.identity import Found, row_key
from ldbench.records.result import Result, Stage

FIT, GENERATE = "fit", "generate"


@dataclass(frozen=True)
class RowCost:
    """Means over the runs of a row on one device.

    `fit_seconds` and `image_seconds` are of `fit_runs` and `image_runs` of the `runs`, those whose whole work was
    timed; None where that is none of them. Memory is the highest peak of the runs in MiB, of the device's own memory;
    None on a CPU, where a process's peak has all that it did before in it.
    """

    device: str
    runs: int
    fit_seconds: float | None
    fit_runs: int
    image_seconds: float | None
    image_runs: int
    fit_memory_mib: float | None
    generate_memory_mib: float | None


def costs_of_rows(results: Iterable[Found]) -> dict[str, list[RowCost]]:
    """By row key, a cost for each device that runs of the row were measured on, sorted by its name."""
    runs: dict[str, dict[str, list[Result]]] = {}
    for _, result in results:
        if result.environment is not None and not result.model.scored and _stages(result, GENERATE):
            runs.setdefault(row_key(result), {}).setdefault(result.environment.machine, []).append(result)
    return {
        row: [_cost(device, of_device) for device, of_device in sorted(by_device.items())]
        for row, by_device in runs.items()
    }


def _cost(device: str, results: Sequence[Result]) -> RowCost:
    fits = [stage.seconds for result in results for stage in _stages(result, FIT) if stage.whole]
    images = [
        stage.seconds / stage.images
        for result in results for stage in _stages(result, GENERATE) if stage.whole and stage.images
    ]
    on_cpu = results[0].environment is not None and results[0].environment.threads is not None
    memory = [None if on_cpu else _highest(results, stage) for stage in (FIT, GENERATE)]
    return RowCost(
        device, len(results), fmean(fits) if fits else None, len(fits), fmean(images) if images else None, len(images),
        *memory,
    )


def _stages(result: Result, name: str) -> list[Stage]:
    return [stage for stage in result.stages if stage.name == name]


def _highest(results: Iterable[Result], name: str) -> float | None:
    peaks = [stage.peak_memory_mib for result in results for stage in _stages(result, name)]
    return max((peak for peak in peaks if peak is not None), default=None)
