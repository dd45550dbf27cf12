"""The command `ldbench ablate`: a run for every value of a parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.comma_lists import parse_seeds
from ldbench.cli.options import BatchSize, Device, Model, Out, Set, Task, ThreeSeeds, live_settings
from ldbench.errors import GeneratorError, UsageError


def ablate(
    task: Task, model: Model,
    parameter: Annotated[list[str], typer.Option(help="A parameter to vary; given twice, every pair is run.")],
    values: Annotated[list[str], typer.Option(help="The values of each --parameter, in the same order.")],
    seeds: ThreeSeeds = None,
    set_: Set = None, device: Device = "auto", batch_size: BatchSize = 50, out: Out = Path("runs/ablation"),
) -> None:
    """Run MODEL on TASK for every value (or pair of values) and seed, and put the scores side by side.

    Boards of a folder above leave these runs out: `ldbench report runs/ablation` reads them.
    """
    from ldbench.run.processes import is_first_process
    from ldbench.studies.parameters.ablation import ablate as ablate_
    from ldbench.studies.parameters.ablation_files import ablation_table, write_ablation

    if len(parameter) != len(values):
        raise UsageError(f"--values: expected one for each --parameter, got {len(values)} for {len(parameter)}")
    pairs = list(zip(parameter, values, strict=True))
    with live_settings(f"{model} on {task}", out, 0, device, batch_size, set_) as settings:
        answer = ablate_(task, model, pairs, parse_seeds(seeds or ["0-2"]), settings)
    if not is_first_process():
        return
    paths = write_ablation(answer)
    typer.echo(ablation_table(answer) + "\n".join(map(str, paths)))
    if answer.failures:
        runs = "1 run" if len(answer.failures) == 1 else f"{len(answer.failures)} runs"
        raise GeneratorError(f"{runs} failed: {answer.failures[0]}")
