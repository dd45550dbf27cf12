"""Lists on the command line: one grammar for all commands."""

from __future__ import annotations

import pytest

from ldbench.cli.comma_lists import parse_names, parse_seeds
from ldbench.errors import UsageError


def test_seeds_and_names_are_read_with_commas_ranges_and_repeats() -> None:
    assert parse_seeds(["0,2", "4-6"]) == (0, 2, 4, 5, 6)
    assert parse_seeds(["0, 2"]) == (0, 2)
    assert parse_names(["a,b", "c"], "--models") == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "0,", "1-", "-1", "3-1", "0,0", "0-2,1", "a", "1,,2", "1.5"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds: expected different whole numbers"):
        parse_seeds([text])


@pytest.mark.parametrize("text", ["", "a,", "a,,b"])
def test_an_empty_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--models: expected names with commas between them"):
        parse_names([text], "--models")
