"""What tells the code of a metric from that of a namesake: nothing of a built-in one, else package or digest."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ldbench.plugins import metric_code
from ldbench.plugins.kinds import METRICS
from ldbench.plugins.metric_code import code_of_metric
from ldbench.plugins.registry import PluginEntry

OWN = """
from ldbench.api import Metric
from {helper} import compute

X = Metric("x", "X", "X.", "higher", compute, "images")
"""


@pytest.mark.parametrize("name", [entry.name for entry in METRICS.entries() if entry.distribution == "ldbench"])
def test_a_built_in_metric_has_none(name: str) -> None:
    assert code_of_metric(name) == {}


def test_a_built_in_metric_named_by_its_module_has_none() -> None:
    assert code_of_metric("ldbench.score.metrics.fid:FID") == {}


def test_a_metric_of_a_package_has_distribution_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_code, "owner_of", lambda module: ("theirs", "1.2"))
    assert code_of_metric("theirs.metrics:X") == {"metric_package": "theirs 1.2"}
    registered = PluginEntry("x", "theirs", "1.3", "theirs.metrics:X")
    monkeypatch.setattr(metric_code, "METRICS", SimpleNamespace(entry=lambda name: registered))
    assert code_of_metric("x") == {"metric_package": "theirs 1.3"}


def test_a_file_and_what_it_imports_beside_it_count(tmp_path: Path) -> None:
    def code() -> str:
        METRICS.load(f"{tmp_path / 'own_x.py'}:X")
        [(key, found)] = code_of_metric(f"{tmp_path / 'own_x.py'}:X").items()
        assert key == "metric_code"
        return found

    helper = tmp_path / "helper_of_x.py"
    (tmp_path / "own_x.py").write_text(OWN.format(helper=helper.stem))
    (tmp_path / "aside.py").write_text("")
    helper.write_text("def compute(inputs, settings):\n    return [0.0]\n")
    first = code()
    (tmp_path / "aside.py").write_text("1\n")
    assert code() == first
    helper.write_text("def compute(inputs, settings):\n    return [1.0]\n")
    assert code() != first
    del sys.modules[helper.stem]


def test_a_module_that_nobody_installed_has_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lone_metric_x.py").write_text("1\n")
    assert code_of_metric("lone_metric_x:X")["metric_code"].startswith("sha256:")
