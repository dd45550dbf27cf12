"""What `ldbench report` refuses before it reads any result."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ldbench.cli.main import app
from ldbench.errors import UsageError


@pytest.mark.parametrize("form", ["html", "site"])
def test_pages_need_a_folder_and_results_are_not_read_without_one(form: str) -> None:
    with pytest.raises(UsageError, match=rf"--format {form}: expected a folder .* add --out FOLDER"):
        CliRunner().invoke(app, ["report", "no-such-results", "--format", form], catch_exceptions=False)
