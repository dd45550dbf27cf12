"""The commands that study: `search`, `ablate`, `figure sweep`, `figure trajectory`, `figure edits`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.lists import parse_seeds
from ldbench.cli.options import BatchSize, Card, Device, Model, Out, Seed, Set, Task, ThreeSeeds, live_settings
from ldbench.errors import GeneratorError, UsageError

Parameter = Annotated[str, typer.Option(help="The parameter that takes the values in turn.")]
Values = Annotated[
    str, typer.Option(help="start:stop:step, stop included, or values with commas (; where one has commas) between.")
]

figure = typer.Typer(
    name="figure", no_args_is_help=True,
    help="Draw what a parameter does (paper, Figs. 2 and 3), or what a run edited (Figs. 6 to 8).",
)


def search(
    task: Task, model: Model, parameter: Parameter = "delta_sample", values: Values = "-0.2:0.2:0.05",
    distance: Annotated[
        str, typer.Option(help="channels, mean-image, latents or latent-mean; of edits also counterfactual (Eq. 5).")
    ] = "channels",
    images: Annotated[int, typer.Option(help="Images a value.")] = 100,
    outcome_weight: Annotated[float, typer.Option(help="Lambda of Eq. 5, for --distance counterfactual.")] = 1.0,
    set_: Set = None, seed: Seed = 0, device: Device = "auto", batch_size: BatchSize = 50,
    out: Out = Path("runs/search"),
) -> None:
    """Find the value of PARAMETER whose images lie nearest to the training images, or whose edits are best by Eq. 5.

    No test image is read.
    """
    from ldbench.studies.parameters.search import search as search_
    from ldbench.studies.parameters.tables import search_table

    with live_settings(f"{model} on {task}", out, seed, device, batch_size, set_) as settings:
        found = search_(
            task, model, parameter, values, settings, distance=distance, images=images, outcome_weight=outcome_weight
        )
    typer.echo(search_table(found), nl=False)


def ablate(
    task: Task, model: Model,
    parameter: Annotated[list[str], typer.Option(help="A parameter to vary; given twice, every pair is run.")],
    values: Annotated[list[str], typer.Option(help="The values of each --parameter, in the same order.")],
    seeds: ThreeSeeds = None,
    set_: Set = None, device: Device = "auto", batch_size: BatchSize = 50, out: Out = Path("runs/ablation"),
) -> None:
    """Run MODEL on TASK for every value (or pair of values) and seed, and put the scores side by side."""
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
    card: Card = None,
) -> None:
    """Draw source, result, truth and signed change of some of a run's cases (the paper's Figs. 6 to 8)."""
    from ldbench.run.sheets.edits_of_run import figure_of_run

    typer.echo(figure_of_run(folder, rows=rows, seed=seed, threshold=threshold, out=out, card_name=card))
