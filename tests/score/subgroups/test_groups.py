"""Scores by group of cases: the arithmetic, what cannot be taken apart, and how often chance alone is called a gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ldbench.api import Attributes, Measured
from ldbench.plugins.kinds import METRICS
from ldbench.records.subgroups import Breakdown
from ldbench.records.units import Contributions, Units, is_mean_over_cases, values_of_cases
from ldbench.score.metrics.effectiveness import flip_rate_score
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.subgroups.groups import breakdown, groups_of, subgroups_of

PEOPLE: dict[str, Attributes] = {
    f"case{i}": {"sex": "FM"[i % 2], "age": 60.0 + i, "diagnosis": "CN", "weight": 70.5} for i in range(30)
}
BOUNDS = {name: METRICS.load(name).bounds for name in ("ssim", "flip_rate", "minimality", "fid")}


def units_of(score: Measured, kind: str = "cases") -> Units:
    parts = tuple(score.contributions["cases"].tolist())
    return Units({kind: tuple(PEOPLE)[: len(parts)]}, {score.metric: Contributions(score.value, {kind: parts})})


def values(seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0.5, 0.1, size=30)


def test_each_cases_value_is_found_again() -> None:
    score = mean_score("ssim", values(), "higher", {})
    assert list(values_of_cases(score, units_of(score)).values()) == pytest.approx(values())
    left_out = np.arange(30) % 3 > 0
    among = mean_score("ssim", values()[left_out], "higher", {}).among(left_out)
    found = values_of_cases(among, units_of(among))
    assert list(found.values()) == pytest.approx(values()[left_out])
    assert list(found) == [case for case, kept in zip(PEOPLE, left_out, strict=True) if kept]


SOME = np.arange(30) % 3 > 0


@pytest.mark.parametrize("numbers", [np.full(20, 0.5), np.array([0.25] * 9 + [0.5] * 2 + [0.75] * 9)])
def test_a_measured_case_that_has_exactly_the_mean_is_no_case_that_was_left_out(numbers: Array) -> None:
    score = replace(mean_score("ssim", numbers, "higher", {}).among(SOME), parameters={})
    units, people = units_of(score), {case: {"sex": "fm"[place % 2]} for place, case in enumerate(PEOPLE)}
    found = subgroups_of([score], units, people, {}, {"ssim": (0.0, 1.0)})
    by_sex = found.metrics["ssim"]["sex"]
    assert [group.n for group in by_sex.groups] == [10, 10]
    assert not found.left_out
    kept = [case for case, measured in zip(PEOPLE, SOME, strict=True) if measured]
    expected = [numbers[[people[case]["sex"] == sex for case in kept]].mean() for sex in "fm"]
    assert [group.value for group in by_sex.groups] == pytest.approx(expected)
    untold = replace(score, _kept=None)  # a plug-in that fills up by itself
    found = subgroups_of([untold], units, people, {}, {"ssim": (0.0, 1.0)})
    count = int((score.contributions["cases"][SOME] == 0).sum())
    said = f"{count} of 20 measured cases add 0 as those left out do: the metric may name them by Measured.among"
    assert (found.metrics, found.left_out) == ({}, {"ssim": {"sex": said}})


def test_groups_are_texts_and_decades_of_age() -> None:
    found = groups_of(PEOPLE)
    assert set(found) == {"sex", "age"}  # one diagnosis and one weight make no groups
    assert {name: len(ids) for name, ids in found["age"].items()} == dict.fromkeys(
        ("60 to 69", "70 to 79", "80 to 89"), 10
    )
    assert found["sex"]["F"] == [f"case{i}" for i in range(0, 30, 2)]


@pytest.mark.parametrize("name", ["Age", "AGE"])
def test_a_tables_own_spelling_of_age_makes_decades_too(name: str) -> None:
    people: dict[str, Attributes] = {case: {name: values["age"]} for case, values in PEOPLE.items()}
    assert groups_of(people)[name] == groups_of(PEOPLE)["age"]


@pytest.mark.parametrize(("direction", "worst"), [("higher", "M"), ("lower", "F")])
def test_the_worst_group_and_its_gap(direction: str, worst: str) -> None:
    of_sex = values() + 0.3 * (np.arange(30) % 2 == 0)
    score = mean_score("ssim", of_sex, direction, {})  # type: ignore[arg-type]
    one = subgroups_of([score], units_of(score), PEOPLE, {}, BOUNDS).metrics["ssim"]["sex"]
    women, men = of_sex[::2], of_sex[1::2]
    assert one.worst == worst
    assert one.gap == pytest.approx(women.mean() - men.mean())
    welch = stats.ttest_ind(women, men, equal_var=False).confidence_interval(0.95)
    assert (one.gap_low, one.gap_high) == pytest.approx((welch.low, welch.high))
    group = one.group("F")
    assert (group.n, group.value) == (15, pytest.approx(women.mean()))
    expected = stats.t.interval(0.95, 14, women.mean(), stats.sem(women))
    assert (group.ci_low, group.ci_high) == pytest.approx(expected)


def test_shares_have_wilsons_interval_and_a_gap_even_without_spread() -> None:
    odds = np.stack([np.zeros(30), np.where(np.arange(30) % 2, 1.0, -1.0)], axis=1)
    score = flip_rate_score(odds, ["AD"] * 30, ("CN", "AD"), {})
    one = subgroups_of([score], units_of(score), PEOPLE, {}, BOUNDS).metrics["flip_rate"]["sex"]
    assert (one.worst, one.best, one.gap) == ("F", "M", pytest.approx(1))
    assert 0.5 < one.gap_low < one.gap_high == 1
    wilson = stats.binomtest(0, 15).proportion_ci(method="wilson")
    assert (one.group("F").ci_low, one.group("F").ci_high) == pytest.approx((wilson.low, wilson.high), abs=1e-4)


def test_a_stored_mean_says_what_it_is() -> None:
    score = mean_score("ssim", values(), "higher", {}).score
    told = f"{score.parameters['interval']}; subjects are the units"
    assert is_mean_over_cases(score)
    assert is_mean_over_cases(replace(score, parameters={"interval": told}))
    share = flip_rate_score(np.eye(2), ["AD"] * 2, ("CN", "AD"), {}).score
    assert not is_mean_over_cases(share)
    assert not is_mean_over_cases(replace(score, parameters={"interval": "95 % jackknife over cases (Student's t)"}))
    assert not is_mean_over_cases(replace(score, parameters={}))


def test_small_groups_are_shown_and_not_compared() -> None:
    score = mean_score("ssim", values(), "higher", {})
    one = breakdown(score, [("a", values()[:20]), ("b", values()[20:29]), ("c", values()[29:])], BOUNDS["ssim"])
    assert [group.name for group in one.groups] == ["a", "b"]
    assert (one.worst, one.gap) == ("", 0.0)
    assert Breakdown(()).worst == ""


@pytest.mark.parametrize("shared", [False, True])
def test_a_mean_without_a_gap_says_which_groups_are_too_small(shared: bool) -> None:
    score = mean_score("ssim", values(), "higher", {})
    units = units_of(score)
    if shared:  # two cases a subject, in the order of the cases
        units = replace(units, subjects={"cases": tuple(np.repeat(np.arange(15), 2).tolist())})
    people: dict[str, Attributes] = {
        case: {"sex": "F" if i < 14 else "M", "site": "a" if i < 28 else "b"} for i, case in enumerate(PEOPLE)
    }
    found = subgroups_of([score], units, people, {}, BOUNDS)
    said = {"sex": "F: 7, M: 8 subjects, 10 needed", "site": "b: 1 subjects, 10 needed"}
    assert found.left_out == {"ssim": said if shared else {"site": "b: 2 cases, 10 needed"}}


def test_what_is_no_mean_over_cases_is_left_out() -> None:
    score = mean_score("ssim", values(), "higher", {})
    units = units_of(score)
    other = Measured("fid", 1.0, 0.5, 1.5, 30, "lower", parameters={"interval": "95 % delete-a-group jackknife"})
    assert subgroups_of([other], units, PEOPLE, {}, BOUNDS).metrics == {}
    assert subgroups_of([replace(score, mean=False)], units, PEOPLE, {}, BOUNDS).metrics == {}
    both = Contributions(score.value, {"cases": (0.0,) * 30, "scans": (0.0,) * 30})
    assert values_of_cases(score, Units({"cases": tuple(PEOPLE), "scans": tuple(PEOPLE)}, {"ssim": both})) == {}


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_gap_of_subjects_that_are_in_both_groups_is_that_of_pairs(sign: int) -> None:
    random = np.random.default_rng(3)
    one = random.normal(size=20)
    other = sign * one + 0.3 * random.normal(size=20) + 1
    score, everybody = mean_score("ssim", values(), "higher", {}), tuple(range(20))
    found = breakdown(score, [("a", one), ("b", other)], BOUNDS["ssim"], {"a": everybody, "b": everybody[::-1]})
    apart = breakdown(score, [("a", one), ("b", other)], BOUNDS["ssim"])
    turned = breakdown(score, [("a", one), ("b", other[::-1])], BOUNDS["ssim"], {"a": everybody, "b": everybody[::-1]})
    paired = stats.ttest_rel(other, one).confidence_interval(0.95)
    assert (turned.gap_low, turned.gap_high) == pytest.approx((max(paired.low, 0), min(paired.high, 2)))
    assert found.gap == apart.gap == pytest.approx(turned.gap)
    none = {"a": tuple(range(20)), "b": tuple(range(20, 40))}
    assert breakdown(score, [("a", one), ("b", other)], BOUNDS["ssim"], none) == apart


@pytest.mark.parametrize("metric", ["mean", "share"])
def test_chance_among_subjects_of_both_groups_is_seldom_called_a_gap(metric: str) -> None:
    """Of 40 subjects 25 are in both groups, where they are each other's opposite: alone they are called too often."""
    odds = np.stack([-np.ones(30), np.ones(30)], axis=1)
    share = flip_rate_score(odds, ["AD"] * 30, ("CN", "AD"), {})
    score = share if metric == "share" else mean_score("minimality", values(), "lower", {})
    first, second = np.r_[np.arange(30), np.arange(20, 30)], np.arange(5, 40)
    random, said = np.random.default_rng(5), {"shared": 0, "apart": 0}
    for _ in range(200):
        own = random.normal(size=40)
        groups = [("a", own[first]), ("b", -own[second])]
        groups = [(name, each + 0.3 * random.normal(size=len(each))) for name, each in groups]
        groups = [(name, (each > 0) * 1.0) for name, each in groups] if metric == "share" else groups
        for name, further in (("shared", 0), ("apart", 40)):
            whose = {"a": first.tolist(), "b": (second + further).tolist()}
            said[name] += breakdown(score, groups, BOUNDS[score.metric], whose).gap_low > 0
    assert said["shared"] <= 18 < 20 <= said["apart"]  # 10 are expected


@pytest.mark.parametrize("groups", [2, 4])
def test_chance_is_seldom_called_a_gap(groups: int) -> None:
    score, random, said = mean_score("ssim", values(), "higher", {}), np.random.default_rng(groups), 0
    for _ in range(200):
        drawn = random.normal(size=(groups, 12))
        said += breakdown(score, [(str(place), row) for place, row in enumerate(drawn)], BOUNDS["ssim"]).gap_low > 0
    assert said <= 20  # 10 are expected at most
