"""The registered rows by name, and those on a backbone, from the project's own entry points; presets as classes."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from ldbench_baselines.diffusion.generator import StableDiffusion

from ldbench.plugins.generators import check_class

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"
_POINTS = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]["ldbench.generators"]
REGISTERED = {name: check_class(EntryPoint(name, value, "").load(), name, name) for name, value in _POINTS.items()}
ROWS: dict[str, type[Any]] = {name: row for name, row in REGISTERED.items() if issubclass(row, StableDiffusion)}
