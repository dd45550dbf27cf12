"""The command `ldbench collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ldbench.errors import LdbenchError


def collect(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders that runs were written below.")],
    out: Annotated[Path, typer.Option(help="The folder that gets every run once; what lies there stays.")],
    images: Annotated[
        Literal["link", "copy"] | None,
        typer.Option(help="Also take images and manifests: hard links, or copies.", show_default="results alone"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
) -> None:
    """Bring the finished runs of several machines' folders into one.

    Equal results count once. A run with two answers, and a damaged one, isn't taken: one line says why, exit code 2.
    """
    from ldbench.run.collect import merge

    planned = merge.plan(folders, out, images)
    if not dry_run:
        merge.collect(planned, images)
    for transfer in planned.transfers:
        did = "collected" if transfer.new else "completed"
        typer.echo(f"{did}  {transfer.target}  from {transfer.source.folder.path}")
    for line in planned.skipped:
        typer.echo(f"skipped    {line}", err=True)
    for line in planned.problems:
        typer.echo(f"error: {line}", err=True)
    typer.echo(planned.summary(out) + ("; nothing was written" if dry_run else ""))
    if planned.problems:
        raise typer.Exit(LdbenchError.exit_code)
