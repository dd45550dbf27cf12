"""The reverse process step by step: images, and how pixels and latents are distributed, the paper's Fig. 3.

At each step the images are decoded from the clean latent predicted there; the latents are z_t as they are. Refuses a
generator without `trajectory` (`ldbench.api.HasTrajectory`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.api import HasTrajectory
from ldbench.errors import UsageError
from ldbench.run.pipeline import Settings
from ldbench.studies.parameters.course import follow
from ldbench.studies.parameters.plots import draw_trajectory
from ldbench.studies.parameters.sweep import Drawn, chosen_cases
from ldbench.studies.parameters.values import Grid, grid
from ldbench.studies.parameters.workbench import workbench, write_record


def trajectory(
    task_name: str, model_name: str, settings: Settings, *, parameter: str | None = None, values: str | None = None,
    images: int = 16, own_prompts: Sequence[str] = (),
) -> Drawn:
    """Follow `images` cases, or `own_prompts`, through the reverse process, under each value of a parameter or as
    set; writes trajectory.png and trajectory.json (mean, sd and quantiles a channel, at every step).

    All images make one batch. Raises UsageError where the generator has no trajectory, and GeneratorError.
    """
    if (parameter is None) != (values is None):
        raise UsageError("--parameter and --values: expected both or neither")
    with workbench(task_name, model_name, settings) as bench:
        cls = bench.generator_class
        if not issubclass(cls, HasTrajectory):
            raise UsageError(f"{model_name} doesn't show its reverse process (it has no `trajectory`)")
        wanted = grid(cls, parameter, values, settings.overrides) if parameter and values else None
        cases = chosen_cases(bench, images, own_prompts)
        named: list[tuple[str, dict[str, str]]] = [("as set", {})]
        if wanted is not None:
            named = [(f"{wanted.parameter} = {text}", {wanted.parameter: text}) for text in wanted.texts]
        for _, extra in named:
            bench.ready(extra)
        requests = bench.requests(cases)
        courses = [follow(bench, label, extra, requests) for label, extra in named]
        question = {
            "compare": _compared(wanted), "cases": [[case.id, case.prompt] for case in cases],
        }
        folder = bench.outcome_folder("trajectory", question)
        drawn = Drawn(folder / "trajectory.json", folder / "trajectory.png")
        draw_trajectory(drawn.plot, courses, cases[0].prompt)
        record: dict[str, object] = {
            "cases": [{"id": case.id, "prompt": case.prompt} for case in cases], "compare": _compared(wanted),
            "settings": [{"label": course.label, "steps": list(course.steps)} for course in courses],
        }
        write_record(drawn.record, bench.record("trajectory") | record)
        return drawn


def _compared(wanted: Grid | None) -> dict[str, object] | None:
    return None if wanted is None else {"parameter": wanted.parameter, "values": list(wanted.values)}
