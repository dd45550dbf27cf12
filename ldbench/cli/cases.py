"""The command `ldbench cases`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import Seed, Task


def cases(
    task: Task,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Write here, not to the terminal; sources go beside it.")] = None,
) -> None:
    """Write the task's cases as JSON lines (id, prompt, attributes, source), for generating elsewhere."""
    from ldbench.run.cases import export_cases

    typer.echo(export_cases(task, out, seed), nl=False)
