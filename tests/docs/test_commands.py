"""The commands of the README and of the guides, run as they stand in a reader's folder; long ones are parsed alone.

The folder holds what the pages take for granted: `runs` and `leaderboards` with some committed results, a `baseline`,
and every file that the page itself shows. The commands of a page run in its order, and those that follow each other
share a process: importing torch takes longer than most of them. tests/docs/test_pages.py parses all commands, those
that are not run here, too.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ldbench.cli.main import app
from ldbench.records import result, subgroups
from ldbench.records.checksum import sha256_file
from ldbench.records.run_folder import RESULT, SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Subgroups
from tests.conftest import small_card
from tests.docs.page_parts import END, after_ldbench, editing_card
from tests.in_turn import in_turn
from tests.made_once import MadeOnce
from tests.markdown_blocks import PYTHON, ROOT, TOML, blocks

ROWS = re.compile(r"(real|sd|basic-ft|basic-ft-ld)-[0-9a-f]{8}")  # enough for tables with ranks, ties and references
SEEDS = ("seed-0", "seed-1", "seed-2")
COMMITTED = ROOT / "leaderboards/results/sandbox-brain-t2i"
MEASURED = pytest.mark.skipif(not COMMITTED.exists(), reason="no results are committed")
CHEAP = (
    "list", "cases", "report", "compare", "gate", "leaderboard build", "new",
)  # fmt: skip
SHELL = ("", "sh", "bash", "console")
SELF_MADE = "docs/adding-a-task.md"  # it makes all that its commands read
A_READER = "docs/adding-a-dataset.md"
NETWORKS = "docs/adding-a-network.md"
ALONE = ("README.md", A_READER, NETWORKS)  # a test each, which looks at what is printed
OWNERS = "mimic-cxr-jpg"  # data that only their owners give: commands on these are not run
# what a page asks for in its prose
FIRST = {SELF_MADE: "python make_images.py", A_READER: "python make_export.py"}
PAGES = [
    "README.md", "docs/index.md", "docs/results/index.md", "docs/ci.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/guides").glob("*.md")),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("adding-a-*.md")),
]  # fmt: skip
WHOLE = ("README.md", SELF_MADE, A_READER)  # every command is run, training and all
# of that page: what is trained and sampled for shorter, as nothing here depends on how good it is
TRAINING, SHORT_TRAINING = "epochs = 8", "epochs = 1"
# of the page of networks: a card of the sandbox with a sixth of its cases
FEW_CASES = "\n[protocol]\ncases = 100\nevaluation_cases = 100\n"
SAMPLING, SHORT_SAMPLING = "real mean-image sd", ("real mean-image", "sd --set sampling_steps=2")


def is_cheap(words: list[str]) -> bool:
    """Whether a command ends in seconds on what the folder holds; `words` follow `ldbench`."""
    if any(re.fullmatch(r"[A-Z]{3,}(\.\.\.)?", word) for word in words):
        return False  # FOLDER, RUN: a reader's own
    if words[0] == "run":
        return "--dry-run" in words
    if words[0] == "check":
        return any(".py:" in word for word in words)  # a name would have to be installed
    return any(words[: len(start.split())] == start.split() for start in CHEAP)


def script(page: str) -> list[str]:
    """The lines of a page's shell blocks that are run, in the page's order."""
    chosen = [FIRST[page]] if page in FIRST else []
    for block in blocks(ROOT / page):
        if block.language not in SHELL:
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ")
            words = after_ldbench(command) if command.startswith("ldbench ") else None
            if command.startswith("export ") or (words and OWNERS not in words and (page in WHOLE or is_cheap(words))):
                chosen.append(command)
    return chosen


def calls(page: str) -> list[str]:
    """The commands of a page that are run."""
    return [line for line in script(page) if line.startswith("ldbench ")]


def files(page: str) -> Iterator[tuple[str, str]]:
    """The files that a page has its reader save: code below a first line with its name, cards by their id."""
    for block in blocks(ROOT / page):
        named = re.match(r"# (\w+\.py)\n", block.text) if block.language in PYTHON else None
        card = re.search(r'^id = "([\w-]+)"', block.text, flags=re.MULTILINE) if block.language in TOML else None
        if named:
            yield named[1], block.text
        elif card:
            yield f"{card[1]}.toml", block.text


@pytest.fixture
def reader(tmp_path: Path, made_once: MadeOnce) -> Callable[[str], str]:
    """A reader who follows a page: saves its files, runs its commands, and returns what they printed."""

    def follow(page: str) -> str:
        if page == SELF_MADE:
            (tmp_path / "shapes-edit.toml").write_text(editing_card(), encoding="utf-8")
        elif page != A_READER:
            shutil.copytree(made_once.folder("taken-for-granted", _results), tmp_path, dirs_exist_ok=True)
        save_files(page, tmp_path)
        return said_in_page_order(shortened(page, tmp_path) if page == SELF_MADE else script(page), tmp_path)

    return follow


def save_files(page: str, folder: Path) -> None:
    """Save the page's files as its reader does."""
    for name, text in files(page):
        (folder / name).write_text(text, encoding="utf-8")


