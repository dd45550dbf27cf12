"""The command `ldbench gauntlet`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import Device, Task

GAUNTLET = Path("gauntlet")


def gauntlet(
    task: Task,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="This metric alone, of the card or any other; may be repeated.", show_default="the card's"
        ),
    ] = None,
    failure: Annotated[
        list[str] | None, typer.Option(help="This failure alone; may be repeated.", show_default="all")
    ] = None,
    with_card: Annotated[
        bool, typer.Option("--with-card", help="The card's metrics beside those of --metric.")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="All metrics of the card, its trained ones too; these take minutes a set.")
    ] = False,
    cases: Annotated[
        int | None, typer.Option(help="At most so many images a set.", min=2, show_default="the card's")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the failures and of the metrics' draws.")] = 0,
    device: Device = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder for what is found; an interrupted gauntlet goes on there.")
    ] = GAUNTLET,
) -> None:
    """Put known failures through the metrics of TASK and say which of them each metric catches."""
    from ldbench.plugins.kinds import METRICS
    from ldbench.records.caches import FEATURES
    from ldbench.records.files import user_cache_folder, write_text_atomic
    from ldbench.run.environment import on_device, pick_device
    from ldbench.run.progress import live_progress
    from ldbench.score.set_inputs import ScoringContext
    from ldbench.studies.gauntlet.claims import contradictions
    from ldbench.studies.gauntlet.run import GauntletPlan, run_gauntlet
    from ldbench.studies.gauntlet.tables import markdown, terminal

    plan = GauntletPlan(task, metric or (), failure or (), seed, cases, all_, with_card)
    context = ScoringContext(pick_device(device), seed, user_cache_folder() / FEATURES)
    with on_device(context.device), live_progress(f"gauntlet on {task}") as progress:
        found, path = run_gauntlet(plan, out, context, progress)
    page = path.with_suffix(".md")
    write_text_atomic(page, markdown(found))
    denied = [line for name in metric or () for line in contradictions(METRICS.load(name), found)]
    typer.echo("\n".join([terminal(found), *denied, str(path), str(page)]))
