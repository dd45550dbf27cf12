"""Scores by group of cases as tables: one a metric, in it a row a model, with its gap, then a column a group.

What is said below them holds for all tables of a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ldbench.board.folded_groups import RowGroups
from ldbench.records.names import one_line
from ldbench.records.subgroups import LABEL, Group
from ldbench.report.digits import decimals_for, fixed, with_interval
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.parts import broken
from ldbench.report.tables.text_table import TextTable

ByRow = Mapping[str, RowGroups]  # by the row's label
Unmeasured = Mapping[str, Mapping[str, str]]  # by attribute and metric why; "" where nobody knows
ByAttribute = Mapping[str, Mapping[str, ByRow]]  # by attribute and metric
SURE_MARK = "*"
_USUAL_REASON = "The usual reason: a group has too few cases, or too few with or without some class or label."
_ALONE = (
    "One seed does not say what another training would change; the intervals of a row of one seed leave it out."
)

_OF_EDITS = (
    "This task edits scans. A case has the attributes that were asked for: by what is edited, its group is that of the "
    "result and not of the scan, so a patient's scan that is to become healthy counts as healthy."
)


def group_table(task: str, of_rows: ByRow) -> TextTable:
    """One metric by one attribute, a line a row; cells have line ends, where they may be broken."""
    first = next(iter(of_rows.values()))
    sizes: dict[str, list[Group]] = {}
    for row in of_rows.values():
        for group in row.breakdown.groups:
            sizes.setdefault(group.name, []).append(group)
    names = sorted(sizes)
    seeded = any(row.gap.runs > 1 for row in of_rows.values())
    by_chance = any(group.chance is not None for row in of_rows.values() for group in row.breakdown.groups)
    of_what = "gap beyond\nchance" if by_chance else "gap"
    gap = [of_what, *(["± seeds"] if seeded else []), "worst", *(["best"] if len(names) > 2 else [])]
    lines = [
        [broken(label), *_gap(row, len(names) > 2, seeded), *(_group(row, name) for name in names)]
        for label, row in of_rows.items()
    ]
    title = f"{task}: {first.metric} {ARROWS[first.direction]} by {one_line(first.attribute)}"
    headed = [",\n".join([broken(name), *size_in_words(sizes[name]).split(", ")]) for name in names]
    headings = ["model", *gap, *headed]
    return TextTable(headings, lines, "l" * len(headings), title, joint=1 + len(gap))


def group_notes(
    by_attribute: ByAttribute, without: Sequence[str], unmeasured: Unmeasured, uncompared: Unmeasured,
    edits: bool = False,
) -> list[str]:
    """How to read all tables of a task, whose cases may be `edits`, and what they lack: the metrics that are
    `unmeasured` or `uncompared`, and the rows whose runs are `without` groups."""
    notes = _how_to_read(by_attribute) if by_attribute else []
    notes += [_OF_EDITS] if edits and set(by_attribute) - {LABEL} else []
    notes += unmeasured_notes(unmeasured, uncompared)
    notes += [note for by_metric in by_attribute.values() for note in _left_out(by_metric)]
    return notes + ([f"Without groups in their results: {', '.join(without)}."] if without else [])


def unmeasured_notes(unmeasured: Unmeasured, uncompared: Unmeasured) -> list[str]:
    """The metrics that no group is measured by, and those that no two groups are compared by, and why; where a run does
    not say why, the usual reason."""
    said = _by_reason("Not measured", unmeasured)
    usual = any(not reason for why in unmeasured.values() for reason in why.values())
    notes = [*([*said, _USUAL_REASON] if usual else said), *_by_reason("Not compared", uncompared)]
    return [" ".join(notes)] if notes else []


def _by_reason(what: str, lacking: Unmeasured) -> list[str]:
    """A sentence for the attributes that lack the same metrics for the same reasons."""
    attributes: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, why in lacking.items():
        if why:
            attributes.setdefault(tuple(why.items()), []).append(one_line(name))
    return [f"{what} by {' or '.join(names)}: {_with_reasons(why)}." for why, names in attributes.items()]


def _with_reasons(why: Iterable[tuple[str, str]]) -> str:
    """The metrics, those of one reason together with it in brackets."""
    metrics: dict[str, list[str]] = {}
    for metric, reason in why:
        metrics.setdefault(reason.replace(f"{metric}: ", "", 1), []).append(metric)
    return "; ".join(
        f"{', '.join(names)}{f' ({one_line(reason)})' if reason else ''}" for reason, names in metrics.items()
    )


def _how_to_read(by_attribute: ByAttribute) -> list[str]:
    tables = [of_rows for by_metric in by_attribute.values() for of_rows in by_metric.values()]
    rows = [row for of_rows in tables for row in of_rows.values()]
    sure, count = sure_of(tables)
    notes = [
        "n: cases of the group that the metric takes. Each value with its 95 % interval. The gap is that of the worst "
        "group to the best one; its 95 % interval holds for all pairs of groups at once. "
        f"{SURE_MARK}: the interval leaves out 0.",
    ]  # fmt: skip
    notes.append(
        f"{sure} of {count} gaps leave out 0. Each is held against 0 for itself: where no group is served worse, "
        "about one in twenty does so by chance." if count else
        "No row has two groups that are large enough to be compared, so there is no gap."
    )
    if any(row.gap.runs > 1 for row in rows):
        notes.append(
            "Over several seeds, values and gaps are means, and their intervals cover the errors of seeds and of "
            "cases. ± seeds: standard deviation of the gap between them."
        )
    notes += [_ALONE] if any(row.gap.runs == 1 for row in rows) else []
    if any(group.chance is not None for row in rows for group in row.breakdown.groups):
        notes.append(
            "By chance: what a distance of sets of this size would be where nothing sets them apart. It depends on the "
            "group, so groups are compared by what is beyond it: the value without what is by chance."
        )
    if LABEL in by_attribute:
        notes.append(
            "By label: labels are not equally hard to see, so a gap does not say that a row serves one of them worse. "
            "Hold it against the gap of real scans."
        )
    if any(group.with_it is not None for row in rows for group in row.breakdown.groups):
        notes.append("With it: how many of the n have the label; the others have it not.")
    if any(group.name not in _compared(row) for row in rows for group in row.breakdown.groups):
        notes.append(
            "In round brackets: not compared. That takes ten subjects or more in every run, and another group with as "
            "many. n counts cases, of which a subject may have several."
        )
    return notes


def sure_of(tables: Iterable[ByRow]) -> tuple[int, int]:
    """How many gaps leave out 0, and how many there are."""
    gaps = [row.breakdown for of_rows in tables for row in of_rows.values() if row.breakdown.worst]
    return sum(gap.gap_low > 0 for gap in gaps), len(gaps)


def _left_out(by_metric: Mapping[str, ByRow]) -> list[str]:
    """The groups of an attribute that are too small for some metrics, metrics of the same ones together."""
    there = {
        metric: {one.name for row in of_rows.values() for one in row.breakdown.groups}
        for metric, of_rows in by_metric.items()
    }
    every, lacking = set[str]().union(*there.values()), dict[tuple[str, ...], list[str]]()
    for metric, names in there.items():
        lacking.setdefault(tuple(sorted(every - names)), []).append(metric)
    return [
        f"Too small to be measured by {', '.join(metrics)}: {', '.join(map(one_line, names))}."
        for names, metrics in lacking.items() if names
    ]


def size_in_words(groups: Sequence[Group]) -> str:
    """How many cases a group has in some rows; of a label also how many of these have it, where a row knows."""
    with_it = [group.with_it for group in groups if group.with_it is not None]
    return f"n = {_range([group.n for group in groups])}" + (f", {_range(with_it)} with it" if with_it else "")


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _compared(row: RowGroups) -> set[str]:
    """The groups that are compared; all of a run's of an older file, which does not say it."""
    pairs, groups = row.breakdown.pairs, row.breakdown.groups
    if not pairs and row.breakdown.worst:
        return {group.name for group in groups}
    return {name for pair in pairs for name in (pair.worse, pair.better)}


