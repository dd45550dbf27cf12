"""The command `ldbench check`."""

from __future__ import annotations

from typing import Annotated

import typer

from ldbench.cli.options import Device, Model, Set
from ldbench.plugins.parameters import key_values


def check(
    model: Model,
    device: Device = "cpu",
    backbone: Annotated[
        str | None, typer.Option(help="Backbone for generators that need one; without, tiny-sd or the card's.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Try it on a small part of this card's data: an id, or a path ending in .toml.")
    ] = None,
    set_: Set = None,
) -> None:
    """Hold MODEL against the generator contract, clause by clause: what is expected, what was seen.

    Exit code 1 where a clause is broken.
    """
    from ldbench.plugins.generators import load_generator
    from ldbench.plugins.parameters import build
    from ldbench.records.argument_names import by_command
    from ldbench.testing import check_generator
    from ldbench.testing.finding import lines, summary

    generator = build(load_generator(model), key_values(set_ or []))
    chosen = backbone or (None if task else "tiny-sd")
    findings = by_command(check_generator)(generator, device=device, backbone=chosen, task=task)
    for finding in findings:
        typer.echo("\n".join(lines(finding)))
    typer.echo(summary(findings))
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)
