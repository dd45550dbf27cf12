"""The mend that lets torchvision be imported beside a CPU-only torch: it works, once, where it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

PROBE = """
import importlib.util
from pathlib import Path
folder = Path(importlib.util.find_spec("torchvision").origin).parent
library = next(iter(sorted(folder.glob("_C*.so"))), None)
try:
    torch.ops.load_library(str(library))
    print("loads")
except OSError:
    print("needs the mend")
"""
PLAIN = "import torchvision"
MENDED = """
from ldbench._torchvision import declare_missing_ops
first = declare_missing_ops()
assert declare_missing_ops() is first
import torchvision
from torchvision.transforms import functional
model = torchvision.models.resnet18(weights=None).eval()
small = functional.resize(torch.zeros(1, 3, 40, 40), [32, 32], antialias=True)
assert model(small).shape == (1, 1000)
print(first is not None)
"""
MISSING = {missing: f"""
import ldbench._torchvision as ops
mine = torch.library.Library("torchvision", "DEF")
for name in {{"nms", "qnms"}} - set({missing.split()!r}):
    mine.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
ops._compiled_library_loads = lambda folder: False
assert (ops.declare_missing_ops() is not None) == {bool(missing)}
assert all(hasattr(torch.ops.torchvision, name) for name in ("nms", "qnms"))
""" for missing in ("", "qnms", "nms qnms")}
ABSENT = """
import importlib.util
import ldbench._torchvision as ops
importlib.util.find_spec = lambda name: None
assert ops.declare_missing_ops() is None
assert not hasattr(torch.ops.torchvision, "nms")
"""
# What is declared in torch's registry stays there for good: each program has a process that holds torch and no more.
FORKED = """
import json, os, sys, traceback
import torch

for program in sys.argv[1:]:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.dup2(writing, 1), os.dup2(writing, 2)
        code = 0
        try:
            exec(program, {"torch": torch})
        except BaseException:
            code = 1
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text]), flush=True)
"""


@pytest.fixture(scope="module")
def ended() -> dict[str, tuple[int, str]]:
    """How each program ended, and what it said."""
    programs = [PROBE, PLAIN, MENDED, *MISSING.values(), ABSENT]
    command = [sys.executable, "-c", FORKED, *programs]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(zip(programs, map(tuple, map(json.loads, done.stdout.splitlines())), strict=True))


@pytest.fixture(scope="module")
def needs_mend(ended: dict[str, tuple[int, str]]) -> bool:
    code, said = ended[PROBE]
    assert code == 0, said
    return said.strip() == "needs the mend"


def test_without_the_mend_the_import_fails_exactly_where_the_library_does_not_load(
    ended: dict[str, tuple[int, str]], needs_mend: bool
) -> None:
    code, said = ended[PLAIN]
    assert (code != 0) == needs_mend, said
    if needs_mend:
        assert "operator torchvision::nms does not exist" in said


def test_with_the_mend_models_and_transforms_work_and_it_declares_only_what_is_missing(
    ended: dict[str, tuple[int, str]], needs_mend: bool
) -> None:
    code, said = ended[MENDED]
    assert code == 0, said
    assert said.strip() == str(needs_mend)


@pytest.mark.parametrize("missing", MISSING)
def test_only_what_is_missing_is_declared(missing: str, ended: dict[str, tuple[int, str]]) -> None:
    code, said = ended[MISSING[missing]]
    assert code == 0, said


def test_without_torchvision_nothing_is_declared(ended: dict[str, tuple[int, str]]) -> None:
    code, said = ended[ABSENT]
    assert code == 0, said


def test_importing_the_module_imports_no_torch() -> None:
    code = "import sys, ldbench._torchvision; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
