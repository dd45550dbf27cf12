"""Cases that hold no pixels: their source is read when it is asked for, and copies read it too."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import partial

import torch

from ldbench.api import Case
from ldbench.data.stored_case import stored_case, unread_source
from ldbench.data.task_data import task_data
from ldbench.task import card


def test_a_source_is_read_when_asked_for_and_by_copies() -> None:
    case = stored_case(Case("a", "older", {"age": 3}), partial(torch.full, (3, 2, 2), 0.5))
    assert callable(unread_source(case))
    assert case.source is not None
    assert torch.equal(case.source, torch.full((3, 2, 2), 0.5))
    lazy, read = replace(case, id="b", source=unread_source(case)), replace(case, id="c")
    assert (lazy.id, read.id, lazy.prompt) == ("b", "c", "older")
    assert callable(unread_source(lazy))
    assert isinstance(unread_source(read), torch.Tensor)
    assert torch.equal(pickle.loads(pickle.dumps(lazy)).source, case.source)
    assert replace(case, source=None).source is None
    assert unread_source(Case("d", "", {})) is None


def test_the_cases_of_an_editing_task_hold_no_pixels() -> None:
    data = task_data(card.load("sandbox-brain-disease"), 0)
    assert all(callable(unread_source(case)) for case in (*data.cases, *data.null_cases()))
