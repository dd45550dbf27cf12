"""The command `ldbench check`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ldbench.cli.options import Device, Set
from ldbench.errors import UsageError
from ldbench.plugins.parameters import key_values

if TYPE_CHECKING:
    from ldbench.testing import Finding

_NAMED = "Check this {} instead: a name, path/to/file.py:NAME or package.module:NAME."


def check(
    model: Annotated[
        str | None, typer.Argument(help="A generator: a name, path/to/file.py:Class or package.module:Class.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help=_NAMED.format("metric"))] = None,
    network: Annotated[str | None, typer.Option(help=_NAMED.format("feature network"))] = None,
    estimator: Annotated[str | None, typer.Option(help=_NAMED.format("estimator"))] = None,
    device: Device = "cpu",
    backbone: Annotated[
        str | None, typer.Option(help="Backbone for generators that need one; without, tiny-sd or the card's.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Try it on a small part of this card's data: an id, or a path ending in .toml.")
    ] = None,
    set_: Set = None,
) -> None:
    """Hold a plug-in against its contract, clause by clause: what was seen and, of a broken one, the remedy.

    MODEL is a generator; --metric, --network or --estimator names another kind. Exit code 1 where a clause is broken.
    """
    from ldbench.records.argument_names import by_command
    from ldbench.testing import check_estimator, check_metric, check_network

    named = {"metric": metric, "network": network, "estimator": estimator}
    given = [f"--{kind}" for kind, name in named.items() if name is not None] + ([] if model is None else ["MODEL"])
    if len(given) != 1:
        raise UsageError(
            f"check: expected one of MODEL, --metric, --network and --estimator, got {' and '.join(given) or 'none'}; "
            "name one plug-in"
        )
    if model is not None:
        return _show(_of_generator(model, device, backbone, task, set_))
    for option, value in (("--backbone", backbone), ("--set", set_)):
        if value:
            raise UsageError(f"{option}: expected beside MODEL alone, got it beside {given[0]}; leave it out")
    kit: dict[str, Callable[..., list[Finding]]] = {
        "metric": check_metric, "network": check_network, "estimator": check_estimator
    }  # fmt: skip
    [(kind, name)] = [(kind, name) for kind, name in named.items() if name is not None]
    return _show(by_command(kit[kind])(name, device=device, task=task))


def _of_generator(
    model: str, device: str, backbone: str | None, task: str | None, set_: list[str] | None
) -> list[Finding]:
    from ldbench.plugins.generators import load_generator
    from ldbench.plugins.parameters import build
    from ldbench.records.argument_names import by_command
    from ldbench.testing import check_generator

    generator = build(load_generator(model), key_values(set_ or []))
    chosen = backbone or (None if task else "tiny-sd")
    return by_command(check_generator)(generator, device=device, backbone=chosen, task=task)


def _show(findings: Sequence[Finding]) -> None:
    from ldbench.testing.finding import lines, summary

    for finding in findings:
        typer.echo("\n".join(lines(finding)))
    typer.echo(summary(findings))
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)
