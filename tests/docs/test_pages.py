"""The pages: links lead somewhere, commands parse, code compiles, no path of a machine stands in them."""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import typer

from ldbench.cli.main import app
from tests.docs.page_parts import after_ldbench, prose
from tests.markdown_blocks import PYTHON, ROOT, TOML, blocks

TOP = (ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG"))
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
DATA = ("json", "yaml", "csv", "html", "latex", "text")
_CALL = re.compile(r"\s*(\$ )?([A-Z_]+=\S+ )*(ldbench|python|accelerate)\b")


def anchors(page: Path) -> set[str]:
    """What a link's part after # may be: the headings, as GitHub spells them."""
    heads = re.findall(r"^#+ +(.+?) *$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file or no heading."""
    without_code = re.sub(r"`[^`\n]*`", "", prose(page))
    found = []
    linked = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", without_code)
    for target in [*linked, *re.findall(r"<img [^>]*src=\"([^\"]+)\"", without_code)]:
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    assert broken_links(ROOT / name) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, here\n[a](none.md) [b](page.md#a-title-here) [c](#none) [d](https://a.b/c) `[e](f)`\n"
        '<img src="none.png" width="3"><img src="page.md">\n'
    )
    assert broken_links(page) == ["none.md", "#none", "none.png"]


def glued(page: Path) -> list[int]:
    """Lines that begin a list or a table right below a paragraph: GitHub takes them for one, the site does not. And
    headings right below any text, which has lost what came next."""
    lines = prose(page).splitlines()
    begins, heading = re.compile(r"([-*] |\d+\. |\|)"), re.compile(r"#+ ")
    continues = re.compile(r"\s*$|\s*([-*] |\d+\. |\|)|#| ")
    pairs = enumerate(itertools.pairwise(lines), 2)
    return [
        number for number, (above, line) in pairs
        if (begins.match(line) and not continues.match(above)) or (heading.match(line) and above.strip())
    ]


@pytest.mark.parametrize("name", NAMES)
def test_lists_tables_and_headings_stand_below_an_empty_line(name: str) -> None:
    assert glued(ROOT / name) == []


def test_a_list_glued_to_a_paragraph_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n- one\n- two\n  more\n- three\n\nText:\n- four\n\n1. a\n2. b\n\nText\n| a | b |\n|---|---|\n## B\n"
    )
    assert glued(page) == [8, 14, 16]


def uncaptioned(page: Path) -> list[str]:
    """The figures without a line in italics below them: a rendered page does not show the alternative text."""
    return re.findall(r"^(!\[.*)$(?!\n\n\*[^\s*])", prose(page), flags=re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_caption(name: str) -> None:
    assert uncaptioned(ROOT / name) == []


def test_a_figure_without_a_caption_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("![a](a.png)\n\n*It shows a.*\n\n![b](b.png)\n\nText.\n\n![c](c.png)\n\n**Bold.**\n\n![d](d.png)\n")
    assert uncaptioned(page) == ["![b](b.png)", "![c](c.png)", "![d](d.png)"]


def overlong(page: Path) -> list[str]:
    """Lines of prose above 100 characters; tables, headings, comments and the targets of links may be longer."""
    bare = [re.sub(r"\]\([^)]*\)|(?<=.)<!--.*?-->", "]", line) for line in prose(page).splitlines()]
    return [line for line in bare if len(line) > 100 and not line.startswith(("|", "#", "![", "<"))]


@pytest.mark.parametrize("name", NAMES)
def test_no_comment_begins_a_line_of_a_paragraph_which_would_end_there(name: str) -> None:
    lines = [line.strip() for line in prose(ROOT / name).splitlines()]
    assert [line for before, line in itertools.pairwise(lines) if before and line.startswith("<!--")] == []


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("docs/api/")])
def test_lines_are_at_most_100_characters(name: str) -> None:
    assert overlong(ROOT / name) == []


