"""The gauntlet as a user runs it, with a metric of their own: small, resumed, and refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ldbench.errors import LdbenchError, UsageError
from ldbench.score.set_inputs import ScoringContext
from ldbench.studies.gauntlet.metrics import contestants
from ldbench.studies.gauntlet.record import FailureScore, Gauntlet, read, write
from ldbench.studies.gauntlet.run import GauntletPlan, run_gauntlet
from ldbench.task import card
from tests.command_line import said

from ...conftest import small_card

MINE = '''
from dataclasses import dataclass
from ldbench.api import Metric
from ldbench.errors import MetricError

@dataclass(frozen=True)
class Settings:
    power: int = 1

@dataclass(frozen=True)
class Demanding:
    network: str

def brightness(inputs, settings):
    off = (inputs.generated.mean(dim=(1, 2, 3)) - inputs.real.mean()).abs() ** settings.power
    return off.double().numpy()

def picky(inputs, settings):
    if inputs.generated.std() < 0.2:
        raise MetricError("picky: expected contrast, got none; score other images")
    return brightness(inputs, Settings())

WHAT = dict(title="T", summary="S", direction="lower", compares="C")
MINE = Metric(name="mine", compute=brightness, settings=Settings, catches=("gain", "copies"), **WHAT)
FIERY = Metric(name="fiery", compute=brightness, blind_to=("fire",), **WHAT)
PICKY = Metric(name="picky", compute=picky, **WHAT)
DEMANDING = Metric(name="demanding", compute=brightness, settings=Demanding, **WHAT)
PAIRED = Metric(name="paired", compute=brightness, needs=frozenset({"truth"}), **WHAT)
TWIN = Metric(name="mine", compute=picky, **WHAT)
AUC = Metric(name="auc", compute=brightness, **WHAT)
BACK = Metric(name="round", compute=brightness, needs=frozenset({"back"}), **WHAT)
'''
PANEL = """
extends = "sandbox-brain-t2i"
id = "panel"
version = 1
title = "T"
summary = "S"
omit = ["metrics", "judge", "viewing", "scan_network"]

[metrics.fid]
extractor = "efficientnet-lite0"
resize = 224

[metrics.kid]
extractor = "efficientnet-lite0"
resize = 224

[metrics.auc]
width = 8
epochs = 1
batch_size = 8
learning_rate = 0.001
"""
CPU = ScoringContext(torch.device("cpu"), 0)
FEW = ("gain", "swapped-classes", "copies")


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return str(path)


@pytest.fixture
def task(tmp_path: Path) -> str:
    return str(small_card(tmp_path))


def verdicts(found: Gauntlet, name: str) -> list[str]:
    metric = next(one for one in found.metrics if one.name == name)
    return [found.verdict(obstacle, metric) for obstacle in found.obstacles if obstacle.failure]


def test_a_metric_of_ones_own_runs_on_a_card_that_does_not_name_it(task: str, mine: str, tmp_path: Path) -> None:
    options = [f"--failure={name}" for name in FEW]
    printed = said("gauntlet", task, f"--metric={mine}:MINE", *options, f"--out={tmp_path}")
    found = read(tmp_path / "small" / "gauntlet.json")
    assert [metric.name for metric in found.metrics] == ["mine"]
    assert found.finished
    assert verdicts(found, "mine")[1] == "caught"  # 30 % of the brightness lost
    assert verdicts(found, "mine")[2:] == ["missed"] * 3
    assert "auc is left out" not in printed  # nobody asked for it
    assert "mine claims to catch copies, and does not here." in printed
    assert "claims to catch gain" not in printed
    page = (tmp_path / "small" / "gauntlet.md").read_text(encoding="utf-8")
    assert "- catches: gain" in page


@pytest.mark.slow
def test_an_interrupted_gauntlet_goes_on_and_a_finished_one_is_measured_anew(
    task: str, mine: str, tmp_path: Path
) -> None:
    plan, path, steps = GauntletPlan(task, [f"{mine}:MINE"], FEW), tmp_path / "small" / "gauntlet.json", list[str]()

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        steps.append(note)
        if done == 3:
            raise KeyboardInterrupt

    whole, _ = run_gauntlet(plan, tmp_path / "whole", CPU)
    with pytest.raises(KeyboardInterrupt):
        run_gauntlet(plan, tmp_path, CPU, stop)
    assert steps == ["gain 0.05", "gain 0.3", "swapped-classes 0.5", "swapped-classes 1"]
    begun = read(path)
    assert begun.obstacles == whole.obstacles[:4]
    kept = replace(begun.obstacles[1], scores={"mine": FailureScore(error="kept")})
    write(replace(begun, obstacles=(begun.obstacles[0], kept, *begun.obstacles[2:])), path)
    assert run_gauntlet(plan, tmp_path, CPU)[0].obstacles == (whole.obstacles[0], kept, *whole.obstacles[2:])
    assert run_gauntlet(plan, tmp_path, CPU)[0] == whole
    write(replace(begun, seed=1, obstacles=(begun.obstacles[0], kept)), path)  # of another plan
    assert run_gauntlet(plan, tmp_path, CPU)[0] == whole


EDITS = """
extends = "sandbox-brain-aging"
id = "small-aging"
version = 1
title = "T"
summary = "S"
omit = ["metrics", "viewing"]

