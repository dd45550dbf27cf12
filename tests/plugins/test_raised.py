"""Where a plug-in's own code raised an error."""

from __future__ import annotations

import json

from ldbench.plugins.raised import raised


def failing() -> None:
    json.loads("{")


def test_the_line_is_that_of_the_plug_ins_own_code_and_not_of_the_library_below_it() -> None:
    try:
        failing()
    except ValueError as error:
        said, others = raised(error, __name__), raised(error, "no_such_package.module")
    assert said == f"{others} (test_raised.py:{failing.__code__.co_firstlineno + 1})"
    assert others.startswith("JSONDecodeError: Expecting")
