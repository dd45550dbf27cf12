"""Options that several commands share, each spelt once: the same name and meaning everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Task = Annotated[str, typer.Argument(help="A task's id (`ldbench list tasks`) or a card's path.")]
Model = Annotated[str, typer.Argument(help="A generator: a name, path/to/file.py:Class or package.module:Class.")]
Models = Annotated[
    list[str], typer.Argument(help="Generators: a name, path/to/file.py:Class or package.module:Class each.")
]
Results = Annotated[
    list[Path] | None,
    typer.Argument(help="Result files, or folders that hold some.  [default: runs]", show_default=False),
]
Seed = Annotated[int, typer.Option(help="Seed of the run; every case's noise is derived from it.")]
Seeds = Annotated[
    list[str] | None, typer.Option(help="0,1,2 or 0-4, or repeat the option.  [default: 0]", show_default=False)
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
BatchSize = Annotated[int, typer.Option(help="Images generated at a time.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A generator parameter, key=value; may be repeated.")]
Out = Annotated[Path, typer.Option(help="Folder for what is made; an interrupted command goes on there.")]
MeasuredOnly = Annotated[bool, typer.Option("--measured-only", help="Leave out published rows.")]
