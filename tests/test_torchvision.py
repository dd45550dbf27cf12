"""The mend that lets torchvision be imported beside a CPU-only torch: it works, once, where it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import importlib.util, sys
from pathlib import Path
import torch
folder = Path(importlib.util.find_spec("torchvision").origin).parent
library = next(iter(sorted(folder.glob("_C*.so"))), None)
try:
    torch.ops.load_library(str(library))
    print("loads")
except OSError:
    print("needs the mend")
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter: what is declared in torch's registry stays there for good."""
    root = Path(__file__).parent.parent
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)


@pytest.fixture(scope="module")
def needs_mend() -> bool:
    done = python(PROBE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() == "needs the mend"


def test_without_the_mend_the_import_fails_exactly_where_the_library_does_not_load(needs_mend: bool) -> None:
    done = python("import torchvision")
    assert (done.returncode != 0) == needs_mend, done.stderr
    if needs_mend:
        assert "operator torchvision::nms does not exist" in done.stderr


def test_with_the_mend_models_and_transforms_work_and_it_declares_only_what_is_missing(needs_mend: bool) -> None:
    done = python(
        "import torch\n"
        "from ldbench._torchvision import declare_missing_ops\n"
        "first = declare_missing_ops()\n"
        "assert declare_missing_ops() is first\n"
        "import torchvision\n"
        "from torchvision.transforms import functional\n"
        "model = torchvision.models.resnet18(weights=None).eval()\n"
        "small = functional.resize(torch.zeros(1, 3, 40, 40), [32, 32], antialias=True)\n"
        "assert model(small).shape == (1, 1000)\n"
        "print(first is not None)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(needs_mend)


@pytest.mark.parametrize("missing", ["", "qnms", "nms qnms"])
def test_only_what_is_missing_is_declared(missing: str) -> None:
    schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    done = python(
        "import torch\n"
        "import ldbench._torchvision as ops\n"
        "mine = torch.library.Library('torchvision', 'DEF')\n"
        f"missing = {missing.split()!r}\n"
        f"for name in {{'nms', 'qnms'}} - set(missing): mine.define(name + {schema!r})\n"
        "ops._compiled_library_loads = lambda folder: False\n"
        "assert (ops.declare_missing_ops() is not None) == bool(missing)\n"
        "assert all(hasattr(torch.ops.torchvision, name) for name in ('nms', 'qnms'))\n"
    )
    assert done.returncode == 0, done.stderr


def test_without_torchvision_nothing_is_declared() -> None:
    done = python(
        "import importlib.util\n"
        "import ldbench._torchvision as ops\n"
        "importlib.util.find_spec = lambda name: None\n"
        "assert ops.declare_missing_ops() is None\n"
        "import torch\n"
        "assert not hasattr(torch.ops.torchvision, 'nms')\n"
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_module_imports_no_torch() -> None:
    done = python("import sys, ldbench._torchvision; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0
