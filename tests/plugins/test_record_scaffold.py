"""`ldbench new metric`, `network` and `estimator`: what they write conforms by its own test, and registers itself."""

from __future__ import annotations

import ast
import runpy
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from skimage.filters import threshold_otsu
from torch.nn.functional import avg_pool2d

from ldbench.errors import UsageError
from ldbench.plugins.kinds import ESTIMATORS, METRICS, NETWORKS
from ldbench.plugins.scaffold.package import names_of, write_record_package
from tests.command_line import said
from tests.plugins.installed import install
from tests.plugins.test_scaffold import FILES, LONG, complete_texts

RECORDS = {"metric": METRICS, "network": NETWORKS, "estimator": ESTIMATORS}


@pytest.mark.parametrize("noun", RECORDS)
def test_the_package_is_complete_registers_it_and_checks_it(noun: str, tmp_path: Path) -> None:
    texts = complete_texts(write_record_package("my-blur", noun, tmp_path / "new"), tmp_path / "new")
    points = tomllib.loads(texts["pyproject.toml"])["project"]["entry-points"]
    assert points == {RECORDS[noun].group: {"my-blur": "my_blur:MY_BLUR"}}
    steps = yaml.safe_load(texts["test.yml"])["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps[-2:]] == ["python -m pytest", f"ldbench check --{noun} my-blur"]
    assert f"\nldbench check --{noun} my-blur " in texts["README.md"]
    imported = {name.partition(".")[0] for name in imports(texts["__init__.py"])} - sys.stdlib_module_names
    assert imported - {"ldbench"} == set(tomllib.loads(texts["pyproject.toml"])["project"]["dependencies"])


def imports(source: str) -> Iterator[str]:
    """The modules that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Writes a package `my-scaffold` of a kind and registers it as its installer would, in this process."""

    def write(noun: str) -> Path:
        folder = tmp_path / "new"
        write_record_package("my-scaffold", noun, folder)
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        [(group, points)] = project["entry-points"].items()
        install(tmp_path / "site", project["name"], project["version"], points, group)
        for path in ("site", "new/src"):
            monkeypatch.syspath_prepend(tmp_path / path)
        return folder

    yield write
    sys.modules.pop("my_scaffold", None)


@pytest.mark.parametrize("noun", [pytest.param("metric", marks=pytest.mark.slow), "network"])
def test_it_keeps_its_contract_by_its_own_test(noun: str, registered: Callable[[str], Path]) -> None:
    runpy.run_path(str(registered(noun) / "tests/test_my_scaffold.py"))["test_it_keeps_the_contract"]()


def test_it_is_listed_and_keeps_its_contract_by_name(registered: Callable[[str], Path]) -> None:
    registered("estimator")
    assert said("check", "--estimator", "my-scaffold").splitlines()[-1] == "8 clauses, none broken"
    assert any(line.startswith("my-scaffold ") for line in said("list", "estimators").splitlines())


def loaded(noun: str, folder: Path) -> Any:
    """The record of a package that was not installed."""
    write_record_package("my-blur", noun, folder)
    return RECORDS[noun].load(f"{folder / 'src/my_blur/__init__.py'}:MY_BLUR")


def test_the_metric_grows_under_blur_and_under_noise_and_is_near_0_for_real_images(tmp_path: Path) -> None:
    metric, draw = loaded("metric", tmp_path / "new"), torch.Generator().manual_seed(0)
    real, other = (torch.rand(40, 3, 16, 16, generator=draw) / 2 for _ in range(2))

    def score(generated: torch.Tensor) -> float:
        lazy = SimpleNamespace(generated=generated, real=real)
        return float(metric.compute(SimpleNamespace(lazy=lazy), metric.settings()).mean())

    blurs = [score(avg_pool2d(other, size, 1, size // 2)) for size in (1, 3, 5)]
    noises = [score(other + level * torch.rand(40, 1, 16, 16, generator=draw)) for level in (0, 0.25, 0.5)]
    assert blurs[0] == noises[0] < 0.02
    assert blurs == sorted(set(blurs))
    assert noises == sorted(set(noises))
    assert score(torch.zeros(2, 3, 16, 16)) == pytest.approx(1, abs=0.1)


def test_the_estimator_finds_otsu_s_threshold(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    levels = np.where(random.random((8, 16, 16)) < 0.3, 160, 60) + random.integers(-30, 31, (8, 16, 16))
    expected = [(image > threshold_otsu(image)).mean() for image in levels]
    assert loaded("estimator", tmp_path / "new").read((levels / 255).astype(np.float32)).tolist() == expected


def test_the_network_answers_to_waves_in_its_directions_and_not_to_grey(tmp_path: Path) -> None:
    network = loaded("network", tmp_path / "new")
    wave = np.rint(100 + 50 * np.cos(np.pi / 2 * np.arange(32))).astype(np.uint8)
    across = np.broadcast_to(wave[None, :, None], (32, 32, 3))
    images = np.stack([across, across.transpose(1, 0, 2), np.full_like(across, 100)])
    means = network.load(resize=32, device="cpu", weights=None, digest="")(images)[:, :4]
    assert means.argmax(dim=1)[:2].tolist() == [0, 2]
    assert means[0, 0] > 5 * means[0, 2]
    assert means[2].max() < 1e-3


@pytest.mark.parametrize("noun", RECORDS)
def test_lines_stay_short_even_with_the_longest_name(noun: str, tmp_path: Path) -> None:
    for path in write_record_package(LONG, noun, tmp_path / "new"):
        if path.suffix == ".py":
            assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 120, path


@pytest.mark.parametrize(
    ("noun", "name", "message"),
    [
        ("metric", "Edge", "single hyphens or underscores, a letter first, got 'Edge'; for example my-metric"),
        ("metric", "edge__s", "got 'edge__s'"),
        ("metric", "fid", "'fid' is registered by ldbench 0.1.0 already"),
        ("network", "my__net", "single hyphens or underscores, a letter first, got 'my__net'; for example my-network"),
        ("network", "radiomics", "'radiomics' is registered by ldbench 0.1.0 already"),
        ("estimator", "sandbox-brain-age", "'sandbox-brain-age' is registered by ldbench 0.1.0 already"),
        ("estimator", "torch", "a module 'torch' is installed already"),
    ],
)
def test_a_name_that_its_kind_cannot_have_is_refused(noun: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_record_package(name, noun, tmp_path / "new")
    assert message in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_names_are_taken_in_their_own_kind_alone() -> None:
    assert names_of("basic-ft", METRICS).module == "basic_ft"
    assert names_of("edge_sharpness", METRICS).name == "edge_sharpness"


@pytest.mark.parametrize(
    ("noun", "following"),
    [
        ("metric", "; ldbench measure REAL GENERATED --metric my-blur"),
        ("network", "; ldbench measure REAL GENERATED --metric fid --network my-blur"),
        ("estimator", ""),
    ],
)
def test_the_command_says_what_it_wrote_and_what_comes_next(
    noun: str, following: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    *files, last = said("new", noun, "my-blur").splitlines()
    assert sorted(files) == sorted(f"my-blur/{name}" for name in FILES)
    assert last == f"next: pip install -e my-blur; ldbench check --{noun} my-blur{following}"
