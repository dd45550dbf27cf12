"""What a plugin imports of the suite: the public modules pass, any other is named, and a base's file counts too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ldbench.plugins.generators import load_generator
from ldbench.testing.declared import look

FREE = "from ldbench.api import Generator"
PLUGIN = """
from dataclasses import dataclass
@dataclass
class Plugin({base}):
    "A plugin."
    def generate(self, requests, context):
        raise NotImplementedError
"""


def seen(folder: Path, lines: str, base: str = "Generator") -> tuple[bool, str]:
    """Whether a plugin that begins with these lines passes, and what was seen of it."""
    path = folder / "plugin.py"
    path.write_text(f"{FREE}\n{lines}\n{PLUGIN.format(base=base)}")
    finding = next(one for one in look(load_generator(f"{path}:Plugin"), None) if one.name == "public API only")
    return finding.passed, finding.seen


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("from ldbench.records.result import read", "ldbench.records.result"),
        ("import ldbench_sandbox.dataset as answers", "ldbench_sandbox.dataset"),
        ("from ldbench import records, api, __version__", "ldbench.records"),
        ("def late():\n    from ldbench.testing.miniature import miniature", "ldbench.testing.miniature"),
    ],
)
def test_what_is_not_public_is_named(line: str, named: str, tmp_path: Path) -> None:
    assert seen(tmp_path, line) == (False, f"{named} in plugin.py")


def test_what_is_public_passes(tmp_path: Path) -> None:
    lines = "import ldbench\nimport ldbench.api\nfrom ldbench import errors\nfrom ldbench.testing import Finding"
    assert seen(tmp_path, lines) == (True, "plugin.py")


def test_the_file_of_a_base_class_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "base_of_plugin.py").write_text(f"import ldbench.task.card\n{FREE}\nclass Base(Generator):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    passed, said = seen(tmp_path, "from base_of_plugin import Base", "Base")
    assert not passed
    assert said == "ldbench.task.card in plugin.py, base_of_plugin.py"


def test_a_class_of_a_notebook_keeps_the_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plugin.py"
    path.write_text(f"{FREE}\n{PLUGIN.format(base='Generator')}")
    plugin = load_generator(f"{path}:Plugin")
    monkeypatch.setattr(plugin, "__module__", "__main__")
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)  # as in a notebook
    assert next(finding for finding in look(plugin, None) if finding.name == "protocol").passed
