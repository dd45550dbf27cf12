"""One prompt a row, one value a column, the same noise along a row: the paper's Fig. 2.

The prompts are those of the task's first cases, or those given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ldbench.api import Case
from ldbench.errors import UsageError
from ldbench.records.files import write_json
from ldbench.records.names import digest
from ldbench.run.settings import Settings
from ldbench.studies.parameters.plots import draw_sweep
from ldbench.studies.parameters.values import Grid
from ldbench.studies.parameters.workbench import AnswerFiles, Workbench, workbench

MOST_PROMPTS = 50


def sweep(
    task_name: str, model_name: str, parameter: str, values: str, settings: Settings, *,
    prompts: int = 4, own_prompts: Sequence[str] = (),
) -> AnswerFiles:
    """Draw `prompts` cases of the task, or `own_prompts`, under each value; writes sweep.png and sweep.json.

    The JSON holds the mean of each colour channel, image by image and over the images of a value. Raises UsageError.
    """
    with workbench(task_name, model_name, settings) as bench:
        grid = bench.grid(parameter, values)
        cases = chosen_cases(bench, prompts, own_prompts)
        columns = bench.images_of(grid, cases, "sweep")
        question = {"parameter": parameter, "values": grid.texts, "cases": [[case.id, case.prompt] for case in cases]}
        answer = bench.answer("sweep", f"-{parameter}", question)
        draw_sweep(answer.plot, columns, grid, [case.prompt for case in cases])
        write_json(answer.record, bench.record("sweep") | _record(grid, cases, columns))
        return answer


def chosen_cases(bench: Workbench, count: int, own_prompts: Sequence[str]) -> list[Case]:
    """The task's first cases, or one a given prompt, where prompts alone are what the task is of; UsageError."""
    if own_prompts:
        if bench.data.task.kind != "text-to-image":
            raise UsageError(f"--prompt: {bench.data.task.id} edits images, a prompt has no source; remove it")
        if len(own_prompts) > MOST_PROMPTS or len(set(own_prompts)) < len(own_prompts):
            raise UsageError(f"--prompt: expected at most {MOST_PROMPTS} different ones, got {len(own_prompts)}")
        return [Case(f"prompt-{digest(text, 12)}", text, {}) for text in own_prompts]
    most = min(MOST_PROMPTS, len(bench.data.cases))
    if not 1 <= count <= most:
        raise UsageError(f"--prompts: expected 1 to {most}, got {count}")
    return list(bench.data.cases[:count])


def _record(grid: Grid, cases: Sequence[Case], columns: Sequence[torch.Tensor]) -> dict[str, object]:
    return {
        "parameter": grid.parameter,
        "cases": [{"id": case.id, "prompt": case.prompt} for case in cases],
        "columns": [
            {
                "value": value, "text": text, "mean_rgb": _rounded(images.mean(dim=(0, 2, 3))),
                "images": {
                    case.id: _rounded(image.mean(dim=(1, 2))) for case, image in zip(cases, images, strict=True)
                },
            }
            for value, text, images in zip(grid.values, grid.texts, columns, strict=True)
        ],
    }


def _rounded(values: torch.Tensor) -> list[float]:
    return [round(float(value), 6) for value in values]
