"""`ldbench host`: its first word is a command, or a task to publish."""

from __future__ import annotations

import pytest

from ldbench.errors import UnknownNameError
from tests.command_line import raising

SLIPS = [("reveall", "reveal"), ("revael", "reveal"), ("chek", "check"), ("scores", "score")]


@pytest.mark.parametrize(("slip", "meant"), SLIPS)
def test_a_slip_in_a_command_is_no_task(slip: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"^unknown command of `ldbench host` '{slip}': did you mean {meant}\?"):
        raising("host", slip, "package")


def test_any_other_word_is_a_task() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown task 'sandbox-brain-agin': did you mean sandbox-brain-aging"):
        raising("host", "sandbox-brain-agin", "--seed-file", "f")
