"""What the images in a prepared folder are made from: written down before the first one, and held to afterwards.

Images by two readers, two settings or two roots would be one data set that nobody could make again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldbench.api import Reader
from ldbench.data.prepare.splits import Plan
from ldbench.errors import DataError
from ldbench.records.files import nearest_there, write_text_atomic

_STATE = "state.json"
_BEFORE_IT = ("images", "skipped.csv")  # what a call that came to nothing may have left


def claim(out: Path, reader: Reader, plan: Plan, root: Path) -> None:
    """Write down what the images in `out` are made from, or refuse a folder where they are made from something else."""
    try:
        (out / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(out, error) from error
    if not check_begun(out, reader, plan, root):
        state = _state_of(reader, plan, root)
        write_text_atomic(out / _STATE, json.dumps(state, indent=2, sort_keys=True) + "\n")


def check_begun(out: Path, reader: Reader, plan: Plan, root: Path) -> bool:
    """Whether `out` was begun in this way. `DataError` where it was begun otherwise or nothing can be written there;
    writes nothing itself."""
    images, path = out / "images", out / _STATE
    _check_place(images)
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        others = [] if before is not None else [*_others(out), *_others(images)]
    except (OSError, ValueError) as error:
        raise _unusable(out, error) from error
    if others:  # they may be the owner's, and would be written over
        raise DataError(f"{out}: expected an empty folder or a begun one, got {min(others)}; choose another --out")
    state = _state_of(reader, plan, root)
    if before is not None and before != state:
        raise DataError(f"{out}: begun with another {_difference(before, state)}; choose another --out or remove it")
    return before is not None


def _others(folder: Path) -> list[str]:
    """The names in a folder that are not preparation's, none where there is no folder; hidden ones don't count."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [name for name in names if name not in _BEFORE_IT and not name.startswith(".")]


def _check_place(images: Path) -> None:
    """`DataError` where the folder, or the nearest above it that is there, is none, or may not be written to."""
    there = nearest_there(images)
    if not there.is_dir():
        raise _unusable(images.parent, f"{there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unusable(images.parent, f"{there} may not be written to")


def _unusable(out: Path, why: object) -> DataError:
    return DataError(f"can't prepare into {out}: {why}; choose another --out")


def _state_of(reader: Reader, plan: Plan, root: Path) -> dict[str, Any]:
    state = {
        "dataset": reader.dataset, "salt": plan.salt, "settings": dict(reader.settings()),
        "root": hashlib.sha256(os.fsencode(root)).hexdigest(),
    }
    if plan.split_as:
        state["split_as"] = plan.split_as
    found: dict[str, Any] = json.loads(json.dumps(state))  # a tuple reads back as a list
    return found


def _difference(before: object, state: Mapping[str, object]) -> str:
    if not isinstance(before, dict):
        return "program"
    one_by_one = ("dataset", "root", "salt", "split_as")
    key = next((key for key in one_by_one if before.get(key) != state.get(key)), "settings")
    old, new = before.get(key), state.get(key)
    if key != "settings" or not isinstance(old, dict) or not isinstance(new, dict):
        return f"{key}" if key == "root" else f"{key}, {old!r} and not {new!r}"
    name = next(name for name in sorted({*old, *new}) if old.get(name) != new.get(name))
    return f"setting: {name} was {old.get(name)!r}, is {new.get(name)!r}"