def shortened(page: str, folder: Path) -> list[str]:
    """The lines of a page, of which one samples for shorter, after its saved cards were made to train for shorter."""
    texts = {card: card.read_text(encoding="utf-8") for card in folder.glob("*.toml")}
    assert sorted(text.count(TRAINING) for text in texts.values() if TRAINING in text) == [1, 1]
    for card, text in texts.items():
        card.write_text(text.replace(TRAINING, SHORT_TRAINING), encoding="utf-8")
    lines = script(page)
    [place] = [number for number, line in enumerate(lines) if line.endswith(SAMPLING)]
    lines[place : place + 1] = [lines[place].replace(SAMPLING, short) for short in SHORT_SAMPLING]
    return lines


def said_in_page_order(lines: list[str], folder: Path) -> str:
    """What a page's commands print in a folder, line after line; commands that follow each other share a process."""
    environment, said = dict(os.environ), ""
    words = [shlex.split(line, comments=True) for line in lines]
    for program, group in itertools.groupby(words, key=lambda line: line[0]):
        arguments = [line[1:] for line in group]
        if program == "export":
            environment |= dict(one.split("=", 1) for line in arguments for one in line)
        elif program == "python":
            for one in arguments:
                subprocess.run([sys.executable, *one], cwd=folder, env=environment, check=True)
        else:
            said += said_in_one_process(arguments, folder, environment)
    return said


def said_in_one_process(commands: list[list[str]], folder: Path, environment: Mapping[str, str]) -> str:
    """What commands of ldbench print that one process runs in turn."""
    assert not {word for command in commands for word in command} & set(END), "needs a shell"
    ended = in_turn(commands, folder, environment)
    for command, one in zip(commands, ended, strict=True):
        assert one.returncode == 0, f"{command}: {one.stderr[-3000:]}"
    return "".join(one.stdout for one in ended)


# stands for ldbench in a shell: the words of each call, after the shell has done its part
RECORDER = "ldbench() { printf '%s\\0' \"$@\" >> calls; printf '\\n' >> calls; }"


