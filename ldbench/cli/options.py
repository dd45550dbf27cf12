"""Options that several commands share, each spelt once: the same name, meaning and help everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ldbench.errors import UsageError
from ldbench.plugins.parameters import key_values
from ldbench.run.settings import Settings

RUNS = Path("runs")
INTERRUPTED = 130  # the exit code that a shell, and typer, give to Ctrl-C

Task = Annotated[str, typer.Argument(help="A task's id (`ldbench list tasks`) or a card's path.")]
Model = Annotated[str, typer.Argument(help="A generator: a name, path/to/file.py:Class or package.module:Class.")]
Models = Annotated[
    list[str], typer.Argument(help="Generators: a name, path/to/file.py:Class or package.module:Class each.")
]
Results = Annotated[
    list[Path] | None, typer.Argument(help="Result files, or folders that hold some.", show_default=str(RUNS))
]
_SEED = "Seed of the run; each case's noise, and a drawn prompt, come from it."
Seed = Annotated[int, typer.Option(help=_SEED)]
LoneSeed = Annotated[int | None, typer.Option(help=_SEED, show_default="0")]  # where --seeds stands beside it
_SEEDS = "Seeds, 0,2 or 0-4; may be repeated."
Seeds = Annotated[list[str] | None, typer.Option(help=_SEEDS, show_default="0")]
ThreeSeeds = Annotated[list[str] | None, typer.Option(help=_SEEDS, show_default="0-2")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
BatchSize = Annotated[int, typer.Option(help="Images generated at a time.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A generator parameter, key=value; may be repeated.")]
SetOfModels = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter, key=value for every model, MODEL:key=value for one.")
]
Out = Annotated[Path, typer.Option(help="Folder for what is made; an interrupted command goes on there.")]
Jobs = Annotated[int, typer.Option(help="Processes; 0 is one a core.")]
Card = Annotated[str | None, typer.Option(help="The card's path, where the run's task is not an installed one.")]
Parameter = Annotated[str, typer.Option(help="The parameter that takes the values in turn.")]
Values = Annotated[
    str, typer.Option(help="start:stop:step, stop included, or values with commas (; where one has commas) between.")
]
MeasuredOnly = Annotated[bool, typer.Option("--measured-only", help="Leave out published rows.")]
Only = Annotated[list[str] | None, typer.Option(help="Rows of these models alone, by commas or repeated.")]
Without = Annotated[list[str] | None, typer.Option(help="No rows of these models, by commas or repeated.")]
Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance", help="How much worse is fine beside the interval: 0.02 (of the value), or fid=2 (in its unit)."
    ),
]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Rows of the baseline may be gone.")]
JUnit = Annotated[Path | None, typer.Option(help="Write what the gate found as JUnit XML.")]
Summary = Annotated[Path | None, typer.Option(help="Write a Markdown summary, such as a CI job shows.")]


def results_or_runs(paths: Iterable[Path] | None) -> list[Path]:
    """The paths that were given or, with none, the folder where `ldbench run` writes; raises `UsageError`."""
    given = list(paths or ())
    if not given and not RUNS.exists():
        raise UsageError(
            f"expected result files or folders, got none, and no folder {RUNS} here, where `ldbench run` writes; name "
            "what to read"
        )
    return given or [RUNS]


@contextmanager
def live_settings(
    label: str, out: Path, seed: int, device: str, batch_size: int = Settings.batch_size,
    set_: list[str] | None = None,
) -> Iterator[Settings]:
    """The settings of a run from its options, with a bar of this label that shows how it goes; what is to be known
    besides is said in a line each that begins with the label."""
    from ldbench.run.progress import live_progress

    with live_progress(label) as progress:
        say = partial(say_on_error, label)
        yield Settings(out, seed, device, batch_size, key_values(set_ or []), progress, say)


def say_on_error(label: str, line: str) -> None:
    """On standard error: standard output holds results."""
    typer.echo(f"{label}: {line}", err=True)
