"""Requests to edit a disc, and generators on a backbone as it comes: material of the editors' tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ldbench_baselines.editing.tuned_editor import TunedEditor

from ldbench.api import Case, Edit, Request

from .discs import Discs, context

GROW = Edit("size", "small", "large", ("a small disc", "one small disc"), ("a large disc", "one large disc"))
SHRINK = Edit("size", "large", "small", GROW.target_sentences, GROW.source_sentences)
AnyEditor = TypeVar("AnyEditor", bound=TunedEditor)


def edit_requests(count: int, side: int = 16) -> list[Request]:
    """Requests to grow or shrink a disc in turn, each with its own seed."""
    requests = []
    for index in range(count):
        edit = (GROW, SHRINK)[index % 2]
        captions = [f"a disc of size {index} that is {value}" for value in (edit.source, edit.target)]
        case = Case(
            f"case-{index}", "", {"size": edit.target}, Discs(side=side)[index].image, {"size": edit.source},
            *captions, edit,
        )
        requests.append(Request(case, 1000 + index))
    return requests


def null(request: Request) -> Request:
    """The request that asks for its source."""
    return replace(request, case=replace(request.case, edit=None, target_prompt=request.case.source_prompt))


def changed(request: Request, **fields: Any) -> Request:
    """The request with other fields of its case."""
    return replace(request, case=replace(request.case, **fields))


def loaded(method: type[AnyEditor], backbone: Path | str, folder: Path, side: int = 16, **parameters: Any) -> AnyEditor:
    """An editor on the backbone as it comes, with few steps; `parameters` win."""
    editor = method(**{"start": "sd", "sampling_steps": 3} | parameters)
    editor.fit(Discs(side=side), context(folder, backbone, side))
    return editor
