"""`ldbench host`: its first word is a command, or a task to publish."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ldbench.cli.main import app
from ldbench.errors import UnknownNameError

SLIPS = [("reveall", "reveal"), ("revael", "reveal"), ("chek", "check"), ("scores", "score")]


@pytest.mark.parametrize(("slip", "meant"), SLIPS)
def test_a_slip_in_a_command_is_no_task(slip: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"^unknown command of `ldbench host` '{slip}': did you mean {meant}\?"):
        CliRunner().invoke(app, ["host", slip, "package"], catch_exceptions=False)


def test_any_other_word_is_a_task() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown task 'sandbox-brain-agin': did you mean sandbox-brain-aging"):
        CliRunner().invoke(app, ["host", "sandbox-brain-agin", "--seed-file", "f"], catch_exceptions=False)
