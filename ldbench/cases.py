"""A task's cases as a file, for those who generate elsewhere and come back with `ldbench score`.

Writes what a generator would be given and nothing more: the truth stays behind.
"""

from __future__ import annotations

import json
from pathlib import Path

from ldbench import card
from ldbench.data.images import write_image
from ldbench.data.task_data import task_data
from ldbench.result import write_text_atomic


def export_cases(task_name: str, out: Path | None, seed: int) -> str:
    """The task's cases as JSON lines; with `out` they are written there, sources as PNGs in a folder beside it.

    The prompts are those of a run of this `seed`.
    Returns what to print: the lines, or where they were written.
    """
    data = task_data(card.load(task_name), seed)
    lines = []
    for case in data.cases:
        row = {"id": case.id, "prompt": case.prompt, "attributes": dict(case.attributes)}
        if case.source is not None and case.source_attributes is not None:
            row |= {"source": f"sources/{case.id}.png", "source_attributes": dict(case.source_attributes)}
            if out is not None:
                (out.parent / "sources").mkdir(parents=True, exist_ok=True)
                write_image(case.source, out.parent / "sources" / f"{case.id}.png")
        lines.append(json.dumps(row, sort_keys=True, ensure_ascii=False))
    text = "\n".join(lines) + "\n"
    if out is None:
        return text
    write_text_atomic(out, text)
    return f"{len(lines)} cases of {data.task.id} in {out}\n"
