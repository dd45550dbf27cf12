"""`leaderboards/measure.sh` asks for every row that the boards must have, with seeds of the cards. Nothing is run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ldbench.cli.comma_lists import parse_names, parse_seeds
from ldbench.task import card
from leaderboards.shipped_rows import meant
from tests.board.committed import found
from tests.command_line import called

ROOT = Path(__file__).parents[2]
METHODS = ("sd", "basic-ft", "textual-inversion", "dreambooth", "custom-diffusion", "lora")
BESIDE = ("basic-ft-offset-noise", "basic-ft-zero-snr", "basic-ft-signal-leak")
FIXED = {"real", "mean-image", "copy-source", "gain-only", "autoencoder", "oracle"}  # the same images with every seed
FROM_TEXT = {"sandbox-brain-t2i", "sandbox-chest-t2i"}
BOUNDED = {"sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex"}


Asked = dict[tuple[str, str], tuple[int, ...]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """By task and model, with its settings: the seeds that a program sees which only writes down what it is asked."""
    folder = tmp_path_factory.mktemp("measure")
    for task in FROM_TEXT:
        (folder / "runs" / task / "basic-ft-ld-01234567").mkdir(parents=True)
    writer = folder / "ldbench"
    calls = folder / "calls"
    writer.write_text(f'#!/bin/sh\nprintf "%s\\t" "$@" >> "{calls}"\necho >> "{calls}"\n', encoding="utf-8")
    writer.chmod(0o755)
    script = ROOT / "leaderboards/measure.sh"
    subprocess.run(["sh", str(script), str(writer), str(folder / "runs")], check=True)
    seeds: Asked = {}
    for line in calls.read_text(encoding="utf-8").splitlines():
        words = line.rstrip("\t").split("\t")
        first = next(index for index, word in enumerate(words) if word.startswith("--"))
        given = list(zip(words[first::2], words[first + 1 :: 2], strict=True))
        options = dict(given)
        settings = [value for name, value in given if name == "--set" and not value.startswith("samples=")]
        assert words[0] == "matrix"
        assert (options["--workers"], options["--out"]) == ("2", str(folder / "runs"))
        for task in words[1:first]:
            for name in parse_names([options["--models"]], "--models"):
                model = ",".join([name, *settings])
                assert (task, model) not in seeds, "asked for twice"
                seeds[task, model] = parse_seeds([options.get("--seeds", "0")])
    return seeds


def test_every_task_of_the_sandbox_is_measured_by_seeds_of_its_card(asked: Asked) -> None:
    assert {task for task, _ in asked} == {task for task in card.task_names() if task.startswith("sandbox-")}
    for (task, _), seeds in asked.items():
        assert set(seeds) <= set(card.load(task).protocol.seeds)


def test_every_generator_that_is_asked_for_is_there(asked: Asked) -> None:
    listed = called("list", "models").output.splitlines()
    assert {model.split(",")[0] for _, model in asked} <= {line.split()[0] for line in listed}


def test_rows_have_the_seeds_that_a_comparison_needs(asked: Asked) -> None:
    for task in FROM_TEXT:
        for method in METHODS:
            assert asked[task, method] == asked[task, f"{method}-ld"] == (0, 1, 2, 3, 4)
        assert all(asked[task, model] == (0, 1, 2, 3, 4) for model in BESIDE)
    for (_, model), seeds in asked.items():
        assert seeds == (0,) if model in FIXED else len(seeds) >= 3


def test_references_and_cheats_stand_on_every_board_that_ranks_methods(asked: Asked) -> None:
    for task in FROM_TEXT | {"sandbox-chest-findings-t2i"}:
        assert {"real", "mean-image", "copies", "collapse", "chimera"} <= {model for one, model in asked if one == task}
    for task in BOUNDED:
        bounds = {"copy-source", "gain-only", "autoencoder", "oracle", "other-subject"}
        assert bounds <= {model for one, model in asked if one == task}


@pytest.mark.slow
def test_every_committed_run_is_asked_for(asked: Asked) -> None:
    committed = found()
    for path, result in committed:
        models = [one.model for _, one in committed if one.task.id == result.task.id]
        names = [name for task, name in asked if task == result.task.id and meant(name, models)(result.model)]
        assert any(result.seed in asked[result.task.id, name] for name in names), f"{path}: measure.sh has no such run"
