"""Where a plug-in's own code raised an error."""

from __future__ import annotations

import json
import sys
from functools import partial

import pytest

from ldbench.errors import DataError, PluginError
from ldbench.plugins.blame import blamed, module_of, raised


def failing() -> None:
    json.loads("{")


def test_the_line_is_that_of_the_plug_ins_own_code_and_not_of_the_library_below_it() -> None:
    try:
        failing()
    except ValueError as error:
        said, others = raised(error, __name__), raised(error, "no_such_package.module")
    assert said == f"{others} (test_blame.py:{failing.__code__.co_firstlineno + 1})"
    assert others.startswith("JSONDecodeError: Expecting")


def test_a_function_with_arguments_given_is_written_where_it_is_written() -> None:
    assert module_of(failing) == module_of(partial(partial(failing))) == __name__
    assert module_of(partial(json.loads, "{")) == "json"
    nameless = partial(failing)
    nameless.__module__ = None  # type: ignore[assignment]
    assert module_of(nameless) == __name__


def test_a_plug_in_is_blamed_for_all_that_it_raises_but_not_for_an_interrupt_or_what_may_pass() -> None:
    with (
        pytest.raises(PluginError, match=r"^x: load raised ValueError: no \(test_blame\.py:\d+\); repair it$"),
        blamed(PluginError, "x: load", __name__, remedy="repair it"),
    ):
        raise ValueError("no")
    with pytest.raises(PluginError, match="SystemExit: 3"), blamed(PluginError, "x", __name__):
        sys.exit(3)
    for passing in (DataError("ours"), KeyError("allowed"), KeyboardInterrupt()):
        with pytest.raises(type(passing)), blamed(PluginError, "x", __name__, KeyError):
            raise passing


def test_what_the_suites_own_code_raises_stays_a_defect() -> None:
    with pytest.raises(ZeroDivisionError), blamed(PluginError, "x", "ldbench.score.metrics.fid"):
        _ = 1 / 0


def test_memory_that_ran_out_has_its_own_remedy() -> None:
    for error in (MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 1 bytes")):
        with (
            pytest.raises(PluginError, match="; set LDBENCH_IMAGES_AT_ONCE to a few images"),
            blamed(PluginError, "x", __name__, remedy="repair it"),
        ):
            raise error
