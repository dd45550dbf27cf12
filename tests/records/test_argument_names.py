"""Errors by the names of the reader's call: every text of the suite that names an option says its value or none."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ldbench
from ldbench.errors import UsageError
from ldbench.records import argument_names as words
from ldbench.records.argument_names import argument_names, by_command

SUITE = Path(ldbench.__file__).parent
# values and names of values that texts give to options
VALUES = frozenset({
    "cpu", "cuda", "pad", "grey-as-rgb", "judge_accuracy", "FILE", "TASK", "FOLDER", "BASELINE", "runs", "copy",
    "counterfactual", "key=value", "axial",
})


@argument_names(lambda answer, change: [change(one) for one in answer], metric="metrics", set="settings")
def told(
    text: str, *, subject_pattern: str = "", paired: bool = False, side: int = 0, fit: str = "", blur: float = 0,
    noise: float = 0, metrics: object = (), settings: object = None, subjects: object = None,
) -> list[str]:
    """An answer with a text, or the error of it."""
    if text.startswith("--"):
        raise UsageError(text)
    return [text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--subject-pattern: expected one, got --subjects too", "subject_pattern: expected one, got subjects= too"),
        ("--fit pad: expected a side, got none; add --side", "fit='pad': expected a side, got none; add side="),
        ("--blur, --noise: expected 0", "blur, noise: expected 0"),
        ("--subjects /a b/c.csv: expected a: b", "subjects='/a b/c.csv': expected a: b"),
        ("--paired: expected pairs; drop --paired", "paired: expected pairs; drop paired=True"),
        ("--set auc:epochs: expected 1", "settings['auc']['epochs']: expected 1"),
        ("--set auc: expected a metric; add --metric auc", "settings['auc']: expected a metric; add metrics='auc'"),
        ("--set f.py:NAME: expected a metric", "settings['f.py:NAME']: expected a metric"),
        ("give --set auc:epochs=6 to train alike", "give settings={'auc': {'epochs': '6'}} to train alike"),
        ("say it with --blur and --noise (--side 64)", "say it with blur= and noise= (side=64)"),
        ("see `ldbench measure --side 64`, or --side", "see `ldbench measure --side 64`, or side="),
        ("choose another --out", "choose another --out"), ("a--side", "a--side"),
    ],
)
def test_an_option_is_the_argument_in_python_and_stays_in_a_command(text: str, said: str) -> None:
    for call, expected in ((told, said), (by_command(told), text)):
        try:
            [found] = call(text)
        except UsageError as error:
            found = str(error)
        assert found == expected


def test_signatures_stay_and_every_function_of_python_is_marked() -> None:
    assert "subject_pattern" in inspect.signature(told).parameters
    functions = {name: getattr(ldbench, name) for name in ldbench.__all__ if name[0].islower()}
    marked = {name for name, each in functions.items() if by_command(each) is not each}
    assert functions.keys() == marked


@pytest.mark.slow
def test_what_follows_an_option_in_a_text_is_known_as_value_or_word() -> None:
    unknown = {
        (file.name, option[0]) for file in SUITE.rglob("*.py") if file.parent.name != "cli"
        for text in _texts(file) for part in words._COMMAND.split(text)[::2] for option in words._OPTION.finditer(part)
        if not _is_known((option["value"] or "").rstrip(":."))
    }
    assert unknown == set()


def _is_known(following: str) -> bool:
    """Whether it is a value, a place where a value will stand, or a word of the list."""
    known = following in words._WORDS | VALUES or following.isupper()  # a name in capitals stands for a value
    return not following or known or bool(re.search(r"[{}=:\d]", following))


def _texts(file: Path) -> Iterator[str]:
    """The texts of a module but its docstrings, with `{}` for what is filled in."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    described = [each for each in ast.walk(tree) if isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef)]
    told_of = {id(node.value) for each in described for node in each.body[:1] if isinstance(node, ast.Expr)}
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told_of | within:
            yield node.value
