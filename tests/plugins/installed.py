"""A distribution with plug-ins as an installer leaves it, and a generator's source."""

from __future__ import annotations

from pathlib import Path

HEAD = """
from dataclasses import dataclass, field
from typing import ClassVar
from ldbench.api import Generator
"""
GOOD = (
    HEAD
    + """
@dataclass
class Grey(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    level: float = 0.5
    def generate(self, requests, context):
        raise NotImplementedError
"""
)


def install(
    site: Path, distribution: str, version: str, points: dict[str, str], group: str = "ldbench.generators"
) -> None:
    """What an installer leaves behind: metadata with entry points, in a folder on the path."""
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(lines) + "\n")
