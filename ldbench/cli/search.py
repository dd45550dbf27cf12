"""The command `ldbench search`: the value of a parameter whose images lie nearest to the training images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import BatchSize, Device, Model, Out, Parameter, Seed, Set, Task, Values, live_settings


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
