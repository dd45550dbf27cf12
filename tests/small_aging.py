"""The aging card with few cases."""

from __future__ import annotations

from pathlib import Path

AGING = "sandbox-brain-aging"


def small_card(folder: Path) -> Path:
    """The aging card with eight cases, scored by PSNR alone."""
    path = folder / "small.toml"
    path.write_text(
        f'extends = "{AGING}"\nid = "small"\nversion = 1\ntitle = "small"\nsummary = "small"\n'
        "omit = [\"metrics\"]\n[protocol]\ncases = 8\nevaluation_cases = 8\n[metrics.psnr]\n", encoding="utf-8",
    )
    return path
