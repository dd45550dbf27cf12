"""What a metric declares that it catches and cannot see, against what a gauntlet found."""

from __future__ import annotations

from ldbench.api import Metric
from ldbench.errors import UsageError
from ldbench.studies.gauntlet.catalogue import FAILURES
from ldbench.studies.gauntlet.findings import findings
from ldbench.studies.gauntlet.record import Gauntlet


def check_claims(metric: Metric) -> None:
    """Raise `UsageError` where the record's `catches` or `blind_to` name no failure."""
    names = [failure.name for failure in FAILURES]
    for claim in (*metric.catches, *metric.blind_to):
        if claim not in names:
            raise UsageError(f"{metric.name}: it claims {claim}, which is no failure; there are {', '.join(names)}")


def contradictions(metric: Metric, gauntlet: Gauntlet) -> list[str]:
    """A sentence for each claim of the record that the gauntlet denies; nothing of failures that it did not run."""
    run = set(gauntlet.failures)
    seen = next((findings(gauntlet, one) for one in gauntlet.metrics if one.name == metric.name), None)
    if seen is None:
        return []
    missed = [name for name in metric.catches if name in run and name not in seen.catches]
    noticed = [name for name in metric.blind_to if name in run and name not in seen.blind_to]
    return [f"{metric.name} claims to catch {name}, and does not here." for name in missed] + [
        f"{metric.name} claims to be blind to {name}, and is not here." for name in noticed
    ]
