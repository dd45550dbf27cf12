"""The command `ldbench submit`, which packs a run for `ldbench verify` elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def submit(
    folder: Annotated[Path, typer.Argument(metavar="RUN_FOLDER", help="The folder of a finished run, seed-N.")],
    out: Annotated[
        Path | None, typer.Option(help="The archive, FILE.zip.", show_default="named after the run, in this folder")
    ] = None,
) -> None:
    """Pack a finished run, result and images, into one archive that `ldbench verify` takes on another machine."""
    from ldbench.run.submission.pack import pack

    for line in pack(folder, out).lines():
        typer.echo(line)
