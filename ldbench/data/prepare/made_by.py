"""The code that a reader's pictures are made by, as one digest: two versions of it give two pictures of one scan.

Covered are the suite's own modules that make pixels, the module of a reader of the suite, and whatever
`ldbench.plugins.code.sources` gives for another's. Not covered: the libraries that decode and resample.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ldbench
from ldbench.api import Reader
from ldbench.plugins.code import sources
from ldbench.records.digests import digest_of, files_below

_SUITE = Path(ldbench.__file__).parent
_ALWAYS = ("data/decoding.py", "data/prepare/one_image.py")
_PIXELS = "data/prepare/pixels"


def code_files(reader: type[Reader]) -> dict[str, Path]:
    """The files by name."""
    files = {name: _SUITE / name for name in _ALWAYS}
    files |= {f"{_PIXELS}/{name}": path for name, path in files_below(_SUITE / _PIXELS, ".py").items()}
    for module in {base.__module__ for base in reader.__mro__}:
        package, *parts = module.split(".")
        if package in sys.stdlib_module_names:
            continue
        if package == ldbench.__name__:
            own = "/".join(parts) + ".py"
            files[own] = _SUITE / own
        else:
            files |= sources(module)
    return files


def made_by(reader: type[Reader]) -> str:
    """`sha256:` and 16 digits over the files."""
    return digest_of(code_files(reader))
