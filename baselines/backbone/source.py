"""Where a backbone's files are: from a name to a folder on this disk, fetched from the hub only with permission.

Refuses to fetch what nobody needs (safety checker, pickled weights, other copies of the same weights), to go
online when HF_HUB_OFFLINE is set, and to load a packaged backbone whose SHA-256 sums don't hold.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from importlib import resources
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from ldbench.errors import WeightsError

from .errors import MissingPartError, one_line
from .folder import BackboneFolder, read_backbone_folder, read_configs
from .precision import Precision
from .weights import WEIGHTS, choose_variant, weight_files

PACKAGED = {"tiny-sd": "tiny-sd"}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# what says of which kind a repository is, and the parts without weights
SMALL_FILES = [
    "model_index.json", "config.json", "adapter_config.json", "*/config.json", "scheduler/scheduler_config.json",
    "tokenizer/*.json", "tokenizer/*.txt",
]
# HfHubHTTPError is based on the error of whichever HTTP library this huggingface_hub uses, which is no OSError
HTTP_ERRORS: tuple[type[BaseException], ...] = (OSError, *HfHubHTTPError.__bases__)


def find_backbone(name: str, precision: Precision, download: bool) -> BackboneFolder:
    """The folder of the backbone `name`, checked: a packaged one, a folder, or a hub id.

    Raises `WeightsError` where there is none, or only on the hub and `download` is false, or the hub can't be reached.
    """
    path = _packaged_folder(name) if name in PACKAGED else Path(name).expanduser()
    if path.exists():
        return read_backbone_folder(name, path, precision)
    if not _is_hub_id(name):
        near = difflib.get_close_matches(name, PACKAGED, n=1)
        hint = f"did you mean {near[0]}?" if near else f"packaged: {', '.join(PACKAGED)};"
        raise WeightsError(
            f"backbone {name!r}: no such folder (looked in {path.absolute().parent}); {hint} expected a packaged name, "
            "a diffusers Stable Diffusion folder, or a hub id such as CompVis/stable-diffusion-v1-4"
        )
    return _from_hub(name, precision, download)


def _is_hub_id(name: str) -> bool:
    if not HUB_ID.fullmatch(name):
        return False
    try:
        huggingface_hub.try_to_load_from_cache(name, "model_index.json")  # checks the form of the name first
    except HFValidationError:
        return False
    return True


def _from_hub(name: str, precision: Precision, download: bool) -> BackboneFolder:
    cached, lacking = _cached_snapshot(name), "no part of it"
    if cached is not None:
        try:
            return read_backbone_folder(name, cached, precision)
        except MissingPartError as error:
            lacking = error.part
    if not download:
        got = "is not there" if cached is None else f"is there incompletely ({lacking})"
        raise WeightsError(
            f"backbone {name!r}: no such folder, and in the hub cache {constants.HF_HUB_CACHE} it {got}; "
            "allow the download with --set download=true, or give a diffusers folder"
        )
    if constants.is_offline_mode():
        raise WeightsError(
            f"backbone {name!r}: can't be downloaded while HF_HUB_OFFLINE=1 is set and the hub cache "
            f"{constants.HF_HUB_CACHE} holds {lacking}; unset it, or give a diffusers folder"
        )
    return read_backbone_folder(name, _fetch(name, precision), precision)


def _cached_snapshot(name: str) -> Path | None:
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=SMALL_FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _fetch(name: str, precision: Precision) -> Path:
    """The snapshot of a hub repository with the small files first, so that a wrong kind costs no large download."""
    try:
        folder = Path(huggingface_hub.snapshot_download(name, allow_patterns=SMALL_FILES))
        if folder.is_dir():
            read_configs(name, folder)
            planned = huggingface_hub.snapshot_download(name, allow_patterns=[f"{p}/*" for p in WEIGHTS], dry_run=True)
            files = _needed(name, [info.filename for info in planned], precision)
            huggingface_hub.snapshot_download(name, allow_patterns=files)
            return folder
    except GatedRepoError as error:
        raise WeightsError(
            f"backbone {name!r}: its owner gates it; accept the terms at {constants.ENDPOINT}/{name} and log in with "
            "'hf auth login', or give a diffusers folder"
        ) from error
    except RepositoryNotFoundError as error:
        raise WeightsError(
            f"backbone {name!r}: no such folder, and {constants.ENDPOINT} has no such repository that you may read; "
            "correct the name, log in with 'hf auth login', or give a diffusers folder"
        ) from error
    except HTTP_ERRORS as error:
        cause = error.__cause__ or error
        raise WeightsError(
            f"backbone {name!r}: can't be downloaded from {constants.ENDPOINT} ({type(cause).__name__}: "
            f"{one_line(cause)}); check the connection and run again (what came is kept), or give a diffusers folder"
        ) from error
    raise WeightsError(
        f"backbone {name!r}: the repository holds none of a backbone's parts (LoRA weights or one single file?); "
        "give a diffusers Stable Diffusion repository such as CompVis/stable-diffusion-v1-4"
    )


def _needed(name: str, listed: list[str], precision: Precision) -> list[str]:
    """The weight files to fetch: one variant a part, of those that the repository lists."""
    needed: list[str] = []
    for part in WEIGHTS:
        files = [path.removeprefix(f"{part}/") for path in listed if path.startswith(f"{part}/")]
        try:
            variant = choose_variant(part, files, precision)
        except KeyError as error:
            raise WeightsError(
                f"backbone {name!r}: the repository has no safetensors of the {part}, and pickled ones (.bin, .ckpt) "
                "can run any code and aren't loaded; give one with safetensors, or a converted folder"
            ) from error
        needed += [f"{part}/{file}" for file in weight_files(part, files, variant)]
    return needed


def _packaged_folder(name: str) -> Path:
    """The folder of a backbone that ships with the package, after its SHA-256 sums hold."""
    folder = Path(str(resources.files(__package__).joinpath(PACKAGED[name])))
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise WeightsError(f"backbone {name!r}: {folder} has no SHA256SUMS; reinstall ldbench") from error
    for expected, file_name in (line.split(maxsplit=1) for line in lines if line):
        path = folder / file_name.strip().lstrip("*")
        actual = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if actual != expected:
            raise WeightsError(f"{path}: expected SHA-256 {expected[:12]}..., got {actual[:12]}...; reinstall ldbench")
    return folder
