"""A card's file as one complete table: TOML, and what the card takes from the one that it extends.

So that cards which differ in a key or two don't repeat the rest. A card that is extended is an installed one that
extends none, or a file, which may extend another itself; no card leaves its own name and version to another.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from ldbench.errors import CardError, unknown_name
from ldbench.records.files import got_instead, text_of
from ldbench.records.names import names_folder

PACKAGE = "ldbench_tasks"
# A change of the base changes its extensions too, so each must say its own version.
OWN = ("id", "version", "title", "summary")

Table = dict[str, Any]


def installed_names(folder: str = "") -> list[str]:
    """The ids of the installed cards, or the names of the TOML files in a folder beside them."""
    items = resources.files(PACKAGE).joinpath(folder).iterdir()
    return sorted(item.name.removesuffix(".toml") for item in items if item.name.endswith(".toml"))


def installed_text(name: str, folder: str = "") -> str:
    """The text of an installed card, or of a TOML file in a folder beside them."""
    return resources.files(PACKAGE).joinpath(folder, f"{name}.toml").read_text(encoding="utf-8")


def file_text(name: str) -> str:
    """The text of a card's file; `CardError` where it can't be read."""
    try:
        return text_of(Path(name).read_bytes())
    except OSError as error:
        raise CardError(f"can't read {name}: {error.strerror}; expected a task card") from error
    except UnicodeDecodeError as error:
        raise CardError(f"{name}: expected TOML in UTF-8, got {got_instead(error)}; save it as UTF-8") from error


def read_table(text: str, where: str) -> Table:
    """A TOML text as a table; `where` names the file in the `CardError` that it may raise."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{where}: expected TOML, got {error}") from error


def complete(text: str, where: str) -> Table:
    """The table of a card: its own keys, over those of the card that it `extends`, less what it `omit`s.

    Tables are merged key by key; any other value replaces the base's. A base that is a path is looked for from the
    folder of `where`, the card's own file. Raises `CardError` as `file:key`.
    """
    return _complete(text, where, ())


def _complete(text: str, where: str, extending: tuple[Path, ...]) -> Table:
    """The same of a card that the files `extending` extend, the first of them through the others."""
    table = read_table(text, where)
    name = table.get("id")
    if isinstance(name, str) and not names_folder(name):
        expected = "the name of a folder, as results are kept in one that is called so"
        raise CardError(f"{where}:id: expected {expected}, got {name!r:.60}")
    if "extends" in table:
        return _extended(table, where, extending)
    if "omit" in table:
        raise CardError(f"{where}:omit: expected only in a card that extends another, got no extends")
    return table


def _extended(table: Table, where: str, extending: tuple[Path, ...]) -> Table:
    base_id, omitted = table.pop("extends"), table.pop("omit", [])
    if not isinstance(base_id, str):
        expected = "the id of an installed card, or the path of a card's file"
        raise CardError(f"{where}:extends: expected {expected}, got {base_id!r:.60}")
    base = _in_file(base_id, where, extending) if base_id.endswith(".toml") else _installed(base_id, where)
    for key in OWN:
        if key not in table:
            raise CardError(f"{where}:{key}: expected the card's own, got nothing; it is not taken from {base_id}")
    if not isinstance(omitted, list):
        raise CardError(f"{where}:omit: expected a list of dotted keys, got {omitted!r:.60}")
    for dotted in omitted:
        _omit(base, dotted, f"{where}:omit", base_id)
    return merged(base, table)


def _installed(base_id: str, where: str) -> Table:
    """The table of an installed card to extend."""
    if base_id not in installed_names():
        remedy = "a card in a file is extended by its path from this card's folder, which ends in .toml"
        raise CardError(f"{where}:extends: {unknown_name('task', base_id, installed_names(), remedy)}")
    base = read_table(installed_text(base_id), f"{base_id}.toml")
    if "extends" in base:
        file = resources.files(PACKAGE).joinpath(f"{base_id}.toml")
        raise CardError(
            f"{where}:extends: expected a card that extends no other, got {base_id!r}, which extends "
            f"{base['extends']!r}; extend that one, and copy the keys and the omit of {file} into this card"
        )
    return base


def _in_file(name: str, where: str, extending: tuple[Path, ...]) -> Table:
    """The complete table of a card's file to extend, named from the folder of the card `where`."""
    path, chain = Path(where).parent / name, (*extending, Path(where).resolve())
    if path.resolve() in chain:
        raise CardError(f"{where}:extends: expected another card, got {name!r}, which extends this one or is it")
    try:
        text = file_text(str(path))
    except CardError as error:
        raise CardError(f"{where}:extends: {error}") from error
    base = _complete(text, str(path), chain)
    data = base.get("data")
    fresh = data.get("fresh") if isinstance(data, dict) else None
    if isinstance(fresh, dict) and isinstance(fresh.get("folder"), str):  # from the folder of the card that says it
        fresh["folder"] = (PurePath(name).parent / fresh["folder"]).as_posix()
    return base


def _omit(base: Table, dotted: object, where: str, base_id: str) -> None:
    """Take a key such as `metrics.auc` out of `base`."""
    *parents, last = str(dotted).split(".")
    table: Any = base
    for name in parents:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict) or last not in table:
        raise CardError(f"{where}: expected keys of {base_id}, such as metrics.fid, got {dotted!r:.60}")
    del table[last]


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Table:
    """The base with what is `own` over it: tables key by key, any other value whole."""
    both = {key for key, value in own.items() if isinstance(value, dict) and isinstance(base.get(key), dict)}
    return {**base, **{key: merged(base[key], value) if key in both else value for key, value in own.items()}}
