"""What comes of a training here, kept as safetensors under a key of everything that it depends on.

That is a network's weights, or the scores it gives. A kept file whose key or digest is not what it should be is not
trusted: the network is then trained again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ldbench.records.digests import digest_of
from ldbench.records.files import write_cache
from ldbench.score.arithmetic import arithmetic_of

if TYPE_CHECKING:
    import torch

    State = Mapping[str, torch.Tensor]
    Kept = tuple[State, Mapping[str, str]]


def content_key(header: Mapping[str, object], blocks: Iterable[npt.NDArray[Any]] = ()) -> str:
    """SHA-256 of settings, as JSON, and of the bytes of contiguous arrays in turn."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for block in blocks:
        digest.update(block.data)
    return digest.hexdigest()


def training_key(
    settings: Mapping[str, object], code: Iterable[ModuleType], blocks: Iterable[npt.NDArray[Any]],
    device: torch.device | str,
) -> str:
    """The key of what a training gives: its settings, its code, the data in blocks, torch, and the device's arithmetic.

    Processor and threads, which decide the last digits, are not in it: all models that are scored with one cache meet
    one network, or no table could hold them. A result that must equal that of a training here and now, to the bit, has
    `ldbench.score.arithmetic.rounding_of` among its settings.
    """
    import torch

    files = {module.__name__: Path(str(module.__file__)) for module in code}  # an edited source keeps the version
    header = {
        **settings, "code": digest_of(files), "torch": torch.__version__, "arithmetic": arithmetic_of(device),
    }
    return content_key(header, blocks)


def kept_or_made(folder: Path | None, key: str, make: Callable[[], State]) -> State:
    """The state that `folder` keeps under a key, else the one that `make` gives, then left there; None keeps nothing.
    """
    if folder is None:
        return make()
    path = folder / f"{key}.safetensors"
    found = _read(path, "key", key)
    if found is not None:
        return found[0]
    state = make()
    _write(path, key, state)
    return state


def state_digest(state: State) -> str:
    """SHA-256 over names and values: safetensors itself doesn't notice a flipped bit."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        values = state[name].cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(name.encode() + b"\0" + values.numpy().tobytes())
    return digest.hexdigest()


def state_of_digest(paths: Iterable[Path], digest: str) -> Kept | None:
    """The weights of a digest, and what their file says of itself, from the first file that holds them undamaged; None
    where none does."""
    return next((found for path in paths if (found := _read(path, "digest", digest)) is not None), None)


def _read(path: Path, entry: str, expected: str) -> Kept | None:
    """The weights in a file that says `expected` of itself under `entry`, where they have the digest that it names."""
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):  # noqa: PTH113 (false, too, where this user may not look)
        return None
    try:
        with safe_open(path, "pt", device="cpu") as file:
            said = file.metadata() or {}
            if said.get(entry) != expected:
                return None
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    except (SafetensorError, OSError):
        return None
    return (state, said) if said.get("digest") == state_digest(state) else None


def state_file(state: State, **said: str) -> bytes:
    """A state as a safetensors file that names its digest, and what else is `said` of it."""
    from safetensors.torch import save

    plain = {name: value.cpu().contiguous() for name, value in state.items()}
    return save(plain, metadata={**said, "digest": state_digest(plain)})


def _write(path: Path, key: str, state: State) -> None:
    """Keep a state under its key, where the disk allows it."""
    content = state_file(state, key=key)
    write_cache(path, lambda file: file.write(content))
