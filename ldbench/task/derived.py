"""The text of a card that differs from another in a few keys: for programs that make cards, as rendering does.

An installed card is extended; one that extends another itself, or that lies in a file, is written out with the changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from ldbench.task.card_file import Table, complete, file_text, installed_text, merged, read_table


def derived(name: str, changes: Mapping[str, object]) -> str:
    """TOML of the card `name`, an installed id or a file's path, but for the `changes`, which hold all of `OWN`."""
    if name.endswith(".toml"):
        base = complete(file_text(name), name)
    else:
        base = read_table(installed_text(name), f"{name}.toml")
        if "extends" not in base:
            base = {"extends": name}
    return "\n".join(_lines(merged(base, changes), "")) + "\n"


def _lines(table: Table, path: str) -> Iterator[str]:
    """The values of a table, then the tables in it under their headings."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if key not in inner:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        below = f"{path}.{_key(key)}" if path else _key(key)
        if not value or any(not isinstance(item, dict) for item in value.values()):
            yield f"\n[{below}]"
        yield from _lines(value, below)


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    if isinstance(value, str):  # as JSON spells it, which escapes all that TOML wants escaped but DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)
