"""The guard of the pretended device: built by the machine's C++ compiler, loaded before torch.

Nothing here imports torch: its hooks are asked for once.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("guard.cpp")
LIBRARY = "guard.so"


def compiler() -> str | None:
    """A C++ compiler that takes g++'s options, if this machine has one."""
    return shutil.which("g++") or shutil.which("clang++")


def build(folder: Path) -> Path:
    """Compile the guard against the installed torch; takes about ten seconds. The library's path."""
    spec, program = importlib.util.find_spec("torch"), compiler()
    if spec is None or spec.origin is None or program is None:
        raise FileNotFoundError("expected torch and g++ or clang++")
    torch, library = Path(spec.origin).parent, folder / LIBRARY
    subprocess.run(
        [program, "-shared", "-fPIC", "-std=c++20", "-O1", f"-I{torch / 'include'}", str(SOURCE), "-o", str(library),
         f"-L{torch / 'lib'}", "-lc10", "-ltorch_cpu", f"-Wl,-rpath,{torch / 'lib'}"],
        check=True, capture_output=True, text=True,
    )
    return library


def load(library: Path) -> None:
    """Load the guard into this process, which must not have imported torch yet."""
    if "torch" in sys.modules:
        raise RuntimeError("the pretended device's guard must be loaded before torch")
    ctypes.CDLL(str(library))
