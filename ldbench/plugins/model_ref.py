"""How a result names the generator it came from, so that a row of a leaderboard can be traced.

Where on a machine a file lay is not recorded: a generator from a file is named by file name and hash.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from ldbench.api import Generator
from ldbench.plugins.generators import GENERATORS
from ldbench.plugins.parameters import parameters
from ldbench.records.checksum import sha256_file
from ldbench.records.result import ModelRef


def model_ref(name: str, generator: Generator) -> ModelRef:
    """The record of `generator`, loaded as `name` (registered, `file.py:Class` or `package.module:Class`).

    A file belongs to no distribution: its version is `sha256:` and 16 digits of its hash.
    """
    shown, (distribution, version) = name, (None, None)
    entry = GENERATORS.entry(name)
    module, _, attribute = name.rpartition(":")
    if entry is not None:
        distribution, version = entry.distribution, entry.version
    elif module.endswith(".py"):
        shown, version = f"{Path(module).name}:{attribute}", f"sha256:{sha256_file(Path(module))[:16]}"
    else:
        distribution, version = _owner(module)
    cls = type(generator)
    return ModelRef(shown, distribution, version, parameters(generator), cls.reference, cls.sees_truth)


def _owner(module: str) -> tuple[str | None, str | None]:
    """The distribution that installed a module, where exactly one did."""
    owners = set(metadata.packages_distributions().get(module.partition(".")[0], []))
    if len(owners) != 1:
        return None, None
    name = owners.pop()
    return name, metadata.version(name)
