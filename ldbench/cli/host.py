"""The commands of a hosted task: `host publish` (also plain `host TASK`), `host score`, `host reveal`, `host check`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ldbench.cli.options import RUNS, Device, Jobs, Out, Task
from ldbench.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEAR = 0.7  # how alike a word is to a command that was meant, of 1
SeedFile = Annotated[Path, typer.Option("--seed-file", help="The host's secret, as `host publish` made it.")]
NewSeedFile = Annotated[
    Path, typer.Option("--seed-file", help="The host's secret; made, with a seed drawn, where there is none.")
]
Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="The folder that `host publish` wrote.")]


class _PublishingGroup(TyperGroup):
    """A first word that is no command is a task to publish; one that is near to a command, and no task, is a slip."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        if difflib.get_close_matches(args[0], self.commands, cutoff=_NEAR) and not _is_task(args[0]):
            remedy = "or name a task to publish (`ldbench list tasks`)"
            raise unknown_name("command of `ldbench host`", args[0], self.commands, remedy)
        return super().resolve_command(ctx, ["publish", *args])


def _is_task(name: str) -> bool:
    from ldbench.task import card

    return name in card.task_names()


host = typer.Typer(
    name="host", no_args_is_help=True, cls=_PublishingGroup,
    help="Keep a test set secret: `host TASK --seed-file F` gives out its cases; then score, reveal and check.",
)


@host.command()
def publish(
    task: Task, seed_file: NewSeedFile,
    out: Annotated[
        Path | None, typer.Option(help="The package for participants.", show_default="hosted/TASK")
    ] = None,
    jobs: Jobs = 0,
) -> None:
    """Render new test subjects of TASK, keep their truth, and write cases without it into a package."""
    from ldbench.records.names import plain
    from ldbench.run.hosting.publish import publish as publish_
    from ldbench.run.progress import live_progress

    with live_progress(f"host {task}") as progress:
        lines = publish_(task, seed_file, out or Path("hosted") / plain(task), processes=jobs, progress=progress)
    _say(lines)


@host.command()
def score(
    submissions: Annotated[
        list[Path], typer.Argument(metavar="SUBMISSION...", help="Archives of `ldbench submit`, or folders of runs.")
    ],
    seed_file: SeedFile, device: Device = "auto", out: Out = RUNS,
) -> None:
    """Score SUBMISSIONS on the truth; each becomes a finished run below --out."""
    from ldbench.cli.run import show
    from ldbench.run.hosting.score import score_submission
    from ldbench.run.progress import live_progress

    for submission in submissions:
        with live_progress(f"host score {submission.name}") as progress:
            result, path = score_submission(submission, seed_file, out, device=device, progress=progress)
        show(result.scores, path)


@host.command()
def reveal(package: Package, seed_file: SeedFile) -> None:
    """Put the seed and the truth into the published PACKAGE."""
    from ldbench.run.hosting.reveal import reveal as reveal_

    _say(reveal_(seed_file, package))


@host.command()
def check(package: Package, jobs: Jobs = 0) -> None:
    """Check a revealed PACKAGE against its host's commitments; exit code 1 where one does not hold."""
    from ldbench.run.hosting.reveal import check as check_
    from ldbench.run.progress import live_progress

    with live_progress(f"host check {package}") as progress:
        findings = check_(package, processes=jobs, progress=progress)
    _say([finding.line() for finding in findings])
    if not all(finding.holds for finding in findings):
        raise typer.Exit(1)


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)
