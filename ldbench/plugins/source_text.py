"""What a plug-in says of itself, read from its source and not by importing it.

Listing a hundred plug-ins must not import torch a hundred times, so names, summaries and kinds are taken from the text
of a module: docstrings, and arguments that are written out as constants. What a source does not say this plainly is
unknown here, never guessed.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

_DEPTH = 12  # bases and imports that are followed; a longer chain is a circle


@dataclass(frozen=True)
class Described:
    """A summary in one line, the kinds of task (None: not said plainly), and further constants by field name.

    `plain` says of a record that the source spells it out; `unread` are fields whose values it computes.
    """

    summary: str = ""
    kinds: frozenset[str] | None = None
    plain: bool = False
    unread: frozenset[str] = frozenset()
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def records_in(package: str, record: str, fields: Sequence[str]) -> dict[str, str]:
    """Plug-ins that the modules of a package hold: name to `module:ATTRIBUTE`, for every `ATTRIBUTE = record(...)`.

    The package's own `__init__`, or a plain module, counts as one of its modules. `fields` are the record's.
    """
    found: dict[str, str] = {}
    for module, path in _modules(package):
        for attribute, call in _records(_parsed(path), record):
            name = _constants(call, fields).get("name")
            if isinstance(name, str):
                found[name] = f"{module}:{attribute}"
    return found


def describe(value: str, fields: Sequence[str], record: str) -> Described:
    """What the source of `module:Attribute` says; an empty description where it is not found or says nothing.

    `fields` are those of `record`, the class whose instance it may be.
    """
    module, _, attribute = value.partition(":")
    return _described(module, attribute, tuple(fields), record, _DEPTH)


def _described(module: str, attribute: str, fields: tuple[str, ...], record: str, depth: int) -> Described:
    path = _path(module)
    if path is None or not depth:
        return Described()
    tree = _parsed(path)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            summary = (ast.get_docstring(node) or "").strip().partition("\n")[0]
            return Described(summary, _kinds(node, module, tree, path, depth), True)
        if isinstance(node, ast.Assign | ast.AnnAssign) and attribute in _targets(node):
            call = _call_of(record, node)
            return Described() if call is None else _of_call(call, module, tree, path, fields, depth)
    source = _imported(tree, module, path).get(attribute)
    return Described() if source is None else _described(*source, fields, record, depth - 1)


def _of_call(
    value: ast.Call, module: str, tree: ast.Module, path: Path, fields: tuple[str, ...], depth: int
) -> Described:
    """What a record's constants say; a preset's kinds are those of the class that it names first."""
    facts = _constants(value, fields)
    given = {*fields[: len(value.args)], *(word.arg or "" for word in value.keywords)}
    kinds = None
    if value.args and isinstance(value.args[0], ast.Name):
        kinds = _kinds_of_name(value.args[0].id, module, tree, path, depth)
    unread = frozenset(fields if "" in given else given - facts.keys())  # "" for **fields
    return Described(str(facts.get("summary", "")), kinds, True, unread, MappingProxyType(facts))


def _kinds(node: ast.ClassDef, module: str, tree: ast.Module, path: Path, depth: int) -> frozenset[str] | None:
    """The class's own `kinds`, else its first base's that says some; None where a method decides."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "capabilities":
            return None
        if isinstance(part, ast.Assign | ast.AnnAssign) and "kinds" in _targets(part) and part.value is not None:
            return _strings(part.value, tree)
    names = [base.id for base in node.bases if isinstance(base, ast.Name)]
    each = (_kinds_of_name(name, module, tree, path, depth) for name in names)
    return next((kinds for kinds in each if kinds is not None), None)


def _kinds_of_name(name: str, module: str, tree: ast.Module, path: Path, depth: int) -> frozenset[str] | None:
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
        return _described(module, name, (), "", depth - 1).kinds if depth else None
    source = _imported(tree, module, path).get(name)
    return None if source is None or not depth else _described(*source, (), "", depth - 1).kinds


def _strings(value: ast.expr, tree: ast.Module) -> frozenset[str] | None:
    """The strings of `frozenset({...})`, of a written-out set, of a union of such, or of a constant of the module."""
    if isinstance(value, ast.Name):
        constants = (node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
        named = next((node.value for node in constants if value.id in _targets(node)), None)
        return None if named is None else _strings(named, tree)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        left, right = _strings(value.left, tree), _strings(value.right, tree)
        return None if left is None or right is None else left | right
    inner = value.args[0] if isinstance(value, ast.Call) and value.args else value
    try:
        return frozenset(ast.literal_eval(inner))
    except (ValueError, TypeError):
        return None


def _constants(call: ast.Call, fields: Sequence[str]) -> dict[str, object]:
    """The arguments of a call that are written out, by field name."""
    given = [*zip(fields, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]
    found: dict[str, object] = {}
    for name, value in given:
        if name is not None:
            try:
                found[name] = ast.literal_eval(value)
            except (ValueError, TypeError):
                continue
    return found


def _records(tree: ast.Module, record: str) -> Iterator[tuple[str, ast.Call]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and (call := _call_of(record, node)) is not None:
            yield from ((name, call) for name in _targets(node))


def _call_of(record: str, node: ast.Assign | ast.AnnAssign) -> ast.Call | None:
    """The call of a record's class that is assigned; None for all else, whose arguments mean something else."""
    call = node.value if isinstance(node.value, ast.Call) else None
    return call if call is not None and isinstance(call.func, ast.Name) and call.func.id == record else None


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imported(tree: ast.Module, module: str, path: Path) -> dict[str, tuple[str, str]]:
    """Imported names, each with the module and the name that it has there."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            parts = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {alias.asname or alias.name: (base, alias.name) for alias in node.names}
    return found


def _modules(package: str) -> list[tuple[str, Path]]:
    path = _path(package)
    if path is None:
        return []
    if path.name != "__init__.py":
        return [(package, path)]
    inside = [(f"{package}.{each.stem}", each) for each in sorted(path.parent.glob("*.py")) if each != path]
    return [(package, path), *inside]


def _path(module: str) -> Path | None:
    """The source file of a module, found without importing it or any package above it."""
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not parts and spec.origin is not None and spec.origin.endswith(".py"):
        return Path(spec.origin)
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


def _parsed(path: Path) -> ast.Module:
    return _parse(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=512)
def _parse(path: Path, changed: int) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module([], [])
