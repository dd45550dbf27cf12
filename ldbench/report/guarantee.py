"""What a reader may rely on where a row is called better, and what that rests on: a sentence each."""

from __future__ import annotations

from collections.abc import Iterable

from ldbench.board.leaderboard import BoardMetric

RULE = (
    "A row is better than another where a test over their cases, and over their seeds, says so after correction for "
    "all pairs of the metric (Holm, 5 %)."
)
SHARED = (
    "No test separates rows that share a rank, nor need one separate rows of different ranks: see the "
    "interval of the rank."
)
GUARANTEE = (
    "Guarantee, for each metric of this board by itself: among rows that are equally good, the chance that any is "
    "called better than another is at most 5 %, as long as another seed changes no more than is allowed for."
)
AS_FITTED = (
    "These very runs, not what their methods would give with another seed: paired over the cases and test scans that "
    "both have; p by Student's t, corrected for all pairs of the metric (Holm). On a metric that trains a network, as "
    "auc does, its trainings are a source of error. Where one was trained once, seeds count as in the usual test."
)


def allowance_sentence(metrics: Iterable[BoardMetric]) -> str:
    """What another seed is allowed to change, by metric in the order given; empty without any."""
    known: dict[str, float] = {}
    for one in metrics:
        if one.seed_allowance is not None:
            known[one.metric] = max(one.seed_allowance, known.get(one.metric, 0.0))
    if not known:
        return ""
    listed = ", ".join(f"{name} {most:.3g}" for name, most in known.items())
    return (
        "Allowance for another seed: the score of a row of one seed is taken to vary between seeds by this many "
        "standard errors (standard deviation), and that of any other row by no more, unless its own seeds show it: "
        f"{listed}."
    )
