"""Write docs/api from docstrings and signatures: one page a public module, one for the contract's clauses.

    python -m recipes.write_api             # all pages
    python -m recipes.write_api --freeze    # tests/historic/api-VERSION.txt, python-VERSION.txt: names and signatures

Reads source with `ast`, so that a page says what the source says, on any version of Python. The prose is in the
docstrings, and in docs/api/index.md by hand.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import ldbench
from ldbench.api import API_VERSION
from ldbench.testing import CLAUSES
from ldbench.testing.plugin_clauses import OF_METRICS, OF_NETWORKS

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "api"
FROZEN = ROOT / "tests" / "historic"
PUBLIC = ("ldbench.api", "ldbench.errors", "ldbench.testing")
# of the suite itself; they may change with a minor release
FUNCTIONS = (
    "ldbench", "ldbench.run.measure", "ldbench.run.reference", "ldbench.board.folder_differences",
    "ldbench.board.folder_seeds",
)
# their Python is the suite's own; the classes are documented because the files are public
FORMATS = ("ldbench.task.card", "ldbench.task.metric_specs", "ldbench.records.result", "ldbench.board.leaderboard")
# a page that also has the classes of another folder's modules whose names end so: settings in their metrics' modules
_ALSO = {"ldbench.task.metric_specs": ("ldbench.score.metrics", "Spec")}
_WIDTH = 100
_MARK = "<!-- written by recipes/write_api.py from the source; change the docstrings there -->"

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Module:
    """A module's source: its docstring, and its public definitions and constants in the source's order."""

    name: str
    text: str
    definitions: tuple[Definition, ...]
    constants: tuple[str, ...]


def module(name: str, classes_only: bool = False) -> Module:
    """Read a module; public is what `__all__` names, else what begins with no underscore."""
    tree = _tree(name)
    listed = _all_of(tree)
    kinds = (ast.ClassDef,) if classes_only else (ast.ClassDef, ast.FunctionDef)
    definitions = [node for node in tree.body if isinstance(node, kinds) and _public(node.name, listed)]
    for each, source in sorted(_imported(tree).items()):
        if each in listed and source not in FUNCTIONS:  # re-exported: documented where it is promised
            definitions += [one for one in _tree(source).body if isinstance(one, kinds) and one.name == each]
    definitions += _also(*_ALSO[name]) if name in _ALSO else []
    constants = [] if classes_only else list(_constants(tree, listed))
    return Module(name, ast.get_docstring(tree) or "", tuple(definitions), tuple(constants))


def _also(package: str, suffix: str) -> list[Definition]:
    """The classes of a package's modules whose names have a suffix, by module."""
    spec = util.find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations or []
    names = sorted(f"{package}.{path.stem}" for folder in folders for path in Path(folder).glob("*.py"))
    bodies = [_tree(name).body for name in names if not name.endswith("__init__")]
    return [one for body in bodies for one in body if isinstance(one, ast.ClassDef) and one.name.endswith(suffix)]


def page(name: str) -> str:
    """The page of one module."""
    found = module(name, classes_only=name in FORMATS)
    parts = [_MARK, f"# {name}", _prose(found.text)]
    if found.constants:
        parts.append(_code("\n".join(found.constants)))
    parts += [_section(node) for node in found.definitions]
    return "\n\n".join(map(_wrapped, parts)) + "\n"


