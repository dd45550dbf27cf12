"""Where a plug-in's own code raised an error."""

from __future__ import annotations

import json
from functools import partial

from ldbench.plugins.raised import module_of, raised


def failing() -> None:
    json.loads("{")


def test_the_line_is_that_of_the_plug_ins_own_code_and_not_of_the_library_below_it() -> None:
    try:
        failing()
    except ValueError as error:
        said, others = raised(error, __name__), raised(error, "no_such_package.module")
    assert said == f"{others} (test_raised.py:{failing.__code__.co_firstlineno + 1})"
    assert others.startswith("JSONDecodeError: Expecting")


def test_a_function_with_arguments_given_is_written_where_it_is_written() -> None:
    assert module_of(failing) == module_of(partial(partial(failing))) == __name__
    assert module_of(partial(json.loads, "{")) == "json"
    nameless = partial(failing)
    nameless.__module__ = None  # type: ignore[assignment]
    assert module_of(nameless) == __name__
