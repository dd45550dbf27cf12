"""Records with a field of another type: one line that names record and field, before anything works with them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ldbench.api import NoSettings
from ldbench.errors import PluginError
from ldbench.plugins.kinds import DATASETS, ESTIMATORS, KINDS, METRICS, NETWORKS
from ldbench.plugins.record_fields import first_misfit
from ldbench.plugins.registry import PluginKind
from tests.command_line import called

PLUG_IN = """
from ldbench.api import Metric

MINE = Metric(
    name="mine", title="Mine", summary="Mine.", direction="lower", compute=print, compares="nothing", {field}
)
"""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_every_registered_record_fits(kind: PluginKind[Any]) -> None:
    assert {entry.name: first_misfit(kind.load(entry.name)) for entry in kind.entries()} == dict.fromkeys(
        (entry.name for entry in kind.entries()), ""
    )


@pytest.mark.parametrize(("field", "value", "said"), [
    ("needs", "truth", """a frozenset of 'source', 'truth', ... got 'truth'; write needs=frozenset({"truth"})"""),
    ("needs", ["truth", "jugde"], """a frozenset of ... write needs=frozenset({"truth", "judge"})"""),
    ("needs", 3, "a frozenset of ... got 3; correct it in the record"),
    ("direction", "up", "one of 'lower', 'higher', got 'up'; correct it in the record"),
    ("direction", "highest", """one of 'lower', 'higher', got 'highest'; did you mean "higher"?"""),
    ("axis", "fidelty", """one of 'fidelity', ... or None, got 'fidelty'; did you mean "fidelity"?"""),
    ("groups", "sometimes", "one of 'all', ... or None, got 'sometimes'; correct it in the record"),
    ("scans", None, "one of 'test', 'reference', got None; correct it in the record"),
    ("compares", 3, "a text, got 3; correct it in the record"),
    ("trained", "no", "True or False, got 'no'; correct it in the record"),
    ("networks", "fid", """a sequence of texts, got 'fid'; write networks=("fid",)"""),
    ("catches", "blur", """a tuple of texts, got 'blur'; write catches=("blur",)"""),
    ("bounds", (0,), "(a number, a number), got (0,); correct it in the record"),
    ("bounds", (1, 0), "the lower before the upper, got (1, 0); give (lowest, highest)"),
    ("bounds", (0, math.nan), "the lower before the upper, got (0, nan); give (lowest, highest)"),
    ("settings", NoSettings(), "a class, got NoSettings(); correct it in the record"),
    ("settings", dict, "a dataclass, got <class 'dict'>; write @dataclass above it"),
    ("compute", None, "a function, got None; correct it in the record"),
    ("value", 3, "a function or None, got 3; correct it in the record"),
])
def test_a_wrong_field_of_a_metric_is_one_line(field: str, value: object, said: str) -> None:
    wrong: dict[str, Any] = {field: value}
    found, begins, ends = first_misfit(replace(METRICS.load("fid"), **wrong)), *said.partition(" ... ")[::2]
    assert found.startswith(f"{field}: expected {begins}")
    assert found.endswith(ends)


@pytest.mark.parametrize(("kind", "name", "field", "said"), [
    (NETWORKS, "radiomics", "resize", "an int"), (NETWORKS, "radiomics", "load", "a function"),
    (NETWORKS, "radiomics", "find", "a function or None"), (NETWORKS, "radiomics", "licence", "a text"),
    (ESTIMATORS, "sandbox-brain-age", "read", "a function"), (ESTIMATORS, "sandbox-brain-age", "unit", "a text"),
    (DATASETS, "chexpert", "load", "a function or None"),
    (DATASETS, "chexpert", "plan", "a dict of texts or ints or numbers"),
])
def test_so_is_one_of_every_other_record(kind: PluginKind[Any], name: str, field: str, said: str) -> None:
    wrong = replace(kind.load(name), **{field: (3.5,)})
    assert first_misfit(wrong) == f"{field}: expected {said}, got (3.5,); correct it in the record"
    with pytest.raises(PluginError, match=rf"^its label: {type(wrong).__name__}\.{field}: expected "):
        kind.check(wrong, "its label", name)


def test_collections_that_serve_as_well_are_taken() -> None:
    as_well: dict[str, Any] = {
        "needs": {"truth"}, "networks": ["a"], "catches": ["blur"], "bounds": [0, 1], "blind_to": (),
    }
    assert first_misfit(replace(METRICS.load("fid"), **as_well)) == ""


@pytest.mark.parametrize("field", ['needs="truth"', 'groups="sometimes"'])
def test_a_command_ends_in_that_line(field: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PLUG_IN.format(field=field))
    done = called("gauntlet", "sandbox-brain-t2i", "--metric", f"{file}:MINE")
    assert isinstance(done.exception, PluginError)
    assert str(done.exception).startswith(f"metric '{file}:MINE': Metric.{field.partition('=')[0]}: expected ")
