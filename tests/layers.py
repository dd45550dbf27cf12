"""The layers of the suite, lowest first, and what each of its modules imports, read from the source."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Lowest first: a package imports what stands before it, and its own parts. A new one must be given its place here.
ORDER = (
    "errors", "_torchvision", "api", "records", "plugins", "task", "data", "score", "run", "board", "report", "testing",
    "studies", "cli", "__main__",
)
LEVEL = {name: level for level, name in enumerate(ORDER)}


def modules(folder: Path, package: str) -> dict[str, Path]:
    """Dotted name -> file, for each module below a folder."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


def _is_module(name: str) -> bool:
    """Whether a dotted name of the suite is a module: `from package import module` does not ask for the package."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@functools.cache
def imports(path: Path, name: str) -> set[str]:
    """Every module that a file imports, at the top or inside a function, relative imports resolved."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                part = f"{base}.{alias.name}"
                found |= {part} if _is_module(part) else {base, part}
    return found


SUITE = modules(ROOT / "ldbench", "ldbench")
BASELINES = modules(ROOT / "baselines", "ldbench_baselines")
SANDBOX = modules(ROOT / "sandbox", "ldbench_sandbox")
OUTSIDERS = BASELINES | SANDBOX


@functools.cache
def graph() -> dict[str, set[str]]:
    """What each module of the suite imports of it."""
    return {name: (imports(path, name) & SUITE.keys()) - {name, "ldbench"} for name, path in SUITE.items()}


def reached(start: str) -> set[str]:
    """All modules of the suite that importing and using `start` can import."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph()[name]
    return seen