def said_by_a_shell(lines: list[str], folder: Path) -> str:
    """What the commands print whose words, and whose environment, a shell makes of a page's lines; it runs the other
    lines itself, before them."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-euxc", "\n".join([RECORDER, *lines, "env -0 > environment"])], cwd=folder, capture_output=True,
        env={**os.environ, "PATH": path}, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    environment = (folder / "environment").read_text(encoding="utf-8").split("\0")
    calls = [line.split("\0")[:-1] for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]
    return said_in_one_process(calls, folder, dict(one.split("=", 1) for one in environment if one))


def _results(folder: Path) -> None:
    for run in filter(lambda run: ROWS.fullmatch(run.name), COMMITTED.iterdir()):
        for seed in (run / each for each in SEEDS if (run / each).exists()):
            for copy in ("runs", "leaderboards/results"):
                shutil.copytree(seed, folder / copy / COMMITTED.name / run.name / seed.name)
    for path in (folder / "runs").rglob(RESULT):
        _write_groups(path)
    built = ("runs --out baseline", "leaderboards/results --out leaderboards")
    said_in_one_process([["leaderboard", "build", *each.split()] for each in built], folder, os.environ)


def _write_groups(path: Path) -> None:
    """Made-up groups, as a run has them beside its result and a committed result has not."""
    score = result.read(path).scores[0]
    groups = tuple(Group(name, 20, score.value, score.ci_low, score.ci_high) for name in ("first", "second"))
    by_attribute = dict.fromkeys(("age", "sex"), Breakdown(groups))
    subgroups.write(Subgroups({score.metric: score.value}, {score.metric: by_attribute}), path.with_name(SUBGROUPS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if page == SELF_MADE else MEASURED)
        for page in PAGES if page not in ALONE and calls(page)
    ],
)
def test_the_commands_of_a_page_run(page: str, reader: Callable[[str], str]) -> None:
    assert reader(page)


@pytest.mark.slow
def test_the_reader_of_the_page_says_of_its_export_what_the_page_says(reader: Callable[[str], str]) -> None:
    said = [line.split() for line in reader(A_READER).splitlines()]
    assert [line[1:] for line in said if line[:1] == ["skipped"]] == [
        ["fault", "name", "1"], ["fault", "unreadable", "1"], ["rule", "finding", "1"]
    ]
    page = (ROOT / A_READER).read_text(encoding="utf-8")
    assert "`fault name 1`, `fault unreadable 1` and `rule finding 1`" in " ".join(page.split())


@pytest.mark.slow
def test_the_networks_and_the_estimator_of_the_page_give_scores(tmp_path: Path) -> None:
    lines = [line for block in blocks(ROOT / NETWORKS) if block.language in SHELL for line in block.text.splitlines()]
    assert sum(line.startswith("ldbench ") for line in lines) == 7
    save_files(NETWORKS, tmp_path)
    with (tmp_path / "my-readings.toml").open("a", encoding="utf-8") as card:
        card.write(FEW_CASES)
    rows = [line.split() for line in said_by_a_shell(lines, tmp_path).splitlines()]
    names = ("fid", "coverage", "readings_fid")
    named = [(row[0], row[-1]) for row in rows if len(row) > 4 and row[0] in names and row[1] in ("↓", "↑")]
    file = f"torchscript@sha256:{sha256_file(tmp_path / 'pooled.pt')[:12]}"
    once = [("readings_fid", "sandbox-brain-age"), ("fid", "histogram.py:HISTOGRAM")]
    assert named[:7] == [("fid", file), ("coverage", file), ("fid", "histogram.py:HISTOGRAM"), *once, *once]
    real, drawn = (float(row[1]) for row in rows if row[:1] in (["real"], ["mean-image"]) and "[" in "".join(row))
    assert real < drawn / 10


OF_NO_WEIGHTS = '[metrics.kid]\nextractor = "radiomics"\nresize = 64\n'


@pytest.mark.slow
def test_two_generators_of_folders_are_compared_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs/guides/folders.md").read_text(encoding="utf-8").partition("## Which of two generators")[2]
    lines = [line.strip() for line in page.splitlines() if line.strip().startswith("ldbench ")]
    lines = [line.replace(" TASK ", f" {small_card(tmp_path, metrics=OF_NO_WEIGHTS)} ") for line in lines]
    assert [line.split()[1] for line in lines] == ["cases", *["score", "score", "compare"] * 2]
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, lines[0].split()[1:], catch_exceptions=False).exit_code == 0
    random, ids = np.random.default_rng(0), re.findall(r'"id": "([^"]+)"', (tmp_path / "cases.jsonl").read_text())
    for folder in sorted({word for line in lines for word in line.split() if word.startswith("FOLDER_")}):
        (tmp_path / folder).mkdir()
        for name in ids:
            grey = random.integers(0, 80 if folder.startswith("FOLDER_A") else 250, (64, 64), np.uint8)
            Image.fromarray(grey).save(tmp_path / folder / f"{name}.png")
    said = said_in_page_order(lines[1:], tmp_path)
    found = re.findall(r"([ab]3?) \(scored\) +([>~]) +([ab]3?) \(scored\) .* (\d seeds?)", said)
    assert [({one, other}, seeds) for one, _, other, seeds in found] == [
        ({"a", "b"}, "1 seed"), ({"a3", "b3"}, "3 seeds")
    ], said
    assert found[1][1] == ">"


# sandbox-brain-t2i, the same images, with the two metrics of which the README speaks: all of its panel takes minutes.
# `copied_share`, of which it has no figure, sees them as they are, at 64 pixels: features of all training scans at 224
# are a quarter of this test's time.
TWO_METRICS = """
extends = "sandbox-brain-t2i"
id = "sandbox-brain-t2i"
version = 99
title = "T"
summary = "S"
omit = ["metrics", "judge"]

[metrics.viewed_fid]
extractor = "efficientnet-lite0"
resize = 224

[metrics.copied_share]
extractor = "efficientnet-lite0"
resize = 64
"""


@pytest.mark.slow
def test_the_generator_of_the_readme_has_no_rank_at_the_fid_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(TWO_METRICS, encoding="utf-8")
    lines = [line.replace("run sandbox-brain-t2i ", "run ./two.toml ") for line in script("README.md")]
    assert sum("./two.toml" in line for line in lines) == 1
    save_files("README.md", tmp_path)
    said = said_in_page_order(lines, tmp_path)
    assert "none broken" in said
    [claimed] = re.findall(r"`viewed_fid` of (\d+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    name, distance = said[said.rindex("viewed_fid ↓ ") :].splitlines()[2].split()[:2]
    assert (name, round(float(distance))) == ("my_blur.py:Blur", int(claimed))
    assert "my_blur.py:Blur: not ranked, because of its copied_share" in said


def test_every_command_of_the_readme_is_run_and_some_of_most_pages() -> None:
    assert [command.split()[1] for command in calls("README.md")] == ["check", "run", "report"]
    assert sum(bool(calls(page)) for page in PAGES) >= 7


@pytest.mark.parametrize(
    ("command", "cheap"),
    [
        ("list tasks", True), ("run brain-t2i sd --dry-run", True), ("run sandbox-brain-t2i sd", False),
        ("score sandbox-brain-t2i FOLDER", False), ("check my-model", False), ("check my_blur.py:Blur", True),
        ("check --metric my.py:M", True), ("new metric my-metric", True),
        ("search sandbox-brain-t2i basic-ft-ld", False), ("verify RESULT", False), ("report runs", True),
    ],
)  # fmt: skip
def test_what_is_run_is_cheap(command: str, cheap: bool) -> None:
    assert is_cheap(command.split()) is cheap
