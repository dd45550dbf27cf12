"""The command line: options in, one call, lines out. No logic of its own.

Imports nothing heavy before a command needs it, so `--help` and `list` answer at once. An `LdbenchError` becomes one
line on standard error and exit code 2.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldbench import (
    __version__,
    cli_analysis,
    cli_compare,
    cli_data,
    cli_leaderboard,
    cli_matrix,
    cli_new,
    cli_report,
    cli_study,
    cli_verify,
)
from ldbench.errors import LdbenchError
from ldbench.plugins.parameters import key_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ldbench.records.result import Result
    from ldbench.run.pipeline import Settings

_INTERRUPTED = 130  # the exit code that a shell, and typer, give to Ctrl-C

app = typer.Typer(
    name="ldbench", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Benchmark generators of medical images and counterfactuals.",
)


class Catalogue(StrEnum):
    """What `ldbench list` can list."""

    tasks = "tasks"
    models = "models"
    metrics = "metrics"


Seed = Annotated[int, typer.Option(help="Seed of the run; every case's noise is derived from it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A generator parameter, key=value; may be repeated.")]
Out = Annotated[Path, typer.Option(help="Folder for results; an interrupted run goes on there.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ldbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmark generators of medical images and counterfactuals."""


@app.command()
def run(
    task: Annotated[str, typer.Argument(help="A task's id (`ldbench list tasks`) or a card's path.")],
    models: Annotated[
        list[str], typer.Argument(help="Generators: a name, path/to/file.py:Class or package.module:Class each.")
    ],
    seed: Seed = 0,
    device: Device = "auto",
    batch_size: Annotated[int, typer.Option(help="Images generated at a time.")] = 50,
    set_: Set = None,
    out: Out = Path("runs"),
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what a run would need and what is missing; exit code 2 if anything.")
    ] = False,
) -> None:
    """Fit each of MODELS on TASK, generate its cases, score them, write one result a model."""
    if not dry:
        _ready(task, models, key_values(set_ or []))
    from ldbench.run.pipeline import Settings
    from ldbench.run.pipeline import run as run_task
    from ldbench.run.processes import is_first_process
    from ldbench.run.progress import live_progress

    if dry:
        _dry_run(task, models, Settings(out, seed, device, batch_size, key_values(set_ or [])))
        return
    for model in models:
        with live_progress(f"{model} on {task}") as progress:
            settings = Settings(out, seed, device, batch_size, key_values(set_ or []), progress)
            result, path = run_task(task, model, settings)
        if is_first_process():
            _show(result, path)


@app.command()
def score(
    task: Annotated[str, typer.Argument(help="A task's id or a card's path.")],
    folder: Annotated[Path, typer.Argument(help="One PNG or JPEG a case, named by the case's id.")],
    name: Annotated[str, typer.Option(help="What to call the generator in tables.")] = "images",
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = Path("runs"),
) -> None:
    """Score images that were made elsewhere."""
    from ldbench.run.pipeline import Settings, score_folder
    from ldbench.run.progress import live_progress

    with live_progress(f"{name} on {task}") as progress:
        result, path = score_folder(task, folder, name, Settings(out, seed, device, progress=progress))
    _show(result, path)


@app.command()
def cases(
    task: Annotated[str, typer.Argument(help="A task's id or a card's path.")],
    seed: Annotated[int, typer.Option(help="Seed of the run; the diverse style draws each prompt from it.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write here, not to the terminal; sources go beside it.")] = None,
) -> None:
    """Write the task's cases as JSON lines (id, prompt, attributes, source), for generating elsewhere."""
    from ldbench.run.cases import export_cases

    typer.echo(export_cases(task, out, seed), nl=False)


for _part in (
    cli_report, cli_compare, cli_analysis, cli_matrix, cli_data, cli_new, cli_verify, cli_leaderboard, cli_study,
):
    _part.register(app)


@app.command("list")
def list_(what: Annotated[Catalogue, typer.Argument(help="What to list.")]) -> None:
    """List the installed tasks, models or metrics."""
    for line in _LISTS[what]():
        typer.echo(line)


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="A generator's name, path/to/file.py:Class or package.module:Class.")],
    device: Device = "cpu",
    backbone: Annotated[str, typer.Option(help="Backbone for generators that need one.")] = "tiny-sd",
    set_: Set = None,
) -> None:
    """Hold MODEL against the generator contract, clause by clause: what is expected, what was seen."""
    from ldbench.plugins.parameters import build
    from ldbench.plugins.registry import load_generator
    from ldbench.testing import check_generator
    from ldbench.testing.printed import lines, summary

    generator = build(load_generator(model), key_values(set_ or []))
    findings = check_generator(generator, device=device, backbone=backbone)
    for finding in findings:
        typer.echo("\n".join(lines(finding)))
    typer.echo(summary(findings))
    if not all(finding.passed for finding in findings):
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2, nothing more."""
    import sys

    try:
        app()
    except LdbenchError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            typer.echo("interrupted; a run goes on from here when the same command is given again", err=True)
        raise


def _ready(task: str, models: Sequence[str], overrides: Mapping[str, str]) -> None:
    """Refuse wrong names before anything heavy is imported, and any model that can't run before the first one runs."""
    from ldbench.plugins.registry import load_generator
    from ldbench.task import card

    chosen = card.load(task)
    for model in models:
        load_generator(model)
    from ldbench.run.pipeline import ready

    for model in models:
        ready(chosen, model, overrides)


def _dry_run(task: str, models: Sequence[str], settings: Settings) -> None:
    """Print what runs would need; exit code 2 where anything is missing."""
    from ldbench.run.dry_run import dry_run

    wanted = [dry_run(task, model, settings) for model in models]
    for each in wanted:
        typer.echo("\n".join([*each.found, *(f"missing: {line}" for line in each.missing)]))
    if any(each.missing for each in wanted):
        raise typer.Exit(2)


def _show(result: Result, path: Path) -> None:
    widest = max((len(score_.metric) for score_ in result.scores), default=0)
    for score_ in result.scores:
        interval, name = f"[{score_.ci_low:.4g}, {score_.ci_high:.4g}]", f"{score_.metric:{widest}}"
        typer.echo(f"{name} {score_.value:10.4g}  {interval}  n={score_.n}  {score_.extractor or ''}".rstrip())
    typer.echo(str(path))


def _tasks() -> list[str]:
    from ldbench.task import card

    tasks = [card.load(name) for name in card.task_names()]
    return [f"{task.id:35} {task.kind:22} {task.title}" for task in tasks]


def _models() -> list[str]:
    from ldbench.plugins.registry import model_names

    return [f"{entry.name:24} {entry.distribution} {entry.version}" for entry in model_names()]


def _metrics() -> list[str]:
    from ldbench.score.metrics.catalogue import METRICS

    return [f"{entry.name:14} {entry.direction:8} {entry.summary}" for entry in METRICS]


_LISTS: dict[Catalogue, Callable[[], list[str]]] = {
    Catalogue.tasks: _tasks, Catalogue.models: _models, Catalogue.metrics: _metrics,
}
