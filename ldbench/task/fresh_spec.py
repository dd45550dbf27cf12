"""A card's table `[data.fresh]`: which splits have new subjects, and where these lie.

Refuses a folder that is not below the card's own, whoever wrote the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

SPLITS = ("train", "validation", "test")
Rule = tuple[bool, str, str, object]  # whether it holds, and key, what is expected and what is there if it does not


@dataclass(frozen=True)
class FreshSpec:
    """Splits whose subjects are new ones, made by the data set's own simulator (`ldbench data render`).

    `folder` holds them: a path from the card's own folder, and no part of the card's hash. `checksums` maps each file
    in it to its SHA-256. Other splits are the installed data's.
    """

    folder: str
    splits: tuple[str, ...]
    checksums: Mapping[str, str]


def fresh_rules(fresh: FreshSpec | None) -> list[Rule]:
    """What holds of the table, where a card has one."""
    if fresh is None:
        return []
    path = PurePosixPath(fresh.folder)
    known = bool(fresh.splits) and set(fresh.splits) <= set(SPLITS)
    inside = not path.is_absolute() and not {"..", "\\", ":"} & {*path.parts, *fresh.folder}
    return [
        (inside, "data.fresh.folder", "a path below the card's folder, with /", repr(fresh.folder)),
        (known, "data.fresh.splits", f"some of {', '.join(SPLITS)}", list(fresh.splits)),
        (bool(fresh.checksums), "data.fresh.checksums", "the SHA-256 of each file", "nothing"),
    ]


def placed(fresh: FreshSpec | None, folder: Path) -> FreshSpec | None:
    """The same with the path of the data from here, and not from the card's `folder`."""
    return None if fresh is None else replace(fresh, folder=str(folder / fresh.folder))
