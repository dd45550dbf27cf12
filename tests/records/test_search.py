"""The record of a search: what is written is read, whatever else the file says, and what is none is named."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ldbench.api import ParameterValue
from ldbench.errors import ResultError
from ldbench.records.result import ModelRef
from ldbench.records.search import NAME, Best, Search, SearchedTask, Tried, find, read

SEARCH = Search(
    SearchedTask("t", 1, "c"), ModelRef("m", "ldbench", "1", {"delta": 0.1}), "delta", "channels", 10, 0,
    (Tried("0", 0.0, 0.2, 0.1, 0.3, 1.0),), Best("delta=0", 0.0, 0.0, 0.0, True), "these with those", 0.002,
)


@pytest.mark.parametrize("value", [0.1, 2, True, "ddim", None])
def test_what_is_written_is_read_beside_what_the_file_says_more(value: ParameterValue, tmp_path: Path) -> None:
    written = replace(SEARCH, curve=(replace(SEARCH.curve[0], value=value),))
    record = asdict(written) | {"environment": {}, "resamples": 1000}
    (tmp_path / NAME).write_text(json.dumps(record), encoding="utf-8")
    [found] = find([tmp_path, tmp_path])
    assert found == written
    assert type(found.curve[0].value) is type(value)


def test_a_file_that_is_no_search_is_named(tmp_path: Path) -> None:
    record = asdict(SEARCH)
    for broken in ({}, {**record, "curve": []}, {**record, "seed": "0"}, {**record, "model": None}, []):
        (tmp_path / NAME).write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(ResultError, match=r"search\.json: expected"):
            read(tmp_path / NAME)
