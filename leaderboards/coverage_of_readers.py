"""How often the intervals of a study of readers cover what they claim. `leaderboards.interval_coverage` prints it.

Shares and d': readers and cases each have a skill (probit). `alike`: only the answer is chance. `varying`: skills have
the standard deviation 0.6. `readers differ`: those of readers 1.0, those of cases 0.3. `stopping`: every second reader
stops somewhere after the first quarter. The truth is what very many readers of very many cases would give.

Strengths: readers compare runs on the pairs of a study's page. `alike`: only the runs matter. `varying`: every reader's
taste and every case moves the log strength of every run, with standard deviation 0.6 each, or 1.0 (`very varying`). A
row has the intervals of all runs.

Agreement: one of two answers is right, each reader gives it with one probability, by itself. `uneven` trials have one
right answer four times as often. Studies in which alpha is undefined are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from ldbench.score.metrics.intervals import Interval
from ldbench.studies.readers.agreement import krippendorff_alpha
from ldbench.studies.readers.bradley_terry import bradley_terry
from ldbench.studies.readers.detection import two_sided, yes_no
from ldbench.studies.readers.estimates import share
from ldbench.studies.readers.pairings import Pair, pairings
from ldbench.studies.readers.preference import order
from leaderboards.coverage_table import report

Array = npt.NDArray[np.float64]
STRENGTHS: Mapping[str, tuple[float, ...]] = {
    "equal": (0, 0, 0), "2 apart": (2, 0, -2), "3 apart": (3, 0, -3), "five runs": (2, 1, 0, -1, -2),
    "eight runs": (3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5),
}
SPREADS = {"alike": 0.0, "varying": 0.6, "very varying": 1.0}
SKILLS: Mapping[str, tuple[float, float]] = {"alike": (0, 0), "varying": (0.6, 0.6), "readers differ": (1.0, 0.3)}


@dataclass(frozen=True)
class Panel:
    """Readers, the probability with which each is right, the share of trials whose right answer is the first."""

    readers: int
    skill: float
    first: float = 0.5

    @property
    def alpha(self) -> float:
        """The agreement of very many trials."""
        given = self.skill * self.first + (1 - self.skill) * (1 - self.first)
        return 1 - self.skill * (1 - self.skill) / (given * (1 - given))

    def counts(self, trials: int, random: np.random.Generator) -> Array:
        """How many readers gave each answer, `(T, 2)`."""
        truth = random.random(trials) < self.first
        said = np.where(random.random((self.readers, trials)) < self.skill, truth, ~truth)
        return np.stack([said.sum(axis=0), (~said).sum(axis=0)], axis=1).astype(np.float64)


def answered(
    mean: float, skills: tuple[float, float], readers: int, trials: int, random: np.random.Generator
) -> Array:
    """Right answers as 1, `(R, T)`, by the probit of mean + reader's skill + case's."""
    of_readers, of_cases = skills
    chance_rt = stats.norm.cdf(
        mean + random.normal(0, of_readers, (readers, 1)) + random.normal(0, of_cases, (1, trials))
    )
    return np.asarray(random.random((readers, trials)) < chance_rt, dtype=np.float64)


def stopping(table_rt: Array, random: np.random.Generator) -> Array:
    """The table where every second reader stops somewhere after the first quarter."""
    trials = table_rt.shape[1]
    for row in table_rt[1::2]:
        row[int(random.integers(trials // 4, trials)) :] = np.nan
    return table_rt


def share_row(
    mean: float, skills: str, readers: int, trials: int, repetitions: int, stops: bool = False
) -> None:
    """A row of shares of right answers."""
    intervals: list[Interval] = []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        table_rt = answered(mean, SKILLS[skills], readers, trials, random)
        found = share(stopping(table_rt, random) if stops else table_rt)
        intervals += [] if found is None else [found]
    truth = float(stats.norm.cdf(mean / (1 + sum(spread**2 for spread in SKILLS[skills])) ** 0.5))
    name = f"share, {skills}{', stopping' if stops else ''}, readers: {readers}"
    report(name, trials, intervals, truth)


def d_prime_row(d_prime: float, skills: str, readers: int, trials: int, repetitions: int) -> None:
    """A row of d' of two alternatives, and one of real or generated, where readers favour an answer by N(0.3, 0.3)."""
    of_readers, of_cases = SKILLS[skills]
    sided, called = [], []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        sided.append(two_sided(answered(d_prime / 2**0.5, SKILLS[skills], readers, trials, random)))
        favour_r1 = random.normal(0.3, 0.3, (readers, 1))
        skill_r1 = d_prime + random.normal(0, of_readers, (readers, 1))
        images, scans = (
            random.random((readers, trials)) < stats.norm.cdf(lead_r1 + random.normal(0, of_cases, (1, trials)))
            for lead_r1 in (skill_r1 - favour_r1, -favour_r1)
        )
        called.append(yes_no(images.astype(np.float64), scans.astype(np.float64)))
    for name, found in (("pairs", sided), ("real", called)):
        intervals: list[Interval] = [one for one in found if one is not None]
        report(
            f"d' of {name}, {skills}, readers: {readers}", trials, intervals, d_prime / (1 + of_cases**2) ** 0.5
        )


