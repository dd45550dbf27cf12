"""`ldbench host`: its first word is a command, or a task to publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import CardError, UnknownNameError
from tests.command_line import said

SLIPS = [("reveall", "reveal"), ("revael", "reveal"), ("chek", "check"), ("scores", "score")]


@pytest.mark.parametrize(("slip", "meant"), SLIPS)
def test_a_slip_in_a_command_is_no_task(slip: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"^unknown command of `ldbench host` '{slip}': did you mean {meant}\?"):
        said("host", slip, "package")


@pytest.mark.parametrize("words", [("host",), ("host", "publish")])
def test_a_task_after_host_is_published(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"can't read none\.toml"):
        said(*words, "none.toml", "--seed-file", tmp_path / "s.json", "--out", tmp_path / "out")
    with pytest.raises(UnknownNameError, match=r"^unknown task 'sandbox-brain-agin': did you mean sandbox-brain-aging"):
        said(*words, "sandbox-brain-agin", "--seed-file", tmp_path / "s.json", "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_help_shows_the_four_commands() -> None:
    assert all(command in said("host", "--help") for command in ("publish", "score", "reveal", "check"))
