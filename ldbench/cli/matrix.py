"""The command that does many runs: `matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldbench.cli.comma_lists import parse_names, parse_seeds
from ldbench.cli.options import INTERRUPTED, RUNS, BatchSize, Device, Out, Seeds, SetOfModels

if TYPE_CHECKING:
    from ldbench.run.matrix.display import Tally


def matrix(
    tasks: Annotated[list[str], typer.Argument(help="Tasks: an id (`ldbench list tasks`) or a card's path each.")],
    models: Annotated[list[str], typer.Option(help="Generators, as for `ldbench run`: a,b,c, or repeat the option.")],
    seeds: Seeds = None,
    set_: SetOfModels = None,
    out: Out = RUNS,
    device: Device = "auto",
    batch_size: BatchSize = 50,
    workers: Annotated[
        int | None, typer.Option(help="So many runs at a time on this machine, by Ray, which gives out GPUs itself.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="A running Ray cluster's address, or auto; --out must be a folder it shares.")
    ] = None,
    cpus_per_run: Annotated[
        int | None,
        typer.Option(help="CPUs and threads of a run.", show_default="the cores shared among --workers; 1 with --ray"),
    ] = None,
    gpus_per_run: Annotated[
        float | None,
        typer.Option(help="With Ray: GPUs of a run.", show_default="1 where Ray has any, unless --device cpu"),
    ] = None,
    retries: Annotated[
        int, typer.Option(help="With Ray: how often a run whose process died is started again; it goes on.")
    ] = 1,
) -> None:
    """Run every one of MODELS on every one of TASKS with every seed, one after the other or by Ray.

    Each run has a process of its own and the folder that `ldbench run` would give it. Exit code 1 if one failed.
    """
    from ldbench.run.matrix.conduct import conduct
    from ldbench.run.matrix.display import Tally
    from ldbench.run.matrix.plan import Matrix, plan
    from ldbench.run.matrix.ray_cluster import Cluster

    by_ray = workers is not None or ray is not None
    cluster = Cluster(workers, ray, cpus_per_run, gpus_per_run, retries) if by_ray else None
    wanted = Matrix(
        tasks, parse_names(models, "--models"), parse_seeds(seeds or ["0"]), out, set_ or [], device, batch_size,
        cpus_per_run, elsewhere=ray is not None,
    )  # fmt: skip
    tally = Tally(plan(wanted))
    try:
        conduct(tally, cluster)
    except KeyboardInterrupt as error:
        typer.echo(f"stopped; {tally.summary()}", err=True)
        raise typer.Exit(INTERRUPTED) from error
    _summarise(tally, out)


def _summarise(tally: Tally, out: Path) -> None:
    from ldbench.board.gather import read_boards
    from ldbench.report.write import report
    from ldbench.run.matrix.conduct import results

    typer.echo(tally.summary())
    if results(tally):
        typer.echo("\n" + report(read_boards(results(tally)), "terminal", None))
        typer.echo(f"the same, with what else lies there: ldbench report {out}")
    if any(outcome.status == "failed" for outcome in tally.outcomes.values()):
        raise typer.Exit(1)
