"""A run as the command line that goes on with it."""

from __future__ import annotations

from pathlib import Path

from ldbench.run.command_line import command_of
from ldbench.run.settings import Settings


def test_what_is_usual_is_not_said_and_all_else_is_quoted() -> None:
    assert command_of("t", "real", Settings(Path("runs"))) == "ldbench run t real --seed 0 --out runs"
    settings = Settings(Path("my runs"), 2, "cpu", 7, {"prompt": "a scan", "steps": "4"})
    assert command_of("a task.toml", "a.py:A", settings) == (
        "ldbench run 'a task.toml' a.py:A --seed 2 --out 'my runs' --device cpu --batch-size 7 "
        "--set 'prompt=a scan' --set steps=4"
    )
