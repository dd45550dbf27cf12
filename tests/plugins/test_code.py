"""The digest of a generator's code: an edit anywhere in what it is made of shows, and nothing else does."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldbench.plugins import code
from ldbench.plugins.code import AFTER_RUNS, code_digest, remember, source_digest
from ldbench.plugins.generators import GENERATORS, load_generator
from tests.layers import ORDER
from tests.plugins.installed import GOOD, install

FILES = ("edited_model/__init__.py", "edited_model/networks/unet.py", "edited_model/schedule.py")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of three files, registered as `edited`."""
    folder = tmp_path / "site"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(GOOD if name == FILES[0] else "RATE = 1\n")
    install(folder, "edited-model", "0.1.0", {"edited": "edited_model:Grey"})
    monkeypatch.syspath_prepend(str(folder))
    for module in [name for name in sys.modules if name.partition(".")[0] == "edited_model"]:
        monkeypatch.delitem(sys.modules, module)
    return folder


def of(name: str) -> str:
    return code_digest(load_generator(name), GENERATORS.entry(name))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), comment=st.text(st.characters(codec="ascii", categories=["L"]), min_size=1))
def test_an_edit_of_any_file_of_the_package_is_other_code(name: str, comment: str, site: Path) -> None:
    before, text = of("edited"), (site / name).read_text()
    (site / name).write_text(f"{text}# {comment}\n")
    assert of("edited") != before
    assert of("edited_model:Grey") != before
    (site / name).write_text(text)
    assert of("edited") == before == of("edited_model:Grey")


def test_what_is_no_code_does_not_count(site: Path) -> None:
    before = of("edited")
    (site / "edited_model" / "notes.txt").write_text("to do")
    (site / "another.py").write_text("")
    assert of("edited") == before


def test_other_packages_of_the_distribution_count(site: Path) -> None:
    before = of("edited")
    (site / "edited_tools.py").write_text("RATE = 1\n")
    (site / "edited_model-0.1.0.dist-info" / "top_level.txt").write_text("edited_model\nedited_tools\n")
    with_tools = of("edited")
    (site / "edited_tools.py").write_text("RATE = 2\n")
    assert len({before, with_tools, of("edited")}) == 3


def test_what_only_ranks_shows_or_studies_results_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    after = ORDER[ORDER.index("run") + 1 :]
    assert {*AFTER_RUNS, "__main__"} == set(after)
    monkeypatch.setattr(code, "digest_of", lambda files, texts: sorted(files))
    names = [Path(name).parts for name in of("basic-ft")]
    assert {name[1] for name in names if name[0] == "ldbench"} >= {"api", "data", "run", "score"}
    assert "ldbench_baselines" in {name[0] for name in names}
    assert not [name for name in names if name[0] == "ldbench" and name[1] in AFTER_RUNS]


def test_all_built_in_generators_are_of_one_code() -> None:
    assert of("mean-image") == of("sd") == of("sd-ld")


NEIGHBOURS = ("near", "pack/__init__", "pack/inner", "further", "late")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A generator's file with neighbours that it imports, one of them through another, one inside a function."""
    folder = tmp_path / "work"
    (folder / "pack").mkdir(parents=True)
    for name in (*NEIGHBOURS, "stranger"):
        (folder / f"{name}.py").write_text("RATE = 1\n")
    (folder / "near.py").write_text("import os, json\nfrom further import RATE\n")
    late = "        from late import RATE\n        raise"
    (folder / "model.py").write_text(f"import near\nfrom pack.inner import RATE\n{GOOD.replace('        raise', late)}")
    monkeypatch.syspath_prepend(str(folder))
    yield folder / "model.py"
    for name in ("model", "pack", *NEIGHBOURS):
        sys.modules.pop(name.replace("/", "."), None)


@pytest.mark.parametrize("name", ["model", *NEIGHBOURS])
def test_an_edit_of_a_file_or_of_what_it_imports_from_its_folder_is_other_code(name: str, file: Path) -> None:
    before, path = of(f"{file}:Grey"), file.parent / f"{name}.py"
    path.write_text(f"{path.read_text()}# faster\n")
    assert of(f"{file}:Grey") != before


def test_what_a_file_does_not_import_and_where_it_lies_do_not_count(file: Path, tmp_path: Path) -> None:
    before = of(f"{file}:Grey")
    (file.parent / "stranger.py").write_text("RATE = 2\n")
    assert of(f"{file}:Grey") == before
    elsewhere = shutil.copytree(file.parent, tmp_path / "elsewhere")
    assert of(f"{elsewhere / 'model.py'}:Grey") == before


def test_a_neighbour_that_is_no_python_yet_counts_as_it_is(file: Path) -> None:
    before = of(f"{file}:Grey")
    (file.parent / "late.py").write_text("def (\n")
    assert of(f"{file}:Grey") != before


def test_a_base_class_from_another_place_counts(file: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import model\nfrom dataclasses import dataclass\n@dataclass\nclass Child(model.Grey):\n    depth: int = 1\n"
    )
    before = of(f"{child}:Child")
    file.write_text(f"{file.read_text()}# faster\n")
    assert of(f"{child}:Child") != before


def test_code_that_was_edited_after_its_import_is_not_known(site: Path) -> None:
    load_generator("edited")
    files = remember("edited_model.networks.unet")
    assert set(files) == set(FILES)
    first = source_digest("edited_model")
    assert first is not None
    assert first == source_digest("edited_model.schedule")
    file = site / FILES[1]
    file.write_text("RATE = 2\n")
    assert source_digest("edited_model") is None
    file.write_text("RATE = 1\n")
    assert source_digest("edited_model") == first
    file.unlink()
    assert source_digest("edited_model") is None


def test_a_file_that_is_executed_anew_is_other_code_and_its_neighbours_stay(file: Path) -> None:
    def loaded() -> str | None:
        module = load_generator(f"{file}:Grey").__module__
        remember(module)
        return source_digest(module)

    first, text = loaded(), file.read_text()
    assert first == loaded() is not None
    file.write_text(f"{text}# faster\n")
    assert loaded() not in (first, None)
    (file.parent / "near.py").write_text("RATE = 2\n")  # its module is not read again
    assert loaded() is None


def test_no_module_is_kept_alive(file: Path) -> None:
    module = load_generator(f"{file}:Grey").__module__
    remember(module)
    loaded = weakref.ref(sys.modules.pop(module))
    gc.collect()
    assert loaded() is None


PROGRAM = """
import helper
from ldbench.plugins.code import source_digest
print(source_digest("__main__"))
"""


def test_a_program_is_known_by_its_file_and_what_it_imports_beside_it(tmp_path: Path) -> None:
    program, helper = tmp_path / "program.py", tmp_path / "helper.py"
    program.write_text(PROGRAM)

    def digest(*how: str) -> str:
        run = [sys.executable, *how]
        return subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    digests = []
    for text in ("RATE = 1\n", "RATE = 2\n"):
        helper.write_text(text)
        digests.append(digest("program.py"))
    assert digests[0] != digests[1]
    assert digest("-m", "program") == digests[1]
    assert digest("-c", PROGRAM) == "None"