def _wrapped(part: str) -> str:
    """A part of a page with its prose at the width of the other pages; code, tables and headings stay as they are."""
    lines, paragraph, code = [], "", False
    for line in [*part.splitlines(), ""]:
        code = code != line.startswith("```")
        plain = not code and line.strip() and not line.startswith(("```", "|", "#", "<!--"))
        if plain and paragraph and not line.startswith(("- ", "* ")):
            paragraph += " " + line.strip()
            continue
        indent = "  " if paragraph.startswith(("- ", "* ")) else ""
        lines += textwrap.wrap(
            paragraph, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        paragraph = line if plain else ""
        if not plain:
            lines.append(line)
    return "\n".join(lines[:-1])


def contract() -> str:
    """The page of the contracts: every clause with what is expected and how to repair what breaks it."""
    parts = [
        (
            "# The contract",
            "What a generator must keep for its results to be compared with others'. `ldbench check MODEL` and "
            "`ldbench.testing` hold it against every clause on a miniature task of each kind that it declares. What a "
            "further call, or a further fit in a new folder, raises breaks `fit and generate`. Where two equal calls "
            "of one fit differ, the clauses that compare other calls and fits with them are not judged.",
            CLAUSES,
        ),
        (
            "## Metrics",
            "`ldbench check --metric NAME` tries a metric on at most 80 cases of a task of each kind that has what it "
            "needs.", OF_METRICS,
        ),
        (
            "## Feature networks and estimators",
            "`ldbench check --network NAME` and `--estimator NAME` have 16 images read. Parameters are a network's "
            "alone.",
            OF_NETWORKS,
        ),
    ]
    lines = [_MARK]
    for title, text, clauses in parts:
        rows = [f"| {one.name} | {_cell(one.expected)} | {_cell(one.remedy)} |" for one in clauses]
        lines += ["", title, "", _wrapped(text), "", "| clause | expected | remedy |", "|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    written = {f"{name.rpartition('.')[2]}.md": page(name) for name in (*PUBLIC, *FUNCTIONS, *FORMATS)}
    return written | {"contract.md": contract()}


def surface() -> list[str]:
    """What is promised, a line each: names, fields and signatures of the public modules."""
    return [line for name in PUBLIC for line in _surface_of(module(name))]


def functions_surface() -> list[str]:
    """The same of the suite's own functions, and which of all it offers at its top."""
    names = ", ".join(sorted(_all_of(_tree("ldbench"))))
    return [f"ldbench: {names}", *(line for name in FUNCTIONS for line in _surface_of(module(name)))]


def _surface_of(found: Module) -> Iterator[str]:
    for constant in found.constants:
        name, _, value = constant.partition(" = ")
        # a version and a list that grows are promised by name alone
        yield f"{found.name}.{name}" if name in ("API_VERSION", "CLAUSES") else f"{found.name}.{name} = {value}"
    for node in found.definitions:
        where = f"{found.name}.{node.name}"
        if isinstance(node, ast.FunctionDef):
            yield f"{found.name}.{_signature(node)}"
            continue
        yield " ".join([f"class {where}{_bases(node)}", *_decorators(node)])
        yield from (f"{where}.{line}" for line in _fields(node))
        yield from (f"{where}.{' '.join([_signature(each), *_decorators(each)])}" for each in _methods(node))


def _section(node: Definition) -> str:
    """One class or function: heading, signature, docstring, methods."""
    if isinstance(node, ast.FunctionDef):
        return "\n\n".join([f"## `{node.name}`", _code(_declared(node)), _prose(ast.get_docstring(node) or "")])
    fields = [f"    {line}" for line in _fields(node)]
    head = [*_decorators(node), f"class {node.name}{_bases(node)}{':' if fields else ''}", *fields]
    parts = [f"## `{node.name}`", _code("\n".join(head)), _prose(ast.get_docstring(node) or "")]
    for each in _methods(node):
        parts += [f"### `{node.name}.{each.name}`", _code(_declared(each)), _prose(ast.get_docstring(each) or "")]
    return "\n\n".join(part for part in parts if part)


def _fields(node: ast.ClassDef) -> list[str]:
    """Annotated attributes, as in the source."""
    found = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    return [ast.unparse(each) for each in found if _public(ast.unparse(each.target), frozenset())]


def _methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """Public methods, and those of Python's own protocols that say what they do."""
    named = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    special = [each for each in named if each.name.startswith("__") and ast.get_docstring(each)]
    return [each for each in named if each in special or _public(each.name, frozenset())]


def _bases(node: ast.ClassDef) -> str:
    return f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""


def _declared(node: ast.FunctionDef) -> str:
    return "\n".join([*_decorators(node), f"def {_signature(node)}"])


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


def _decorators(node: Definition) -> list[str]:
    """Those that change what a caller may rely on: the words of errors are no promise."""
    found = [ast.unparse(each) for each in node.decorator_list]
    return [f"@{each}" for each in found if not each.startswith("argument_names(")]


def _constants(tree: ast.Module, listed: frozenset[str]) -> Iterator[str]:
    yield from _assigned(tree, lambda name: name != "__all__" and _public(name, listed))
    for name, source in sorted(_imported(tree).items()):
        if name in listed:  # re-exported: a list that grows by its name alone
            yield from [name] if name.isupper() else _assigned(_tree(source), name.__eq__)


def _assigned(tree: ast.Module, wanted: Callable[[str], bool]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and wanted(node.targets[0].id):
            yield ast.unparse(node)


def _public(name: str, listed: frozenset[str]) -> bool:
    return name in listed if listed else not name.startswith("_")


def _all_of(tree: ast.Module) -> frozenset[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def _imported(tree: ast.Module) -> dict[str, str]:
    """Imported names, each with its module, also those of which a type checker alone is told."""
    guarded = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    nodes = [*tree.body, *(node for each in guarded for node in each.body)]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in froms for alias in node.names if node.module}


def _tree(name: str) -> ast.Module:
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"no source of {name}: install ldbench first")
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _prose(text: str) -> str:
    """A docstring as Markdown: examples become blocks of code."""
    return "\n\n".join(_code(part, "pycon") if part.startswith(">>>") else part for part in text.split("\n\n"))


def _code(text: str, language: str = "python") -> str:
    return f"```{language}\n{text}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write what the arguments ask for."""
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
    if "--freeze" in sys.argv[1:]:
        (FROZEN / f"api-{API_VERSION}.txt").write_text("\n".join(surface()) + "\n", encoding="utf-8")
        functions = "\n".join(functions_surface())
        (FROZEN / f"python-{ldbench.__version__}.txt").write_text(functions + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