def compared(
    strength_k: Array, spread: float, readers: int, trials: int, random: np.random.Generator
) -> dict[Pair, Array]:
    """Tables of answers as a study of so many trials gives them."""
    runs = len(strength_k)
    taste_rk, case_tk = random.normal(0, spread, (readers, runs)), random.normal(0, spread, (trials, runs))
    tables: dict[Pair, list[Array]] = {}
    for trial, (pair, _) in enumerate(pairings(trials, runs, ("any",))):
        lead_r = (strength_k + taste_rk + case_tk[trial])[:, pair] @ np.array([1.0, -1.0])
        tables.setdefault(pair, []).append((random.random(readers) < special.expit(lead_r)).astype(np.float64))
    return {pair: np.stack(answers, axis=1) for pair, answers in tables.items()}


def true_strengths(strength_k: Array, spread: float) -> Array:
    """What very many readers of very many cases give: the fit of the mean chances."""
    quantiles = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    lead_kk1 = (strength_k[:, None] - strength_k)[:, :, None]
    wins_kk = special.expit(lead_kk1 + 2 * spread * quantiles).mean(axis=2)  # four deviates of variance spread^2
    return np.asarray(bradley_terry((wins_kk * (1 - np.eye(len(strength_k))))[None])[0])


def strength_row(name: str, readers: int, trials: int, spread: str, repetitions: int) -> None:
    """A row: the errors of all runs' strengths, whose target is 0."""
    strength_k = np.array(STRENGTHS[name], dtype=np.float64)
    truth_k, labels = true_strengths(strength_k, SPREADS[spread]), list(map(str, range(len(strength_k))))
    intervals = []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        tables = compared(strength_k, SPREADS[spread], readers, trials, random)
        for row in order(tables, labels):
            truth, found = truth_k[int(row.run)], row.strength
            intervals.append(Interval(found.value - truth, found.low - truth, found.high - truth))
    report(f"strength, {name}, {spread}, readers: {readers}", trials, intervals, 0.0)


def alpha_row(name: str, panel: Panel, trials: int, repetitions: int) -> None:
    """A row of Krippendorff's alpha."""
    intervals: list[Interval] = []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        found = krippendorff_alpha(panel.counts(trials, random), random)
        intervals += [] if found is None else [found]
    report(f"alpha, {name}, readers: {panel.readers}", trials, intervals, panel.alpha)


def reader_rows(repetitions: int) -> None:
    """All rows."""
    for skills in SKILLS:
        for readers in (1, 2, 3, 5, 8):
            for trials in (10, 20, 40):
                share_row(0.8, skills, readers, trials, 10 * repetitions)
        for readers in (3, 5):
            share_row(0.8, skills, readers, 40, 10 * repetitions, stops=True)
            share_row(2.0, skills, readers, 40, 10 * repetitions)
        for readers in (1, 2, 3, 5):
            for trials in (20, 40):
                d_prime_row(1.0, skills, readers, trials, 3 * repetitions)
    for spread in SPREADS:
        for name, strengths in STRENGTHS.items():
            trials = max(20, len(strengths) * (len(strengths) - 1) // 2)
            for readers in (1, 3, 5):
                strength_row(name, readers, trials, spread, repetitions)
    for name, skill, first in (
        ("guessing", 0.5, 0.5), ("85 % right", 0.85, 0.5), ("97 % right", 0.97, 0.5), ("97 % right, uneven", 0.97, 0.8)
    ):
        for readers in (2, 3, 5):
            for trials in (10, 20, 40):
                alpha_row(name, Panel(readers, skill, first), trials, repetitions)
