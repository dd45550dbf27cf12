"""The commands `ldbench new generator NAME`, and the same for a metric, a feature network and an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

new = typer.Typer(name="new", no_args_is_help=True, help="Begin something of your own.")

Name = Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits and hyphens.")]
RecordName = Annotated[
    str, typer.Argument(help="What to call it: lower-case letters, digits, hyphens, underscores.")
]
Out = Annotated[Path | None, typer.Option(help="New folder to write; NAME where none is given.")]


@new.command()
def generator(
    name: Name,
    kind: Annotated[str, typer.Option(help="text-to-image, aging or disease-counterfactual.")] = "text-to-image",
    out: Out = None,
) -> None:
    """Write a package with a small working generator, its test and a workflow; comments say what to replace."""
    from ldbench.plugins.scaffold.package import SANDBOX, write_package

    _show(write_package(name, kind, out), f"ldbench check {name}", f"ldbench run {SANDBOX[kind]} {name}")


@new.command()
def metric(name: RecordName, out: Out = None) -> None:
    """Write a package with a small working metric, its test and a workflow; comments say what to replace."""
    _record(name, "metric", out, f"ldbench measure REAL GENERATED --metric {name}")


@new.command()
def network(name: RecordName, out: Out = None) -> None:
    """Write a package with a small working feature network, its test and a workflow; comments say what to replace."""
    _record(name, "network", out, f"ldbench measure REAL GENERATED --metric fid --network {name}")


@new.command()
def estimator(name: RecordName, out: Out = None) -> None:
    """Write a package with a small working estimator, its test and a workflow; comments say what to replace."""
    _record(name, "estimator", out)


def _record(name: str, noun: str, out: Path | None, *following: str) -> None:
    from ldbench.plugins.scaffold.package import write_record_package

    _show(write_record_package(name, noun, out), f"ldbench check --{noun} {name}", *following)


def _show(written: Sequence[Path], *following: str) -> None:
    for path in written:
        typer.echo(str(path))
    typer.echo("; ".join([f"next: pip install -e {written[0].parent}", *following]))
