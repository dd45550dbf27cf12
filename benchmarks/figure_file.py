"""The figures of one benchmark as a JSON file, from which benchmarks/gpu_day.py writes its table.

Imports nothing of the suite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_figures(path: Path | None, settings: str, rows: Sequence[Mapping[str, str | float]]) -> None:
    """Write what was measured: `settings` in words, and rows of figures by the name of their column; no path, no
    file."""
    if path is not None:
        path.write_text(json.dumps({"settings": settings, "rows": [dict(row) for row in rows]}) + "\n", "utf-8")
