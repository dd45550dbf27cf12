"""What a metric's record says that it catches, and cannot see, is what the committed gauntlets found."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from ldbench.api import Metric
from ldbench.plugins.kinds import METRICS
from ldbench.records.files import user_cache_folder
from ldbench.report.tables.text_table import TextTable, to_markdown
from ldbench.score.set_inputs import ScoringContext
from ldbench.studies.gauntlet.catalogue import FAILURES, failures_of
from ldbench.studies.gauntlet.claims import contradictions
from ldbench.studies.gauntlet.findings import Findings, findings
from ldbench.studies.gauntlet.record import Gauntlet, read
from ldbench.studies.gauntlet.run import GauntletPlan, run_gauntlet
from ldbench.studies.gauntlet.tables import markdown
from ldbench.task import card
from tests.docs.page_parts import BUILT_IN, section

ROOT = Path(__file__).parents[3]
TABLES = sorted((ROOT / "leaderboards/gauntlet").glob("*/gauntlet.json"))
NAMES = {failure.name for failure in FAILURES}


@cache
def committed() -> tuple[Gauntlet, ...]:
    return tuple(map(read, TABLES))


def of_metric(metric: Metric, tables: tuple[Gauntlet, ...]) -> list[tuple[Gauntlet, Findings]]:
    """The tables that have the metric, with what they found of it."""
    pairs = [(table, one) for table in tables for one in table.metrics if one.name == metric.name]
    return [(table, findings(table, one)) for table, one in pairs]


@pytest.mark.parametrize("metric", BUILT_IN, ids=lambda metric: metric.name)
def test_what_a_metric_declares_is_what_was_found(metric: Metric) -> None:
    assert [line for table in committed() for line in contradictions(metric, table)] == []


def test_a_claim_that_a_gauntlet_denies_is_said() -> None:
    [table] = [one for one in committed() if one.task.id == "sandbox-brain-t2i"]
    wrong = replace(METRICS.load("viewed_fid"), catches=("copies", "blur"), blind_to=("upside-down", "copies"))
    assert contradictions(wrong, table) == [
        "viewed_fid claims to catch copies, and does not here.",
        "viewed_fid claims to be blind to upside-down, and is not here.",
    ]
    assert contradictions(wrong, replace(table, metrics=())) == []


@pytest.mark.parametrize("metric", BUILT_IN, ids=lambda metric: metric.name)
def test_every_claim_was_put_to_the_test_and_every_measured_metric_makes_one(metric: Metric) -> None:
    claims = {*metric.catches, *metric.blind_to}
    assert claims <= NAMES
    assert not set(metric.catches) & set(metric.blind_to)
    tables = of_metric(metric, committed())
    if not tables:
        pytest.skip(f"no committed gauntlet has {metric.name}: name it on a card and run `make gauntlet`")
    assert claims <= {name for table, _ in tables for name in table.failures}, "run `make gauntlet`"
    assert claims, f"{metric.name}: declare what it catches and what it is blind to"


@pytest.mark.parametrize("metric", BUILT_IN, ids=lambda metric: metric.name)
def test_the_page_says_what_the_record_declares(metric: Metric) -> None:
    if metric.catches or metric.blind_to:
        caught, unseen = (", ".join(f"`{name}`" for name in names) for names in (metric.catches, metric.blind_to))
        said = f"- **Gauntlet**: catches {caught or 'nothing'}. Blind to {unseen or 'nothing'}."
        assert said in section((ROOT / "docs/metrics.md").read_text(encoding="utf-8"), f"`{metric.name}`"), said


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_a_committed_table_is_whole_and_its_page_is_made_of_it(path: Path) -> None:
    table = read(path)
    assert table.finished
    assert table.task.id == path.parent.name
    expected = [failure.name for failure in failures_of(card.load(table.task.id).kind)]
    assert [name for name in expected if name not in table.skipped] == table.failures
    assert path.with_suffix(".md").read_text(encoding="utf-8") == markdown(table)


def test_the_committed_tables_are_those_that_make_gauntlet_measures() -> None:
    script = (ROOT / "leaderboards/gauntlet.sh").read_text(encoding="utf-8")
    assert {path.parent.name for path in TABLES} <= set(re.findall(r"sandbox-[a-z0-9-]+", script))
    assert {card.load(path.parent.name).kind for path in TABLES} == {"text-to-image", "aging", "disease-counterfactual"}


@pytest.mark.parametrize("task", [name for name in card.task_names() if name.startswith("sandbox-")])
def test_every_sandbox_task_has_its_metrics_in_a_table_on_its_own_images(task: str) -> None:
    """Cards that differ in their prompts alone share a table: a gauntlet asks no generator."""
    asked = card.load(task)
    alike = [
        table for table in committed()
        if _images(card.load(table.task.id)) == _images(asked) and card.load(table.task.id).viewing == asked.viewing
    ]
    tables = [{one.name: one.settings for one in table.metrics} | dict.fromkeys(table.left_out) for table in alike]
    expected = {name: json.loads(json.dumps(asdict(settings))) for name, settings in asked.metrics.items()}
    assert [
        table for table in tables if all(name in table and table[name] in (None, expected[name]) for name in expected)
    ]


def _images(task: card.Task) -> tuple[object, ...]:
    edit = None if task.edit is None else (task.edit.attribute, task.edit.role)
    return task.data.dataset, task.data.checksums, task.data.class_attribute, task.data.classes, edit


def test_the_page_lists_all_failures() -> None:
    rows = []
    for failure in FAILURES:
        steps = [
            f"({severity:g})" if index < failure.unseen else f"{severity:g}"
            for index, severity in enumerate(failure.severities)
        ]
        rows.append([failure.name, failure.nature, failure.summary, failure.severity, ", ".join(steps)])
    table = TextTable(["failure", "nature", "what it is", "severity is", "severities"], rows, "lllll")
    assert to_markdown(table) in (ROOT / "docs/gauntlet.md").read_text(encoding="utf-8")


def small(tmp_path: Path, task: str, failures: tuple[str, ...], cases: int, **context: Any) -> Gauntlet:
    plan = GauntletPlan(task, failures=failures, cases=cases)
    return run_gauntlet(plan, tmp_path, ScoringContext(torch.device("cpu"), 0, **context))[0]


DISTANCES = """
extends = "sandbox-brain-t2i"
id = "distances"
version = 1
title = "T"
summary = "S"
omit = ["metrics", "judge", "viewing"]

[metrics.fid]
extractor = "efficientnet-lite0"
resize = 224

[metrics.kid]
extractor = "efficientnet-lite0"
resize = 224
"""


@pytest.mark.slow
def test_a_small_live_run_of_distances_finds_what_they_declare(tmp_path: Path) -> None:
    failures = ("noise", "inverted", "left-right", "copies")
    (tmp_path / "distances.toml").write_text(DISTANCES, encoding="utf-8")
    cache_folder = user_cache_folder() / "features"
    found = small(tmp_path, str(tmp_path / "distances.toml"), failures, 24, cache_folder=cache_folder)
    assert [metric.name for metric in found.metrics] == ["fid", "kid"]
    for metric in found.metrics:
        assert contradictions(METRICS.load(metric.name), found) == []