[metrics.minimality]

[metrics.composition]
cases = 40

[metrics.reversibility]
cases = 40

[metrics.error_inside]

[metrics.error_outside]
"""


def test_an_edit_is_measured_against_its_truth(tmp_path: Path) -> None:
    path = tmp_path / "small-aging.toml"
    path.write_text(EDITS, encoding="utf-8")
    plan = GauntletPlan(str(path), failures=("too-little", "other-subject", "veil"), cases=6)
    found, _ = run_gauntlet(plan, tmp_path, CPU)
    named = {metric.name: metric for metric in found.metrics}
    assert "generator" in found.left_out["composition"]
    half, whole = (found.cost(obstacle, named["error_inside"]) for obstacle in found.of("too-little"))
    assert whole == pytest.approx(2 * (half or 0), rel=0.2)
    assert found.verdict(found.of("too-little")[1], named["minimality"]) == "rewarded"
    assert found.verdict(found.of("other-subject")[1], named["error_outside"]) == "caught"
    assert found.verdict(found.of("veil")[0], named["error_outside"]) == "over-read"


def test_what_a_metric_refuses_is_said_and_the_others_go_on(task: str, mine: str, tmp_path: Path) -> None:
    plan = GauntletPlan(task, [f"{mine}:MINE", f"{mine}:PICKY"], ("contrast",))
    found, _ = run_gauntlet(plan, tmp_path, CPU)
    assert verdicts(found, "picky")[-1] == "refused"
    assert "expected contrast" in (found.of("contrast")[-1].scores["picky"].error or "")
    assert "refused" not in verdicts(found, "mine")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DEMANDING", "no default for network"), ("PAIRED", "expected a task with truth"),
        ("AUC", "another name than the card's auc"),
        ("FIERY", "it claims fire, which is no failure"), ("BACK", "further images of a generator"),
    ],
)
def test_a_metric_that_cannot_run_is_one_line(name: str, message: str, task: str, mine: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        contestants(card.load(task), [f"{mine}:{name}"])
    assert "\n" not in str(error.value)


def test_two_metrics_of_one_name_are_one_line(task: str, mine: str) -> None:
    with pytest.raises(UsageError, match=r"^--metric .*:TWIN: expected another name than that of .*:MINE, got 'mine'"):
        contestants(card.load(task), [f"{mine}:MINE", f"{mine}:TWIN"])


def test_every_task_has_training_images(task: str) -> None:
    [one], left_out = contestants(card.load(task), ["laterality"])
    assert (one.metric.name, one.metric.needs, left_out) == ("laterality", {"training"}, {})


def test_a_named_metric_runs_alone_and_beside_the_cards_where_that_is_said(mine: str, tmp_path: Path) -> None:
    path = tmp_path / "panel.toml"
    path.write_text(PANEL, encoding="utf-8")
    task, own = card.load(str(path)), f"{mine}:MINE"

    def names(*named: str, **options: bool) -> list[str]:
        return [one.metric.name for one in contestants(task, named, **options)[0]]

    assert names() == ["fid", "kid"]
    assert names(own) == ["mine"]
    assert names("kid") == ["kid"]
    assert names("auc", "kid") == ["auc", "kid"]
    assert names(own, "kid", with_card=True) == ["fid", "kid", "mine"]
    assert names("auc", with_card=True) == ["fid", "kid", "auc"]
    assert names(own, everything=True) == ["fid", "kid", "auc", "mine"]
    assert contestants(task, ["kid"])[0][0].settings == task.metrics["kid"]
    assert contestants(task, [own])[1] == {}
    assert contestants(task)[1] == {"auc": "it is trained anew for each set of images; --all runs it"}


def test_a_metric_of_a_file_that_the_card_names_has_the_cards_settings(mine: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'{PANEL}\n[metrics."{mine}:MINE"]\npower = 2\n', encoding="utf-8")
    [one], left_out = contestants(card.load(str(path)), [f"{mine}:MINE"])
    assert (one.settings.power, left_out) == (2, {})


def test_no_metric_and_no_truth_are_one_line(task: str, tmp_path: Path) -> None:
    with pytest.raises(LdbenchError, match="no metric"):
        run_gauntlet(GauntletPlan(task), tmp_path, CPU)

