"""What is read of a backbone, as one digest: weights that are replaced in place keep their name, but not this."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ldbench.errors import WeightsError

from .folder import CONFIGS, BackboneFolder
from .precision import Precision
from .source import find_backbone
from .weights import WEIGHTS, weight_files

CONTENT = "backbone_content"


def backbone_content(name: str | None, precision: Precision, download: bool) -> dict[str, str]:
    """The digest under its key, for what must be made from the same backbone; a packaged one keeps its name and may
    have other weights in another version. Empty for none. Raises what `find_backbone` raises."""
    if name is None:
        return {}
    folder = find_backbone(name, precision, download)
    digest = hashlib.sha256()
    for path in sorted(_read_files(folder)):
        status = path.stat()
        marks = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(f"{path.relative_to(folder.path).as_posix()}\0{_sha256(path, marks)}\n".encode())
    return {CONTENT: digest.hexdigest()[:16]}


def backbone_files(name: str | None, precision: Precision) -> dict[str, dict[str, Path]]:
    """The files that are read of a backbone on this disk, a packaged one's too, for `HasFiles`; empty where there is
    none yet."""
    if name is None:
        return {}
    try:
        folder = find_backbone(name, precision, download=False)
    except WeightsError:
        return {}
    return {"backbone": {path.relative_to(folder.path).as_posix(): path for path in _read_files(folder)}}


def _read_files(folder: BackboneFolder) -> Iterator[Path]:
    """The configs, the tokenizer, and the weights of the variants that are loaded."""
    yield from (folder.path / file for file in CONFIGS.values())
    yield from (path for path in (folder.path / "tokenizer").iterdir() if path.is_file())
    for part in WEIGHTS:
        files = {path.name for path in (folder.path / part).iterdir()}
        yield from (folder.path / part / file for file in weight_files(part, files, folder.variants[part]))


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, marks: tuple[int, int, int]) -> str:
    """SHA-256 of a file, read once while size and times (`marks`) stay: a fit asks several times."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
