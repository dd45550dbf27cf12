"""The kit for what scores images: built-in plug-ins keep the contract, and each clause has one that breaks it alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ldbench.cli.main import app
from ldbench.errors import UsageError, WeightsError
from ldbench.testing import Finding, assert_kept, check_estimator, check_metric, check_network
from ldbench.testing.plugin_clauses import OF_ESTIMATORS, OF_METRICS, OF_NETWORKS

FILE = Path(__file__).parents[1] / "stand_ins/broken_scorers.py"
ONE_KIND = "sandbox-brain-t2i"
BROKEN_NETWORKS = {
    "TWICE_DESCRIBED": "parameters", "OF_TEXT": "what it returns", "RANDOM_NETWORK": "same images, same numbers",
    "OF_THE_BATCH": "batch size and order", "BLIND": "tells images apart", "OF_THE_SIDE": "another size",
    "STIRRING_NETWORK": "global random state undisturbed", "SETTING_NETWORK": "torch settings undisturbed",
    "WRITING_NETWORK": "inputs left alone",
}  # fmt: skip
BROKEN_ESTIMATORS = {
    "OF_NAN": "what it returns", "RANDOM": "same images, same numbers", "OF_ITS_BATCH": "batch size and order",
    "CONSTANT": "tells images apart", "SQUARE_ALONE": "another size", "STIRRING": "global random state undisturbed",
    "SETTING": "torch settings undisturbed", "WRITING": "inputs left alone",
}  # fmt: skip
BROKEN_METRICS = {
    "OF_ONE": "compute", "GROWING": "same images, same score", "IN_PLACES": "order of cases", "SECRET": "needs",
    "LOPSIDED": "contributions", "TOO_FEW": "contributions", "NO_GROUPS": "groups",
    "STIRRING_METRIC": "global random state undisturbed", "SETTING_METRIC": "torch settings undisturbed",
    "SCALING": "inputs left alone",
}  # fmt: skip
ALSO = {  # what cannot hold either where the clause is broken
    "RANDOM_NETWORK": {"batch size and order"}, "RANDOM": {"batch size and order"}, "GROWING": {"order of cases"},
}  # fmt: skip


def broken(findings: list[Finding]) -> set[str]:
    return {finding.name.rpartition(": ")[2] for finding in findings if not finding.passed}


@pytest.mark.parametrize(
    ("check", "clauses", "cases"),
    [
        (check_network, OF_NETWORKS, BROKEN_NETWORKS), (check_estimator, OF_ESTIMATORS, BROKEN_ESTIMATORS),
        (lambda name: check_metric(name, task=ONE_KIND), OF_METRICS, BROKEN_METRICS),
    ],
    ids=["networks", "estimators", "metrics"],
)  # fmt: skip
def test_each_clause_has_a_plug_in_that_breaks_it_alone(
    check: Callable[[str], list[Finding]], clauses: tuple[object, ...], cases: dict[str, str]
) -> None:
    names = [clause.name for clause in clauses]  # type: ignore[attr-defined]
    assert set(cases.values()) == set(names)
    for plugin, clause in cases.items():
        found = broken(check(f"{FILE}:{plugin}"))
        assert clause in found <= {clause} | ALSO.get(plugin, set()), (plugin, found)


@pytest.mark.parametrize(
    ("check", "name", "clauses"),
    [
        (check_network, f"{FILE}:GOOD_NETWORK", OF_NETWORKS), (check_network, "radiomics", OF_NETWORKS),
        pytest.param(check_network, "efficientnet-lite0", OF_NETWORKS, marks=pytest.mark.slow),
        (check_estimator, f"{FILE}:GOOD_ESTIMATOR", OF_ESTIMATORS),
        (check_estimator, "sandbox-brain-age", OF_ESTIMATORS),
    ],
)  # fmt: skip
def test_good_readers_keep_the_contract(
    check: Callable[[str], list[Finding]], name: str, clauses: tuple[object, ...]
) -> None:
    findings = check(name)
    assert_kept(findings, name)
    assert [finding.name for finding in findings] == [clause.name for clause in clauses]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"{FILE}:GOOD_METRIC", "readings_fid", "ssim", "age_error", "composition"])
def test_good_metrics_keep_the_contract_on_each_kind_of_task_that_has_what_they_need(name: str) -> None:
    findings = check_metric(name)
    assert_kept(findings, name)
    kinds = {finding.name.partition(":")[0] for finding in findings}
    assert len(findings) == len(kinds) * len(OF_METRICS)
    assert ("text-to-image" in kinds) is (name not in ("ssim", "age_error", "composition"))


@pytest.mark.slow
def test_a_metric_may_refuse_some_images_and_not_all() -> None:
    refused = [finding for finding in check_metric(f"{FILE}:REFUSING") if not finding.judged]
    assert [(finding.name, finding.passed) for finding in refused] == [("text-to-image: compute", True)]
    assert "expected truths, got none" in refused[0].seen
    assert {finding.passed for finding in check_metric(f"{FILE}:REFUSING_ALL")} == {False}


def test_a_broken_clause_is_an_assertion_with_its_remedy() -> None:
    with pytest.raises(AssertionError, match=r"BLIND breaks 1 clause.*\n- tells images apart: expected other .* uint8"):
        assert_kept(check_network(f"{FILE}:BLIND"), "BLIND")


def test_missing_weights_are_no_broken_clause() -> None:
    with pytest.raises(WeightsError, match="expected the digest of your own weights with the name"):
        check_network("dinov2")


def test_a_task_that_lacks_what_a_metric_needs_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a task with truth, got sandbox-brain-t2i"):
        check_metric("ssim", task=ONE_KIND)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--estimator", f"{FILE}:GOOD_ESTIMATOR"], 0, "8 clauses, none broken"),
        (["--estimator", f"{FILE}:CONSTANT"], 1, "8 clauses, 1 broken: tells images apart"),
        (["--estimator", f"{FILE}:GOOD_ESTIMATOR", "--task", ONE_KIND], 0, "8 clauses, none broken"),
    ],
)
def test_the_command_shows_the_findings(words: list[str], code: int, said: str) -> None:
    answer = CliRunner().invoke(app, ["check", *words], catch_exceptions=False)
    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (code, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "got none"), (["sd", "--network", "radiomics"], "got --network and MODEL"),
        (["--network", "radiomics", "--backbone", "tiny-sd"], "--backbone: expected beside MODEL alone"),
        (["--metric", "kid", "--set", "a=1"], "--set: expected beside MODEL alone"),
    ],
)  # fmt: skip
def test_one_plug_in_is_checked_at_a_time(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CliRunner().invoke(app, ["check", *words], catch_exceptions=False)
