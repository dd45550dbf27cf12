"""A task's cases as a file, for those who generate elsewhere and come back with `ldbench score`.

Writes what a generator would be given and nothing more: the truth stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from ldbench.api import Case
from ldbench.data.hosted import SOURCES
from ldbench.data.images import quantise, read_image, write_image
from ldbench.data.task_data import task_data
from ldbench.errors import ImageError, ResultError
from ldbench.records.files import json_of, write_text_atomic
from ldbench.records.run_folder import NULL
from ldbench.task import card

_KEYS = frozenset({"id", "prompt", "attributes"})  # of every line
_LONGEST_LINE = 1 << 20


def export_cases(task_name: str, out: Path | None, seed: int) -> str:
    """The task's cases as JSON lines; with `out` they are written there, sources as PNGs in a folder beside it.

    The prompts are those of a run of this `seed`. An editing task's null edits follow, marked `"pass": "null"`: their
    images belong into a folder `null`. Edits back start from results and so can't be listed.
    Returns what to print: the lines, or where they were written. Raises `ResultError`, before anything is written,
    where that would replace or join files that aren't these cases'.
    """
    data = task_data(card.load(task_name), seed)
    lines = [_line(case, case.id, {}) for case in data.cases]
    lines += [_line(case, case.id.removesuffix(f".{NULL}"), {"pass": NULL}) for case in data.null_cases()]
    text = "\n".join(lines) + "\n"
    if out is None:
        return text
    folder = out.parent / SOURCES
    sources = {folder / f"{case.id}.png": case.source for case in data.cases if case.source is not None}
    _check_own(out, folder, sources, data.task.id)
    for path, source in sources.items():
        write_image(source, path)
    write_text_atomic(out, text)
    beside = f", their {len(sources)} sources in {folder}" if sources else ""
    return f"{len(lines)} cases of {data.task.id} in {out}{beside}\n"


def _check_own(out: Path, folder: Path, sources: Mapping[Path, torch.Tensor], task_id: str) -> None:
    """Raise `ResultError` where `out` is there and lists no cases, or the sources' folder holds others than these."""
    if out.is_dir() or (out.is_file() and not _lists_cases(out)):
        got = "a folder" if out.is_dir() else "another file"
        raise ResultError(
            f"{out}: expected a file of `ldbench cases` or none, got {got}; move it, or choose another --out"
        )
    there = [path for path in folder.iterdir() if path.name[0] != "."] if sources and folder.is_dir() else []
    others = [path for path in there if path not in sources or not _shows(path, sources[path])]
    if others:
        raise ResultError(
            f"{min(others)}: expected in {folder} the sources of {task_id} alone, got another file; move {folder}, or "
            "choose an --out in another folder"
        )


def _lists_cases(path: Path) -> bool:
    """Whether a file begins as one of `export_cases` does; an empty one is nobody's loss."""
    with path.open("rb") as file:
        first = file.readline(_LONGEST_LINE)
    try:
        row = json_of(first) if first else {}
    except ValueError:
        return False
    return not first or (isinstance(row, dict) and row.keys() >= _KEYS)


def _shows(path: Path, image: torch.Tensor) -> bool:
    """Whether a file has the pixels of the image."""
    height, width = image.shape[-2:]
    try:
        return torch.equal(quantise(read_image(path, size=(height, width))), quantise(image))
    except ImageError:
        return False


def _line(case: Case, source: str, marks: Mapping[str, str]) -> str:
    """One case as JSON; `source` is the id of the scan that is edited."""
    row: dict[str, object] = {"id": case.id, "prompt": case.prompt, "attributes": dict(case.attributes), **marks}
    if case.source is not None and case.source_attributes is not None:
        row |= {"source": f"{SOURCES}/{source}.png", "source_attributes": dict(case.source_attributes)}
        row |= {"source_prompt": case.source_prompt, "target_prompt": case.target_prompt}
    if case.edit is not None:
        row["edit"] = asdict(case.edit)
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
