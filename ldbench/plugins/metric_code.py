"""What tells the code of a metric from that of a namesake: of built-in ones nothing, as the suite's version does.

Scores of an edited metric and of the metric before are two measures. Reports compare the parameters of scores, so what
stands here belongs into them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.plugins.code import owner_of, sources
from ldbench.plugins.kinds import METRICS
from ldbench.plugins.registry import module_of_file
from ldbench.records.digests import digest_of

_SUITE = "ldbench"  # the distribution, which brings the baselines and the sandbox as well


def code_of_metric(name: str) -> Mapping[str, str]:
    """Of a metric by what it was asked for by: `metric_package`, distribution and version, where one installed it, else
    `metric_code`, `sha256:` and 16 digits over its file and what that imports from its own folder."""
    entry, (module, _, _) = METRICS.entry(name), name.rpartition(":")
    if entry is not None:
        distribution, version = entry.distribution, entry.version
    elif module.endswith(".py"):
        return _digest(module_of_file(module))
    else:
        found = owner_of(module)
        if None in found:
            return _digest(module)
        distribution, version = map(str, found)
    return {} if distribution == _SUITE else {"metric_package": f"{distribution} {version}"}


def _digest(module: str) -> Mapping[str, str]:
    return {"metric_code": digest_of(sources(module))}
