"""Workflows, action and docs/ci.md: the YAML is sound, and what they call exists. GitHub itself is not run here."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ldbench.cli.main import app
from ldbench.plugins.scaffold.package import write_package

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github/workflows/ci.yml"
ACTION = ROOT / ".github/actions/report/action.yml"
PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"(?:^|[\s/])ldbench ((?:[a-z-]+ )*)", flags=re.MULTILINE)


def parsed(text: str) -> dict[str, Any]:
    record: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in record.items()}  # YAML 1.1 reads `on` as true


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


[EXAMPLE] = [parsed(text) for text in fenced("yaml")]
WORKFLOWS = {"ci.yml": parsed(WORKFLOW.read_text(encoding="utf-8")), "docs/ci.md": EXAMPLE}
STEPS_OF_ACTION: list[dict[str, Any]] = parsed(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def everything() -> Iterator[dict[str, Any]]:
    for workflow in WORKFLOWS.values():
        yield from steps(workflow)
    yield from STEPS_OF_ACTION


SHELL = [*(step["run"] for step in everything() if "run" in step), *fenced("sh")]


def options_of(words: list[str]) -> set[str]:
    """The options of the command that the words name, as far as they name one; fails on an unknown command."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break  # the command's own arguments
        assert word in command.commands, f"ldbench has no command {word!r}"
        command = command.commands[word]
    assert not hasattr(command, "commands"), f"ldbench {' '.join(words)} is no whole command"
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.slow
def test_every_ldbench_command_and_option_exists() -> None:
    seen: set[str] = set()
    for text in SHELL:
        commands = [match[1].split() for match in COMMAND.finditer(text)]
        known = set().union(*map(options_of, commands))
        lines = [line for line in text.split("\n") if "pip " not in line]
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", "\n".join(lines))) if commands else set()
        assert used <= known, f"{sorted(used - known)} in {text}"
        seen |= used
    assert {"--check", "--tolerance", "--junit", "--summary", "--allow-missing", "--format", "--out"} <= seen


def test_every_make_verb_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    used = {verb for text in SHELL for verb in re.findall(r"^make ([a-z-]+)", text, flags=re.MULTILINE)}
    assert {"lint", "test", "demo"} <= used <= verbs


def test_actions_are_pinned_to_a_major_version_or_are_this_projects() -> None:
    uses = {step["uses"] for step in everything() if "uses" in step}
    assert len(uses) == 4
    for name in uses:
        assert (ROOT / name / "action.yml").is_file() or re.fullmatch(r"actions/[a-z-]+@v\d+", name), name


def test_the_actions_inputs_are_declared_used_documented_and_passed() -> None:
    inputs = parsed(ACTION.read_text(encoding="utf-8"))["inputs"]
    assert set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", ACTION.read_text(encoding="utf-8"))) == set(inputs)
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, flags=re.MULTILINE)) == set(inputs)
    assert all("description" in one and ("default" in one) != one.get("required", False) for one in inputs.values())
    for workflow in WORKFLOWS.values():
        [call] = [step for step in steps(workflow) if step.get("uses", "").split("@")[0].endswith("actions/report")]
        assert {"results", "baseline"} <= call["with"].keys() <= inputs.keys()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_may_read_and_stop_what_is_overtaken(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert {"push", "pull_request"} <= workflow["on"].keys()
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_nothing_from_outside_is_pasted_into_a_script() -> None:
    assert not [text for text in SHELL if "${{" in text]  # a branch's name may hold shell code


@pytest.mark.parametrize(("source", "code"), [(None, 1), ("ldbench", 1), ("wheels/ldbench-0.1.0-py3-none-any.whl", 0)])
def test_the_pages_workflow_fails_until_it_is_said_where_the_suite_comes_from(source: str | None, code: int) -> None:
    runs = [step["run"] for step in steps(EXAMPLE) if "run" in step]
    assert [text for text in runs if "pip" in text] == ['python -m pip install "$LDBENCH" .']
    given = EXAMPLE["env"]["LDBENCH"] if source is None else source
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", runs[0]], env={"PATH": os.environ["PATH"], "LDBENCH": given},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.startswith("::error::LDBENCH: expected")) == (code, bool(code))


def test_the_page_and_the_package_that_new_writes_ask_for_it_by_the_same_step(tmp_path: Path) -> None:
    write_package("my-blur", out=tmp_path / "new")
    written = parsed((tmp_path / "new/.github/workflows/test.yml").read_text(encoding="utf-8"))
    assert steps(written)[1] == steps(EXAMPLE)[1]


def test_own_workflow_runs_the_supported_pythons_with_a_pip_cache() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", declared)
    for job in WORKFLOWS["ci.yml"]["jobs"].values():
        assert job["strategy"]["matrix"]["python"] == supported
        [setup] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
        assert setup["cache"] == "pip"
        assert all((ROOT / path).is_file() for path in setup["cache-dependency-path"].split())


def test_paths_in_the_own_workflow_are_those_of_the_project() -> None:
    [call] = [step for step in steps(WORKFLOWS["ci.yml"]) if step.get("uses") == "./.github/actions/report"]
    assert (ROOT / call["with"]["baseline"]).is_file()
    assert "OUT ?= runs/demo\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert call["with"]["results"] == "runs/demo"


STAND_IN = """#!/bin/sh
for one in "$@"; do printf '%s\\n' "$one"; done > "$CALLS"
while [ $# -gt 0 ]; do
    if [ "$1" = --summary ]; then echo "## verdict" > "$2"; fi
    shift
done
exit "$CODE"
"""


def call(tmp_path: Path, step: int, code: int = 0, **environment: str) -> tuple[int, list[str], str]:
    """Exit code, arguments that ldbench was given, and the job's summary, of a step of the action in bash."""
    (tmp_path / "ldbench").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "ldbench").chmod(0o755)
    page, calls = tmp_path / "step-summary.md", tmp_path / "calls"
    page.write_text("before\n", encoding="utf-8")
    own = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "CODE": str(code),
        "RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(page), "OUT": "the page", "RESULTS": "runs",
        "BASELINE": "", "TOLERANCE": "", "ALLOW_MISSING": "false", "FORMAT": "html",
    }  # fmt: skip
    script = STEPS_OF_ACTION[step]["run"]
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as GitHub calls `shell: bash`
    done = subprocess.run(shell, env=own | environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, calls.read_text(encoding="utf-8").split("\n")[:-1], page.read_text(encoding="utf-8")


def test_the_action_writes_the_report(tmp_path: Path) -> None:
    code, arguments, _ = call(tmp_path, 0, RESULTS="runs one\n\nruns/$(two)\n")
    assert (code, arguments) == (
        0, ["report", "runs one", "runs/$(two)", "--format", "html", "--out", "the page"]
    )
    assert call(tmp_path, 0, code=2)[0] == 2


def test_the_action_checks_where_there_is_a_baseline_and_always_writes_the_summary(tmp_path: Path) -> None:
    summary = ["--summary", str(tmp_path / "ldbench-summary.md")]
    assert call(tmp_path, 1) == (0, ["report", "runs", *summary], "before\n## verdict\n")
    code, arguments, page = call(
        tmp_path, 1, code=1, BASELINE="base line.json", TOLERANCE="0.05 fid=2", ALLOW_MISSING="true"
    )
    assert (code, page) == (1, "before\n## verdict\n")
    assert arguments == [
        "report", "runs", *summary, "--check", "base line.json", "--junit", "the page/junit.xml",
        "--tolerance", "0.05", "--tolerance", "fid=2", "--allow-missing",
    ]