def _group(row: RowGroups, name: str) -> str:
    group = next((group for group in row.breakdown.groups if group.name == name), None)
    if group is None:
        return "-"
    value, interval = with_interval(group.value, group.ci_low, group.ci_high)
    text = "\n".join([value, ",\n".join([interval, *chance_in_words(group)])])
    return text if name in _compared(row) else f"({text})"


def chance_in_words(group: Group) -> list[str]:
    """What chance alone gives, and what is beyond it, by which groups are compared, with as many digits as the value;
    nothing where it is not known."""
    if group.chance is None:
        return []
    decimals = decimals_for((group.ci_high - group.ci_low) / 2, group.value)
    return [f"{fixed(group.chance, decimals)} by chance", f"{fixed(group.compared, decimals)} beyond"]


def _gap(row: RowGroups, names_best: bool, seeded: bool) -> list[str]:
    one = row.breakdown
    if not one.worst:
        return ["-"] * (2 + names_best + seeded)
    value, interval = with_interval(one.gap, one.gap_low, one.gap_high)
    if one.gap_low > 0:
        low, high = interval.strip("[]").split(", ")
        interval = f"[{low if float(low) else '>0'}, {high}] {SURE_MARK}"
    marked = f"{value}\n{interval}"
    decimals = decimals_for((one.gap_high - one.gap_low) / 2, one.gap)
    spread = "-" if row.gap.spread is None else fixed(row.gap.spread, decimals)
    named = [one.worst, *([one.best] if names_best else [])] if one.gap else ["-"] * (1 + names_best)
    return [marked, *([spread] if seeded else []), *map(broken, named)]
