"""The commands `ldbench figure`: `sweep`, `trajectory` and `edits`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import BatchSize, Card, Device, Model, Out, Parameter, Seed, Set, Task, Values, live_settings

figure = typer.Typer(
    name="figure", no_args_is_help=True,
    help="Draw what a parameter does (paper, Figs. 2 and 3), or what a run edited (Figs. 6 to 8).",
)


@figure.command()
def sweep(
    task: Task, model: Model, parameter: Parameter = "delta_sample", values: Values = "-0.1:0.1:0.05",
    prompts: Annotated[int, typer.Option(help="How many of the task's cases to draw.")] = 4,
    prompt: Annotated[list[str] | None, typer.Option(help="A prompt of your own instead; may be repeated.")] = None,
    set_: Set = None, seed: Seed = 0, device: Device = "auto", batch_size: BatchSize = 50,
    out: Out = Path("runs/figures"),
) -> None:
    """Draw a row a prompt and a column a value, with the same noise along a row (the paper's Fig. 2)."""
    from ldbench.studies.parameters.sweep import sweep as sweep_

    with live_settings(f"{model} on {task}", out, seed, device, batch_size, set_) as settings:
        drawn = sweep_(task, model, parameter, values, settings, prompts=prompts, own_prompts=prompt or ())
    typer.echo(f"{drawn.record}\n{drawn.plot}")


@figure.command()
def trajectory(
    task: Task, model: Model,
    parameter: Annotated[str | None, typer.Option(help="A parameter to compare values of.")] = None,
    values: Annotated[str | None, typer.Option(help="Its values, as for `figure sweep`.")] = None,
    images: Annotated[int, typer.Option(help="Cases followed; the first is drawn, all are in the distributions.")] = 16,
    prompt: Annotated[list[str] | None, typer.Option(help="A prompt of your own instead; may be repeated.")] = None,
    set_: Set = None, seed: Seed = 0, device: Device = "auto", out: Out = Path("runs/figures"),
) -> None:
    """Draw images and the distributions of pixels and latents along the reverse process (the paper's Fig. 3)."""
    from ldbench.studies.parameters.trajectory import trajectory as trajectory_

    with live_settings(f"{model} on {task}", out, seed, device, set_=set_) as settings:
        drawn = trajectory_(
            task, model, settings, parameter=parameter, values=values, images=images, own_prompts=prompt or ()
        )
    typer.echo(f"{drawn.record}\n{drawn.plot}")


@figure.command()
def edits(
    folder: Annotated[Path, typer.Argument(help="A finished run of an editing task: result.json and images/.")],
    rows: Annotated[int, typer.Option(help="Cases shown, the same number of each target class.")] = 8,
    seed: Annotated[int | None, typer.Option(help="Draws the cases; the run's own seed where none is given.")] = None,
    threshold: Annotated[float, typer.Option(help="Smaller changes stay white; a part of the range.")] = 0.1,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; edits.png in FOLDER where none is given.")] = None,
    task: Card = None,
) -> None:
    """Draw source, result, truth and signed change of some of a run's cases (the paper's Figs. 6 to 8)."""
    from ldbench.run.sheets.edits_of_run import figure_of_run

    typer.echo(figure_of_run(folder, rows=rows, seed=seed, threshold=threshold, out=out, card_name=task))
