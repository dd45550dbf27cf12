"""The command `ldbench score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import RUNS, Device, Out, Seed, Task, live_settings
from ldbench.cli.run import show
from ldbench.records.names import one_line


def score(
    task: Task,
    folder: Annotated[Path, typer.Argument(help="One PNG or JPEG a case, named by the case's id.")],
    name: Annotated[
        str | None, typer.Option(help="What to call the generator in tables.", show_default="the folder's name")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the result of this name and seed.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = RUNS,
) -> None:
    """Score images that were made elsewhere."""
    from ldbench.run.pipeline import score_folder

    shown = _folder_name(folder) if name is None else name
    with live_settings(f"{shown} on {task}", out, seed, device) as settings:
        result, path = score_folder(task, folder, shown, settings, replace=replace)
    show(result, path)


def _folder_name(folder: Path) -> str:
    """What the folder is called, also where the path says `.` or `..`; a link is called by its own name."""
    return one_line((folder.resolve() if folder.name in ("", "..") else folder).name)