@pytest.mark.parametrize("name", NAMES)
def test_programs_that_a_page_has_its_reader_run_are_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    saved = re.findall(r"^# (\w+\.py)$", text, flags=re.MULTILINE)
    files = re.findall(r"\b(?:python|sh) ([\w/]+\.(?:py|sh))\b", text)
    modules = [f"{module.replace('.', '/')}.py" for module in re.findall(r"python -m (recipes\.[\w.]+\w)", text)]
    assert [path for path in (*files, *modules) if path not in saved and not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_make_verb_that_a_page_names_exists(name: str) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = (ROOT / name).read_text(encoding="utf-8")
    used = re.findall(r"(?:^|`)make ([a-z-]+(?: [a-z-]+)*)(?=`| *#| *$)", text, flags=re.MULTILINE)
    assert {verb for words in used for verb in words.split()} <= verbs


@functools.cache
def commands() -> Any:
    """The tree of commands, read and never run."""
    return typer.main.get_command(app)


def wrong(words: list[str], whole: bool) -> str | None:
    """What is wrong with the words after `ldbench`; `whole`: arguments are complete, not a mention of an option."""
    command = commands()
    rest = list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0] in ("--help", "--version", "..."):
            return None if rest or not whole else "no command"
        name = rest.pop(0)
        if name not in command.commands:
            return None if name.isupper() and not whole else f"no command {name!r}"  # `ldbench data prepare NAME`
        command = command.commands[name]
    return _wrong_arguments(command, rest, whole)


def _wrong_arguments(command: Any, words: list[str], whole: bool) -> str | None:
    """As `wrong`, for what follows the name of a command."""
    options = {each: item for item in command.params for each in (*item.opts, *item.secondary_opts) if each[0] == "-"}
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    given, waiting = [], iter(words)
    for word in waiting:
        if word == "--help":
            return None
        if not word.startswith("-") or word == "-":
            given.append(word)
            continue
        name, equals, _ = word.partition("=")
        if name not in options:
            return f"no option {name!r} of {command.name}"
        if not options[name].is_flag and not equals and next(waiting, None) is None and whole:
            return f"no value of {name}"
    if not whole:
        return None
    least = sum(1 for item in arguments if item.required)
    most = None if any(item.nargs == -1 for item in arguments) else len(arguments)
    if len(given) < least or (most is not None and len(given) > most):
        return f"{len(given)} arguments of {command.name}"
    allowed = _choices(arguments[0]) if arguments and given else None
    return f"no {given[0]!r} of {command.name}" if allowed is not None and given[0] not in allowed else None


def _choices(argument: Any) -> set[str] | None:
    """What an argument may be, where its values are listed: typer keeps an enum, older ones click's choices."""
    kind = getattr(getattr(argument, "type_descriptor", None), "annotation", None)
    listed = kind if isinstance(kind, type) and issubclass(kind, Enum) else None
    found = listed or getattr(getattr(argument, "type", None), "choices", None)
    return None if found is None else {str(getattr(each, "value", each)) for each in found}


def wrong_commands(page: Path) -> list[str]:
    """The commands in blocks that would not parse, and those in running text that name what there is not."""
    found = []
    for block in blocks(page):
        if block.language in (*PYTHON, *TOML, *DATA):
            continue
        lines = block.text.replace("\\\n", " ").splitlines()
        for line in lines:
            words = after_ldbench(line) if _CALL.match(line) else None
            fault = wrong(words, whole=True) if words is not None else None
            if fault:
                found.append(f"{line.strip()}: {fault}")
    for mention in re.findall(r"`(ldbench [^`]+)`", prose(page)):
        words = [re.split(r"[|\[]", word)[0] for word in mention.split()[1:]]
        fault = wrong([word for word in words if word], whole=False)
        if fault:
            found.append(f"{mention}: {fault}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_commands_parse(name: str) -> None:
    assert wrong_commands(ROOT / name) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ldbench list tasks", None),
        ("ldbench run TASK MODEL --set a=b  # a comment", None),
        ("LDBENCH_DATA=here ldbench report runs > board.md", None),
        ("ldbench run TASK", "1 arguments of run"),
        ("ldbench list nothing", "no 'nothing' of list"),
        ("ldbench runs TASK MODEL", "no command 'runs'"),
        ("ldbench data prepare folder --sise 64", "no option '--sise' of prepare"),
        ("python -m ldbench run TASK MODEL --seed", "no value of --seed"),
    ],
)
def test_a_command_that_would_not_run_is_found(line: str, fault: str | None) -> None:
    words = after_ldbench(line)
    assert words is not None
    assert wrong(words, whole=True) == fault


@pytest.mark.parametrize("name", NAMES)
def test_code_is_whole(name: str) -> None:
    for block in blocks(ROOT / name):
        if block.language in PYTHON:
            # the API's pages print signatures without bodies
            bare = re.fullmatch(r"(?s)(.*\n)?(def|class) [^\n]*[^:\n]\n", block.text)
            compile(block.text.rstrip() + (": ..." if bare else ""), f"{name}:{block.line}", "exec")
        elif block.language in TOML:
            tomllib.loads(block.text)


@pytest.mark.parametrize("name", [*NAMES, "NOTICE"])
def test_no_path_of_a_machine_stands_in_a_page(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.:/])/(?:work|root|home|tmp|Users)\b\S*", text) == []
