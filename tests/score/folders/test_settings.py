"""Which settings of metrics are said: those that are not the metrics' own defaults."""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.api import ParameterValue
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.metrics import recipes_of, settings_of
from ldbench.score.folders.settings import changed_settings

NAMES = ("coverage", "fid", "frd", "auc", "judge_accuracy")


def changed(given: Mapping[str, Mapping[str, str]], network: str | None = None) -> dict[str, dict[str, ParameterValue]]:
    asked = {name: METRICS.load(name) for name in NAMES}
    recipes = recipes_of(asked, given, {})
    chosen = {name: settings_of(metric, network, given.get(name, {})) for name, metric in asked.items()}
    return changed_settings(asked, chosen | {"auc": recipes["auc"]}, recipes, {})


def test_defaults_are_not_said_whatever_the_network() -> None:
    assert changed({}) == changed({}, "radiomics") == {}


def test_what_is_given_is_said_of_its_metric_and_a_judges_of_those_that_ask_it() -> None:
    given = {"coverage": {"k": "3"}, "fid": {"resize": "64"}, "auc": {"epochs": "2"}, "judge": {"epochs": "1"}}
    assert changed(given) == {
        "coverage": {"k": 3}, "fid": {"resize": 64}, "auc": {"epochs": 2}, "judge_accuracy": {"judge:epochs": 1},
    }
