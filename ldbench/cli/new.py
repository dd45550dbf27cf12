"""The command `ldbench new generator NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

new = typer.Typer(name="new", no_args_is_help=True, callback=lambda: None, help="Begin something of your own.")


@new.command()
def generator(
    name: Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits and hyphens.")],
    kind: Annotated[str, typer.Option(help="text-to-image, aging or disease-counterfactual.")] = "text-to-image",
    out: Annotated[Path | None, typer.Option(help="New folder to write; NAME where none is given.")] = None,
) -> None:
    """Write a package with a small working generator, its test and a workflow; comments say what to replace."""
    from ldbench.plugins.scaffold.package import SANDBOX, write_package

    written = write_package(name, kind, out)
    for path in written:
        typer.echo(str(path))
    folder = written[0].parent
    typer.echo(f"next: pip install -e {folder}; ldbench check {name}; ldbench run {SANDBOX[kind]} {name}")
