"""The command `ldbench verify`, which recomputes a result from its images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import Card, Device


def verify(
    path: Annotated[Path, typer.Argument(metavar="RESULT", help="A result.json, a run's folder, or a submission.")],
    device: Device = "auto",
    task: Card = None,
    images: Annotated[
        Path | None, typer.Option(help="The images, where `ldbench score` took them from a folder elsewhere.")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Where all is equal, write the run's units.json if it has none.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder of runs for the result with the scores recomputed here, where they agree."),
    ] = None,
) -> None:
    """Recompute a result's scores from its images, hashes first; exit code 1 where they differ.

    With --device auto, a result from a CPU is recomputed on the CPU.
    """
    from ldbench.run.progress import live_progress
    from ldbench.run.verify import verify as verify_

    with live_progress(f"verify {path}") as progress:
        found = verify_(path, device=device, task=task, images=images, complete=complete, out=out, progress=progress)
    for line in found.lines():
        typer.echo(line)
    raise typer.Exit(found.exit_code)
