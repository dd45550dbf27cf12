"""How a result names the generator it came from, so that a row of a leaderboard can be traced.

Where on a machine a file lay is not recorded: a generator from a file is named by file name and hash. What a name
doesn't say, the content behind it does: code is edited without a new version, weights are replaced in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ldbench.api import Context, Generator, HasFiles, HasResolved
from ldbench.plugins.code import code_digest, owner_of
from ldbench.plugins.generators import GENERATORS
from ldbench.plugins.live_code import PROGRAM
from ldbench.plugins.parameters import declared, parameters
from ldbench.records.checksum import sha256_file
from ldbench.records.digests import PARAMETER, RESOLVED, content_digest, digest_of
from ldbench.records.result import ModelRef


def model_ref(name: str, generator: Generator) -> ModelRef:
    """The record of `generator`, loaded as `name` (registered, `file.py:Class` or `package.module:Class`).

    A file belongs to no distribution: its version is `sha256:` and 16 digits of its hash. That of a class of a notebook
    is the digest of its code.
    """
    shown, (distribution, version) = name, (None, None)
    entry = GENERATORS.entry(name)
    module, _, attribute = name.rpartition(":")
    if entry is not None:
        distribution, version = entry.distribution, entry.version
    elif module.endswith(".py"):
        shown, version = f"{Path(module).name}:{attribute}", f"sha256:{sha256_file(Path(module))[:16]}"
    elif module == PROGRAM:
        version = code_digest(type(generator), None)
    else:
        distribution, version = owner_of(module)
    cls = type(generator)
    return ModelRef(shown, distribution, version, parameters(generator), cls.reference, cls.sees_truth)


def code_of(name: str, generator: Generator) -> str:
    """The digest of the code of `generator`, loaded as `name`."""
    return code_digest(type(generator), GENERATORS.entry(name))


def named_content(generator: Generator, out: Path) -> dict[str, str]:
    """The digest of each file or folder that one of the generator's parameters names, without what lies in `out`, where
    runs are written.

    A parameter counts where it takes any text, and its value names something that is there. A default of one bare word
    (`scan`) is a word, whatever folders lie about.
    """
    digests, values = dict[str, str](), parameters(generator)
    for parameter in declared(type(generator)):
        value = values[parameter.name]
        if not isinstance(value, str) or str not in parameter.scalars:
            continue
        if value == parameter.default and value.isidentifier():
            continue
        if (path := _named(value)) is not None:
            digests[f"{PARAMETER}{parameter.name}"] = content_digest(path, out)
    return digests


def further_content(generator: Generator, context: Context, known: Mapping[str, str]) -> dict[str, str]:
    """Digests of the files that a generator reads beside those that its parameters name, which are `known` already, and
    what parameters come to here that leave a choice."""
    files = generator.files(context) if isinstance(generator, HasFiles) else {}
    keys = {f"{PARAMETER}{what}": by_name for what, by_name in files.items()}
    resolved = generator.resolved(context) if isinstance(generator, HasResolved) else {}
    return {
        **{key: digest_of(by_name) for key, by_name in keys.items() if key not in known},
        **{f"{RESOLVED}{name}": str(value) for name, value in resolved.items()},
    }


def _named(value: str) -> Path | None:
    """The file or folder that a text names, if there is one."""
    try:
        path = Path(value).expanduser()
        return path if value.strip() and (path.is_file() or path.is_dir()) else None
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, nobody's home: a text, and no name
        return None
