"""The command `ldbench score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import RUNS, Device, Out, Seed, Task, live_settings
from ldbench.cli.run import show


def score(
    task: Task,
    folder: Annotated[Path, typer.Argument(help="One PNG or JPEG a case, named by the case's id.")],
    name: Annotated[str, typer.Option(help="What to call the generator in tables.")] = "images",
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = RUNS,
) -> None:
    """Score images that were made elsewhere."""
    from ldbench.run.pipeline import score_folder

    with live_settings(f"{name} on {task}", out, seed, device) as settings:
        result, path = score_folder(task, folder, name, settings)
    show(result, path)
