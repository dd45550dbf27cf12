"""The design's one direction, read from the source: imports go downward only, and the command line starts light."""

from __future__ import annotations

import ast
import graphlib
import sys

import pytest

import ldbench
from tests.in_turn import Ended, in_turn
from tests.layers import BASELINES, LEVEL, OUTSIDERS, ROOT, SUITE, graph, imports, reached


def test_every_module_has_a_place_in_the_design() -> None:
    parts = {name.split(".")[1] for name in SUITE if "." in name}
    assert parts <= LEVEL.keys(), f"give a layer to {sorted(parts - LEVEL.keys())}"


def test_imports_go_downward_only() -> None:
    assert sum(map(len, graph().values())) > 50
    upward = [
        f"{name} imports {other}"
        for name, others in graph().items()
        for other in others
        if name != "ldbench" and LEVEL[name.split(".")[1]] < LEVEL[other.split(".")[1]]
    ]
    assert upward == []


@pytest.mark.slow
def test_the_suite_does_not_go_through_its_own_door() -> None:
    """What `ldbench` offers at its top lies in all layers: by way of it any module could reach any other."""
    nodes = [
        node
        for name, path in SUITE.items() if name != "ldbench"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    from_it = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "ldbench")
    asked = {alias.name for node in from_it for alias in node.names}
    asked |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ldbench"}
    assert "__version__" in asked
    assert not asked & set(ldbench.__all__)


def test_no_module_imports_itself_round_a_circle() -> None:
    # a package's __init__ names the package, which any of its modules imports without being named
    assert list(graphlib.TopologicalSorter(graph()).static_order())


def test_scoring_needs_no_model_and_a_leaderboard_no_images() -> None:
    of_models = {"ldbench.run.generate", "ldbench.plugins.generators", "ldbench.run.pipeline"}
    assert not reached("ldbench.score.scorer") & of_models
    assert not {name for name in reached("ldbench.board.leaderboard") if name.startswith("ldbench.data")}
    assert not {name for name in reached("ldbench.report.write") if name.startswith("ldbench.data")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITE)
def test_the_suite_knows_no_built_in_plug_in(name: str) -> None:
    outside = {"baselines", "ldbench_baselines", "sandbox", "ldbench_sandbox", "recipes"}
    assert not {module.split(".")[0] for module in imports(SUITE[name], name)} & outside
    texts = [
        node.value
        for node in ast.walk(ast.parse(SUITE[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [text for text in texts if "ldbench_baselines" in text or "ldbench_sandbox" in text]


@pytest.mark.parametrize("name", OUTSIDERS)
def test_a_built_in_plug_in_sees_what_an_outsider_sees(name: str) -> None:
    of_suite = {module for module in imports(OUTSIDERS[name], name) if module.split(".")[0] == "ldbench"}
    allowed = ("ldbench.api", "ldbench.errors")
    assert not [module for module in of_suite if not f"{module}.".startswith(tuple(f"{a}." for a in allowed))]


def test_what_methods_share_imports_no_method() -> None:
    top = {name for name, path in BASELINES.items() if path.parent == ROOT / "baselines"}
    methods = top - {"ldbench_baselines", "ldbench_baselines.bounds", "ldbench_baselines.drift"}
    shared = {name: imports(BASELINES[name], name) for name in BASELINES.keys() - top}
    assert len(methods) > 10
    assert [f"{name} imports {other}" for name, others in shared.items() for other in others & methods] == []


def test_the_top_of_the_suite_is_a_list_that_a_newcomer_reads_at_once() -> None:
    top = {name.split(".")[1] for name in SUITE if "." in name} - {"__main__"}
    assert len(top) <= 14


HEAVY = {"torch", "diffusers", "transformers", "torchvision", "scipy", "matplotlib"}
READS_DATA = {"numpy", "nibabel", "pandas", "pydicom", "PIL"}
BARE = ("import ldbench", "import ldbench.api", "import ldbench.cli.main")
READERS = ("chexpert", "oasis3", "adni1", "folder")
OF_DATA = ("data prepare --help", *(f"data prepare {name} --help" for name in READERS))
LIGHT = (
    "--help", "list tasks", "list models", "list metrics", "list networks", "list datasets", "list estimators",
    "run --help", "check --help", "search --help", "matrix --help", "collect --help", "leaderboard --help",
    "report --help", "verify --help", "study --help", "new --help", "gauntlet --help",
)
MISTAKEN = "run sandbox-brain-t2i reel"


@pytest.fixture(scope="module")
def ended() -> dict[str, Ended]:
    """How each way of looking around ended, strictest first: what one has imported is not new to those after it."""
    lines = (*OF_DATA, *BARE, *LIGHT, MISTAKEN)
    ended = in_turn([line.split() for line in lines], ROOT, python=sys.executable)
    return dict(zip(lines, ended, strict=True))


@pytest.mark.parametrize("line", [*BARE, *LIGHT])
def test_nothing_heavy_is_imported_to_look_around(line: str, ended: dict[str, Ended]) -> None:
    assert not ended[line].packages & HEAVY
    assert ended[line].returncode == 0, ended[line].stderr
    assert ended[line].stdout.strip() or line in BARE


@pytest.mark.parametrize("line", OF_DATA)
def test_help_imports_nothing_that_reads_data(line: str, ended: dict[str, Ended]) -> None:
    assert not ended[line].packages & (HEAVY | READS_DATA)
    assert ended[line].returncode == 0, ended[line].stderr
    assert "--root" in ended[line].stdout or line == OF_DATA[0]


def test_a_typo_is_found_before_anything_heavy_is_imported(ended: dict[str, Ended]) -> None:
    assert (ended[MISTAKEN].returncode, ended[MISTAKEN].packages & HEAVY) == (2, frozenset())
    assert "did you mean real" in ended[MISTAKEN].stderr
