"""A task's cases as a file, for those who generate elsewhere and come back with `ldbench score`.

Writes what a generator would be given and nothing more: the truth stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ldbench.api import Case
from ldbench.data.images import write_image
from ldbench.data.task_data import task_data
from ldbench.records.files import write_text_atomic
from ldbench.records.run_folder import NULL
from ldbench.task import card


def export_cases(task_name: str, out: Path | None, seed: int) -> str:
    """The task's cases as JSON lines; with `out` they are written there, sources as PNGs in a folder beside it.

    The prompts are those of a run of this `seed`. An editing task's null edits follow, marked `"pass": "null"`: their
    images belong into a folder `null`. Edits back start from results and so can't be listed.
    Returns what to print: the lines, or where they were written.
    """
    data = task_data(card.load(task_name), seed)
    lines = [_line(case, case.id, {}) for case in data.cases]
    lines += [_line(case, case.id.removesuffix(f".{NULL}"), {"pass": NULL}) for case in data.null_cases()]
    text = "\n".join(lines) + "\n"
    if out is None:
        return text
    for case in data.cases:
        if case.source is not None:
            (out.parent / "sources").mkdir(parents=True, exist_ok=True)
            write_image(case.source, out.parent / "sources" / f"{case.id}.png")
    write_text_atomic(out, text)
    return f"{len(lines)} cases of {data.task.id} in {out}\n"


def _line(case: Case, source: str, marks: Mapping[str, str]) -> str:
    """One case as JSON; `source` is the id of the scan that is edited."""
    row: dict[str, object] = {"id": case.id, "prompt": case.prompt, "attributes": dict(case.attributes), **marks}
    if case.source is not None and case.source_attributes is not None:
        row |= {"source": f"sources/{source}.png", "source_attributes": dict(case.source_attributes)}
        row |= {"source_prompt": case.source_prompt, "target_prompt": case.target_prompt}
    if case.edit is not None:
        row["edit"] = asdict(case.edit)
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
