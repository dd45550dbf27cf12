"""A clinical card in small: as the installed one but for sizes, training, backbone and its networks' digests.

Random networks stand where the published ones would, so the card names them by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldbench.records.checksum import sha256_file
from ldbench.task.card_file import complete, installed_text


def write_small_card(base: str, folder: Path, networks: Mapping[str, Path], *, side: int, cases: int) -> Path:
    """Write the card of `cases` images of `side` px, all of them evaluated, and return its path.

    `networks` are weight files by the name that the installed card calls the network by. Classifiers learn one epoch,
    and lengths in pixels keep their proportion to the side.
    """
    table = complete(installed_text(base), base) | {"id": f"{base}-small"}
    scale = side / table["protocol"]["resolution"]
    table["protocol"] |= {"resolution": side, "backbone": "tiny-sd", "cases": cases, "evaluation_cases": cases}
    for name, metric in table["metrics"].items():
        if metric.get("extractor") in networks:
            metric["extractor"] += f"@sha256:{sha256_file(networks[metric['extractor']])[:12]}"
        metric |= {"cases": 2} if "cases" in metric else {}
        metric |= {"epochs": 1, "margin_epochs": 1} if name == "auc" else {}
        metric |= {"epochs": 1, "shift": round(metric["shift"] * scale)} if name == "labels_auc" else {}
        metric |= {"fewest": 1} if name in ("labels_auc", "judge_labels_auc") else {}
    if judge := table.get("judge"):
        judge |= {"epochs": 1, "shift": round(judge["shift"] * scale), "blur": judge["blur"] * scale}
    path = folder / f"{base}.toml"
    path.write_text(as_toml(table), encoding="utf-8")
    return path


def as_toml(table: Mapping[str, Any], name: str = "") -> str:
    """A table as TOML, its own values first."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    parts = ["\n".join(([f"[{name}]"] if name else []) + lines)]
    parts += [as_toml(value, f"{name}.{key}".strip(".")) for key, value in table.items() if isinstance(value, dict)]
    return "\n".join(parts) + "\n"
