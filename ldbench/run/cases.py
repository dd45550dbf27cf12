"""A task's cases as a file, for those who generate elsewhere and come back with `ldbench score`.

Writes what a generator would be given and nothing more: the truth stays behind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ldbench.api import Case
from ldbench.data.images import write_image
from ldbench.data.task_data import task_data
from ldbench.records.files import write_text_atomic
from ldbench.records.run_folder import BACK, NULL
from ldbench.run.passes import WORDS
from ldbench.task import card


def export_cases(task_name: str, out: Path | None, seed: int) -> str:
    """The task's cases as JSON lines; with `out` they are written there, sources as PNGs in a folder beside it.

    The prompts are those of a run of this `seed`. An editing task's null edits follow, marked `"pass": "null"`, then
    its edits back, `"pass": "back"`: these edit the result of the case that `source_result` names, and so have no
    source here. Their images belong into folders of the pass's name, as `image` says.
    Returns what to print: the lines, or where they were written and where the images of each pass belong.
    """
    import torch

    data = task_data(card.load(task_name), seed)
    null, back = data.null_cases(), data.back_cases(defaultdict(lambda: torch.empty(0)))
    lines = [_line(case, {}) for case in data.cases]
    lines += [_line(case, {"source": f"sources/{_result(case, NULL)}.png", **_marks(case, NULL)}) for case in null]
    lines += [_line(case, {"source_result": _result(case, BACK), **_marks(case, BACK)}) for case in back]
    text = "\n".join(lines) + "\n"
    if out is None:
        return text
    for case in data.cases:
        if case.source is not None:
            (out.parent / "sources").mkdir(parents=True, exist_ok=True)
            write_image(case.source, out.parent / "sources" / f"{case.id}.png")
    write_text_atomic(out, text)
    said = [
        f"{len(data.cases)} cases of {data.task.id} in {out}: save each image as <id>.png in one folder",
        *_further(null, NULL), *_further(back, BACK),
    ]
    return "".join(f"{line}\n" for line in said)


def _further(cases: Sequence[Case], name: str) -> list[str]:
    """A line on the cases of a further pass, where there are any."""
    where = f'after them ("pass": "{name}"): save each in there as {name}/<id>.png'
    return [f"{len(cases)} {WORDS[name]} {where}"] if cases else []


def _result(case: Case, name: str) -> str:
    """The case that a case of a further pass belongs to."""
    return case.id.removesuffix(f".{name}")


def _marks(case: Case, name: str) -> dict[str, str]:
    return {"pass": name, "image": f"{name}/{case.id}.png"}


def _line(case: Case, marks: Mapping[str, str]) -> str:
    """One case as JSON."""
    row: dict[str, object] = {"id": case.id, "prompt": case.prompt, "attributes": dict(case.attributes)}
    if case.source_attributes is not None:
        row |= {"source_attributes": dict(case.source_attributes)}
        row |= {"source_prompt": case.source_prompt, "target_prompt": case.target_prompt}
        row |= marks or {"source": f"sources/{case.id}.png"}
    if case.edit is not None:
        row["edit"] = asdict(case.edit)
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
