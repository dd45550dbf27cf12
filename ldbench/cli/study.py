"""The commands `ldbench study make` and `ldbench study score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ldbench.cli.comma_lists import parse_names
from ldbench.cli.options import Card
from ldbench.errors import UsageError

study = typer.Typer(name="study", no_args_is_help=True, help="Let people judge images: blinded pages and their scores.")


@study.command()
def make(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs of one task, each with its images.")],
    out: Annotated[Path, typer.Option(help="The page; its answer key is written beside it as NAME.key.json.")],
    questions: Annotated[
        str, typer.Option(help="real,older,disease,preference or some of them; empty: all that the task allows.")
    ] = "",
    per_question: Annotated[int, typer.Option(help="Trials a question, repeats and noise aside.")] = 20,
    repeats: Annotated[int, typer.Option(help="Trials of each question shown a second time.")] = 2,
    catch: Annotated[int, typer.Option(help="Trials with noise among those of `real`.")] = 2,
    seed: Annotated[int, typer.Option(help="Draws the cases and, with a secret salt, sides and order.")] = 0,
    title: Annotated[str, typer.Option(help="What readers see as the page's title.")] = "Reader study",
    consent: Annotated[
        Path | None, typer.Option(help="A text file shown before the start, instead of the page's own words.")
    ] = None,
    task: Card = None,
    salt: Annotated[str | None, typer.Option(help="The salt in a key, to write the same page again.")] = None,
) -> None:
    """Write one blinded HTML page from finished runs and real scans, and its answer key in a file of its own."""
    from ldbench.studies.readers.make import Design
    from ldbench.studies.readers.make import make as make_study
    from ldbench.studies.readers.page import CONSENT, Wording

    named = tuple(parse_names([questions], "--questions")) if questions else ()
    words = Wording(title, CONSENT if consent is None else _text(consent))
    made = make_study(runs, out, Design(named, per_question, repeats, catch, seed, salt), words, task)
    for line in made.lines():
        typer.echo(line)


@study.command()
def score(
    answers: Annotated[list[Path], typer.Argument(help="The files that readers saved, one a reader.")],
    key: Annotated[Path, typer.Option(help="The study's answer key.")],
    format_: Annotated[
        Literal["terminal", "markdown", "json"], typer.Option("--format", help="How to print.")
    ] = "terminal",
    out: Annotated[Path | None, typer.Option(help="Write here instead of printing.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the resamples of alpha's intervals.")] = 0,
) -> None:
    """Score readers' answers: accuracy, preference and agreement, with intervals."""
    from ldbench.studies.readers.display import render, write
    from ldbench.studies.readers.score import score as score_study

    found = score_study(answers, key, seed)
    if out is None:
        typer.echo(render(found, format_), nl=False)
    else:
        write(found, format_, out)
        typer.echo(str(out))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--consent: can't read {path} as UTF-8 text; expected a text file") from error
