"""The command `ldbench score`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import RUNS, Device, Out, Task, say_on_error
from ldbench.cli.run import show
from ldbench.errors import UsageError
from ldbench.records.names import one_line


def score(
    task: Task,
    folders: Annotated[
        list[Path],
        typer.Argument(help="One PNG or JPEG a case, named by the case's id; several folders are seeds of one row."),
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call the generator in tables.", show_default="the folder's name")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the result of this name and seed.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Seed of a lone folder's run.", show_default="the card's, in the folders' order")
    ] = None,
    device: Device = "auto",
    out: Out = RUNS,
) -> None:
    """Score images that were made elsewhere."""
    if name is None and len(folders) > 1:
        raise UsageError("--name: expected a name for the row of several folders, got none; say what to call it")
    from ldbench.records.argument_names import by_command
    from ldbench.run.progress import live_progress
    from ldbench.run.score_folder import folder_seeds
    from ldbench.run.task_runs import score_images

    shown = _folder_name(folders[0]) if name is None else name
    for folder, its_seed in zip(folders, folder_seeds(task, folders, seed), strict=True):
        label = f"{shown} on {task}" + (f", seed {its_seed}" if len(folders) > 1 else "")
        with live_progress(label) as progress:
            made = by_command(score_images)(
                task, folder, shown, seed=its_seed, out=out, replace=replace, device=device, progress=progress,
                say=partial(say_on_error, label),
            )
        show(made.scores, made.path)


def _folder_name(folder: Path) -> str:
    """What the folder is called, also where the path says `.` or `..`; a link is called by its own name."""
    return one_line((folder.resolve() if folder.name in ("", "..") else folder).name)
