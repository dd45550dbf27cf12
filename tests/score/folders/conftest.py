"""Volumes that are written once a file of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.volumes.small_volumes import balls


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("volumes")
    balls(root / "real", 0)
    balls(root / "generated", 1)
    return root
