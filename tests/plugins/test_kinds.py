"""A plug-in of one kind where another is expected: the answer names its kind and what takes it, whichever two meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ldbench_baselines.presets import SD_LD

from ldbench.errors import PluginError
from ldbench.plugins.generators import GENERATORS
from ldbench.plugins.kinds import DATASETS, ESTIMATORS, METRICS, NETWORKS
from ldbench.plugins.registry import PluginKind, what_it_is
from tests.command_line import called

KINDS: dict[PluginKind[Any], tuple[str, str]] = {
    GENERATORS: ("real", "a generator: `ldbench check`"),
    METRICS: ("fid", "a metric: `ldbench check --metric`"),
    NETWORKS: ("radiomics", "a feature network: `ldbench check --network`"),
    DATASETS: ("chexpert", "a data set: `ldbench data prepare`"),
    ESTIMATORS: ("sandbox-brain-age", "an estimator: `ldbench check --estimator`"),
}
MEETINGS = [(asked, got) for asked in KINDS for got in KINDS if asked is not got]


@pytest.mark.parametrize(("asked", "got"), MEETINGS, ids=[f"{a.noun}-{b.noun}" for a, b in MEETINGS])
def test_each_kind_names_every_other(asked: PluginKind[Any], got: PluginKind[Any]) -> None:
    name, said = KINDS[got]
    entry = got.entry(name)
    assert entry is not None
    with pytest.raises(PluginError) as caught:
        asked.load(entry.value)
    assert f"{asked.noun} {entry.value!r}: expected " in str(caught.value)
    assert f", got {said}" in str(caught.value)


def test_a_generator_with_parameters_and_a_preset_say_so() -> None:
    cls = GENERATORS.load("mean-image")
    assert what_it_is(cls()) == f"a generator with its parameters: name the class, {cls.__name__}"
    assert what_it_is(SD_LD).startswith("a generator: ")


@pytest.mark.parametrize(
    ("candidate", "said"),
    [(json.loads, "an object of type function"), ("x" * 500, "an object of type str"), (Path, "the class Path")],
)
def test_what_is_no_plug_in_is_called_by_its_type(candidate: object, said: str) -> None:
    assert what_it_is(candidate) == said


def test_check_says_which_command_tries_a_metric(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from ldbench.plugins.kinds import METRICS\nMINE = METRICS.load('fid')\n")
    done = called("check", f"{file}:MINE")
    assert done.exit_code != 0
    assert "got a metric: `ldbench check --metric` tries one" in str(done.exception)
