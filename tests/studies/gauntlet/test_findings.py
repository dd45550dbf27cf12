"""Verdicts and findings over a written record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.errors import ResultError
from ldbench.records.result import TaskRef
from ldbench.studies.gauntlet.findings import findings
from ldbench.studies.gauntlet.record import FailureScore, Gauntlet, GauntletMetric, Obstacle, dumps, read, write
from ldbench.studies.gauntlet.tables import markdown, terminal

METRIC = GauntletMetric("mine", "lower", {"side": 8})
VALUES = [  # failure, severity, unseen, value; the control has 10, chance is 1
    ("", 0.0, False, 10.0), ("blur", 0.3, True, 10.5), ("blur", 1.0, False, 10.9), ("blur", 2.5, False, 30.0),
    ("noise", 0.02, True, 12.0), ("noise", 0.1, False, 11.5), ("collapse", 5.0, False, 14.0),
    ("collapse", 1.0, False, 12.5), ("copies", 1.0, False, 2.0), ("hole", 1.0, False, None),
]


def scored(value: float | None) -> dict[str, FailureScore]:
    return {"mine": FailureScore(error="mine: no") if value is None else FailureScore(value, value, value, 1.0)}


@pytest.fixture
def record() -> Gauntlet:
    obstacles = tuple(Obstacle(name, severity, unseen, scored(value)) for name, severity, unseen, value in VALUES)
    task = TaskRef("toy", 1, "text-to-image", "c" * 64)
    return Gauntlet(task, "5" * 64, 0, 12, "fresh", (METRIC,), obstacles, {"tails": "no scans"}, {"auc": "slow"}, True)


def test_verdicts_are_costs_against_chance(record: Gauntlet) -> None:
    said = [record.verdict(obstacle, METRIC) for obstacle in record.obstacles[1:]]
    assert said == [
        "quiet", "missed", "caught", "over-read", "caught", "caught", "caught", "rewarded", "refused"
    ]
    upward = replace(METRIC, direction="higher")
    assert record.verdict(record.of("copies")[0], upward) == "caught"
    assert record.verdict(record.of("blur")[-1], upward) == "rewarded"


def test_findings_name_each_failure_once_for_what_it_shows(record: Gauntlet) -> None:
    found = findings(record, METRIC)
    assert found.catches == ("blur", "noise", "collapse")
    assert found.caught_from == {"blur": 2.5}
    assert found.blind_to == found.rewards == ("copies",)
    assert found.over_reads == ("noise",)
    assert found.turns_back == ("collapse",)  # noise turns back by less than chance


def test_an_unseen_change_of_an_edit_may_cost_a_tenth_of_a_plain_failure(record: Gauntlet) -> None:
    plain = Obstacle("too-little", 1.0, False, scored(35.0))
    more = replace(record, obstacles=(*record.obstacles, plain))
    assert more.verdict(more.of("noise")[0], METRIC) == "quiet"
    assert more.verdict(more.of("noise")[1], METRIC) == "caught"


def test_the_file_comes_back_and_another_version_is_refused(record: Gauntlet, tmp_path: Path) -> None:
    path = tmp_path / "gauntlet.json"
    write(record, path)
    assert read(path) == record
    path.write_text(dumps(record).replace('"schema_version": 1', '"schema_version": 9'), encoding="utf-8")
    with pytest.raises(ResultError, match="schema_version"):
        read(path)


def test_tables_show_values_marks_and_findings(record: Gauntlet) -> None:
    text, page = terminal(record), markdown(record)
    for expected in ("30.0 x", "12.0 !", "2.0 +", "- ?", "(0.3)"):
        assert expected in text
        assert expected in page
    assert "catches: blur (from 2.5), noise, collapse" in page
    assert "tails is skipped: no scans." in page
    assert "auc is left out: slow." in page
