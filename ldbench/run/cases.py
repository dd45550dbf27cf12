"""A task's cases as a file, for those who generate elsewhere and come back with `ldbench score`.

Writes what a generator would be given and nothing more: the truth stays behind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from ldbench.api import Case
from ldbench.data.hosted import SOURCES
from ldbench.data.images import quantise, read_image, write_image
from ldbench.data.task_data import task_data
from ldbench.errors import ImageError, ResultError
from ldbench.records.files import json_of, write_text_atomic
from ldbench.records.own_files import check_own
from ldbench.records.run_folder import BACK, NULL
from ldbench.run.passes import WORDS
from ldbench.task import card

_KEYS = frozenset({"id", "prompt", "attributes"})  # of every line
_LONGEST_LINE = 1 << 20


def export_cases(task_name: str, out: Path | None, seed: int) -> str:
    """The task's cases as JSON lines; with `out` they are written there, sources as PNGs in a folder beside it.

    The prompts are those of a run of this `seed`. An editing task's null edits follow, marked `"pass": "null"`, then
    its edits back, `"pass": "back"`: these edit the result of the case that `source_result` names, and so have no
    source here. Their images belong into folders of the pass's name, as `image` says.
    Returns what to print: the lines, or where they were written and where the images of each pass belong. Raises
    `ResultError`, before anything is written, where that would replace or join files that aren't these cases'.
    """
    data = task_data(card.load(task_name), seed)
    null, back = data.null_cases(), data.back_cases(defaultdict(lambda: torch.empty(0)))
    lines = [_line(case, {}) for case in data.cases]
    lines += [_line(case, {"source": f"{SOURCES}/{_result(case, NULL)}.png", **_marks(case, NULL)}) for case in null]
    lines += [_line(case, {"source_result": _result(case, BACK), **_marks(case, BACK)}) for case in back]
    text = "\n".join(lines) + "\n"
    if out is None:
        return text
    folder = out.parent / SOURCES
    edited = {folder / f"{case.id}.png": case for case in data.cases if case.source_attributes is not None}
    _check_own(out, folder, edited, data.task.id)
    for path, case in edited.items():
        write_image(_source(case), path)
    write_text_atomic(out, text)
    beside = f", their {len(edited)} sources in {folder}" if edited else ""
    said = [
        f"{len(data.cases)} cases of {data.task.id} in {out}{beside}: save each image as <id>.png in one folder",
        *_further(null, NULL), *_further(back, BACK),
    ]
    return "".join(f"{line}\n" for line in said)


def _source(case: Case) -> torch.Tensor:
    """The image that is edited, read when asked for: all of them may not fit in memory."""
    source = case.source
    assert source is not None
    return source


def _further(cases: Sequence[Case], name: str) -> list[str]:
    """A line on the cases of a further pass, where there are any."""
    where = f'after them ("pass": "{name}"): save each in there as {name}/<id>.png'
    return [f"{len(cases)} {WORDS[name]} {where}"] if cases else []


def _result(case: Case, name: str) -> str:
    """The case that a case of a further pass belongs to."""
    return case.id.removesuffix(f".{name}")


def _marks(case: Case, name: str) -> dict[str, str]:
    return {"pass": name, "image": f"{name}/{case.id}.png"}


def _check_own(out: Path, folder: Path, edited: Mapping[Path, Case], task_id: str) -> None:
    """Raise `ResultError` where `out` is there and lists no cases, or the sources' folder holds others than these."""
    check_own([out], _lists_cases, "ldbench cases")
    there = [path for path in folder.iterdir() if path.name[0] != "."] if edited and folder.is_dir() else []
    others = [path for path in there if path not in edited or not _shows(path, _source(edited[path]))]
    if others:
        raise ResultError(
            f"{min(others)}: expected in {folder} the sources of {task_id} alone, got another file; move {folder}, or "
            "choose an --out in another folder"
        )


def _lists_cases(path: Path) -> bool:
    """Whether a file begins as one of `export_cases` does."""
    with path.open("rb") as file:
        first = file.readline(_LONGEST_LINE)
    try:
        row = json_of(first)
    except ValueError:
        return False
    return isinstance(row, dict) and row.keys() >= _KEYS


def _shows(path: Path, image: torch.Tensor) -> bool:
    """Whether a file has the pixels of the image."""
    height, width = image.shape[-2:]
    try:
        return torch.equal(quantise(read_image(path, size=(height, width))), quantise(image))
    except ImageError:
        return False


def _line(case: Case, marks: Mapping[str, str]) -> str:
    """One case as JSON."""
    row: dict[str, object] = {"id": case.id, "prompt": case.prompt, "attributes": dict(case.attributes)}
    if case.source_attributes is not None:
        row |= {"source_attributes": dict(case.source_attributes)}
        row |= {"source_prompt": case.source_prompt, "target_prompt": case.target_prompt}
        row |= marks or {"source": f"{SOURCES}/{case.id}.png"}
    if case.edit is not None:
        row["edit"] = asdict(case.edit)
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
