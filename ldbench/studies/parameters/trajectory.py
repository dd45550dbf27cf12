"""The reverse process step by step: images, and how pixels and latents are distributed, the paper's Fig. 3.

At each step the images are decoded from the clean latent predicted there; the latents are z_t as they are. The
generator must have `trajectory` (`ldbench.api.HasTrajectory`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.api import HasTrajectory
from ldbench.errors import UsageError
from ldbench.records.files import write_json
from ldbench.run.settings import Settings
from ldbench.studies.parameters.course import follow
from ldbench.studies.parameters.plots import draw_trajectory
from ldbench.studies.parameters.sweep import chosen_cases
from ldbench.studies.parameters.values import Grid
from ldbench.studies.parameters.workbench import AnswerFiles, workbench


def trajectory(
    task_name: str, model_name: str, settings: Settings, *, parameter: str | None = None, values: str | None = None,
    images: int = 16, own_prompts: Sequence[str] = (),
) -> AnswerFiles:
    """Follow `images` cases, or `own_prompts`, through the reverse process, under each value of a parameter or as
    set; writes trajectory.png and trajectory.json (mean, sd and quantiles a channel, at every step).

    All images make one batch. Raises UsageError where the generator has no trajectory, and GeneratorError.
    """
    if (parameter is None) != (values is None):
        raise UsageError("--parameter and --values: expected both or neither")
    with workbench(task_name, model_name, settings) as bench:
        if not issubclass(bench.generator_class, HasTrajectory):
            raise UsageError(f"{model_name} doesn't show its reverse process (it has no `trajectory`)")
        grid = bench.grid(parameter, values) if parameter and values else None
        cases = chosen_cases(bench, images, own_prompts)
        named: list[tuple[str, dict[str, str]]] = [("as set", {})]
        if grid is not None:
            named = [(f"{grid.parameter} = {text}", {grid.parameter: text}) for text in grid.texts]
        requests = bench.requests(cases)
        courses = [follow(bench, label, extra, requests) for label, extra in named]
        question = {"compare": _compared(grid), "cases": [[case.id, case.prompt] for case in cases]}
        answer = bench.answer("trajectory", "", question)
        draw_trajectory(answer.plot, courses, cases[0].prompt)
        record: dict[str, object] = {
            "cases": [{"id": case.id, "prompt": case.prompt} for case in cases], "compare": _compared(grid),
            "settings": [{"label": course.label, "steps": list(course.steps)} for course in courses],
        }
        write_json(answer.record, bench.record("trajectory") | record)
        return answer


def _compared(grid: Grid | None) -> dict[str, object] | None:
    return None if grid is None else {"parameter": grid.parameter, "values": list(grid.values)}
