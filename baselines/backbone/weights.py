"""The weight files of a backbone's parts: which variant to load, and whether they are whole, told from their headers.

Only safetensors are read; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from safetensors import SafetensorError, safe_open

from .errors import REMEDY, MissingPartError, one_line, wrong
from .precision import Precision

WEIGHTS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}


def choose_variant(part: str, files: Collection[str], precision: Precision) -> str | None:
    """Which of a part's weight files to load: "fp16" or None (plain); `files` are the names in its folder.

    The fp16 files serve where only they are there, or where float16 is asked for; bfloat16 is closer to the plain ones.
    Raises `KeyError` where there are no safetensors.
    """
    variants = {variant for variant in (None, "fp16") if weight_files(part, files, variant)}
    if not variants:
        raise KeyError(part)
    if precision == "float16" and "fp16" in variants:
        return "fp16"
    return None if None in variants else "fp16"


def weight_files(part: str, files: Collection[str], variant: str | None) -> list[str]:
    """The names among `files` that hold the weights of a part in a variant: one file, or shards with their index."""
    stem, suffix = WEIGHTS[part], f".{variant}" if variant else ""
    single = f"{stem}{suffix}.safetensors"
    if single in files:
        return [single]
    index, shards = _index(part, variant), _shards(part, files, variant)
    return [index, *shards] if index in files and shards else []


def _index(part: str, variant: str | None) -> str:
    """The name of the file that says which shard holds which weight."""
    return f"{WEIGHTS[part]}.safetensors.index{f'.{variant}' if variant else ''}.json"


def _shards(part: str, files: Collection[str], variant: str | None) -> list[str]:
    """The names among `files` that are shards of a part in a variant."""
    stem = f"{WEIGHTS[part]}.{variant}-" if variant else f"{WEIGHTS[part]}-"
    return sorted(file for file in files if file.startswith(stem) and file.endswith(".safetensors"))


def check_weights(name: str, folder: Path, precision: Precision) -> str | None:
    """The variant to load of a part whose files' headers are whole; reads a few kilobytes of each.

    Raises `MissingPartError` where there are none, `WeightsError` for a damaged one, and for shards, or their index,
    beside a single file: saving one leaves the other, and libraries disagree on which they read.
    """
    files = {path.name for path in folder.iterdir() if path.is_file()}  # a cache can hold dangling links
    try:
        variant = choose_variant(folder.name, files, precision)
    except KeyError:
        pickled = sorted(file for file in files if file.endswith((".bin", ".ckpt", ".pt", ".pth")))
        if pickled:
            raise MissingPartError(
                f"backbone {name!r}: {folder.name}/ has only {pickled[0]}, a pickle, which can run any code and isn't "
                "loaded; expected safetensors: convert it where you trust it, with save_pretrained(FOLDER)",
                f"no safetensors of the {folder.name}",
            ) from None
        raise MissingPartError(
            f"backbone {name!r}: {folder.name}/ has no weights; expected {WEIGHTS[folder.name]}.safetensors; {REMEDY}",
            f"no weights of the {folder.name}",
        ) from None
    chosen = weight_files(folder.name, files, variant)
    others = [*_shards(folder.name, files, variant), *({_index(folder.name, variant)} & files)]
    if others and len(chosen) == 1:
        raise wrong(
            name, f"{folder.name}/", "one file of weights, or shards", f"both ({chosen[0]} and {others[0]})",
            "remove those that are not meant",
        )
    for file in chosen:
        if file.endswith(".safetensors"):
            _check_header(name, folder / file)
    return variant


def _check_header(name: str, path: Path) -> None:
    with path.open("rb") as handle:
        start = handle.read(40)
    if start.startswith(b"version https://git-lfs"):
        raise wrong(name, str(path), "weights", "a Git LFS pointer", "run git lfs pull in its folder")
    try:
        with safe_open(path, framework="pt") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        got = f"{path.stat().st_size} bytes that are cut short or something else ({one_line(error)})"
        raise wrong(name, f"{path.parent.name}/{path.name}", "a safetensors file", got, "fetch it again") from error
