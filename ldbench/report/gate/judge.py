"""Today's leaderboards against the baseline's: the rule of the gate.

A metric of a row got worse if it lies further on the worse side of the baseline's value than an unchanged row may
(`ldbench.report.gate.reach`), than the tolerance, and than round-off. Rows that don't compete (references, rows that
saw the truth) fail in either direction, as "moved": no generator changed there, so the measuring did. A row or metric
of the baseline that is gone, and a run of it that failed and had not failed before, fail too. So does a run of it that
was begun and has no result: it may have been killed. A pure function.

Reported rows are not judged, nor are tasks that were not measured alike (`ldbench.report.gate.baseline`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ldbench.board.leaderboard import BoardRow, FailedRun, FoldedScore, Leaderboard
from ldbench.board.row_labels import Labels, labels
from ldbench.errors import ResultError
from ldbench.records.identity import real_images
from ldbench.records.names import one_line
from ldbench.records.unfinished import UnfinishedRun
from ldbench.report.gate.baseline import require_comparable
from ldbench.report.gate.findings import NO_RESULT, Gate, GateFinding, Verdict
from ldbench.report.gate.pairing import Pairs, changes, pair
from ldbench.report.gate.reach import RowPair
from ldbench.report.gate.tolerance import Tolerances, require_known
from ldbench.report.gate.unseen import losses_unseen, would_pass

# LPIPS of the truth is 2.6e-14 with an interval of 1e-15, and another processor's last digits are no change.
ROUND_OFF = 1e-9
_ONE_SEED = "one seed each says nothing of the seeds, so only a very large change shows: run the same seed, or several"


def check(
    boards: Mapping[str, Leaderboard], baseline: Mapping[str, Leaderboard], tolerances: Tolerances,
    allow_missing: bool = False, unfinished: Sequence[UnfinishedRun] = (),
) -> Gate:
    """What became of every measured row of the baseline, by task; with `allow_missing` absent rows do not fail.

    Runs that are `unfinished` fail where they are of a row of the baseline, and are said elsewhere.

    Raises `ResultError` where no task is shared or one was measured otherwise, `UnknownNameError` for a tolerance of a
    metric that the baseline does not hold.
    """
    expected = {task: board for task, board in sorted(baseline.items()) if _measured(board)}
    if not expected.keys() & boards.keys():
        raise ResultError(
            f"gate: expected results of {_listed(expected)} as in the baseline, got {_listed(boards)}; "
            "name another baseline, or other results"
        )
    require_known(tolerances, {metric.metric for board in expected.values() for metric in board.metrics})
    findings: list[GateFinding] = []
    for task, then in expected.items():
        now = boards.get(task)
        if now is not None and (_measured(now) or now.failed):
            require_comparable(now, then)
        begun = [run for run in unfinished if run.task == task]
        findings.extend(_task(now, then, tolerances, allow_missing, begun))
    for task in sorted(boards.keys() - expected.keys()):
        rows = _measured(boards[task])
        labelled = labels(rows)
        findings.extend(GateFinding(task, labelled.of(row), "new", False, detail="no baseline") for row in rows)
    elsewhere = (run for run in unfinished if run.task not in expected)
    findings.extend(_unfinished(run, run.model, fails=False) for run in elsewhere)
    return Gate(tuple(findings), tolerances)


def _listed(tasks: Mapping[str, Leaderboard]) -> str:
    return ", ".join(sorted(tasks)) or "none"


def _measured(board: Leaderboard) -> list[BoardRow]:
    """The measured rows, and one for each model whose row was left out since another one has the same images: it is a
    row of its own as soon as its images change."""
    rows = [row for row in board.rows if row.origin == "measured"]
    return [*rows, *(replace(row, model=model, same_images=()) for row in rows for model in row.same_images)]


def _task(
    now: Leaderboard | None, then: Leaderboard, tolerances: Tolerances, allow_missing: bool,
    begun: Sequence[UnfinishedRun],
) -> Iterator[GateFinding]:
    task, old = then.task.id, _measured(then)
    pairs = pair(_measured(now) if now else [], now.failed if now else (), old, then.failed)
    labelled = labels([*old, *pairs.new])  # in one go, so that a row and its new namesake have two names
    for row in old:
        own = [run for run in begun if run.is_of(row.model)]
        yield from _row(then, labelled, row, pairs, tolerances, allow_missing, own)
    of_new = (run for run in begun if not any(run.is_of(row.model) for row in old))
    yield from (_unfinished(run, run.model, fails=False) for run in of_new)
    for new in pairs.new:
        yield GateFinding(task, labelled.of(new), "new", False, detail="not in the baseline")


def _row(
    board: Leaderboard, labelled: Labels, then: BoardRow, pairs: Pairs, tolerances: Tolerances, allow_missing: bool,
    begun: Sequence[UnfinishedRun],
) -> Iterator[GateFinding]:
    task, name, now, failures = board.task.id, labelled.of(then), pairs.now(then), pairs.failures(then)
    if failures:
        yield GateFinding(task, name, "failed", True, detail=_failure_note(failures))
    yield from (_unfinished(run, name, fails=True) for run in begun)
    if now is None:
        if not (failures or begun):
            other = pairs.nearest(then)
            but = "" if other is None else f", but of {labelled.of(other)}: {changes(then.model, other.model)}"
            yield GateFinding(task, name, "missing", not allow_missing, detail=f"{NO_RESULT}{but}")
        return
    detail = _changes(now, then)
    rows = RowPair(now, then, {one.metric: real_images(one.parameters) for one in board.metrics})
    one_seed = f"{_seed_change(now, then)}; {_ONE_SEED}" if rows.spread_is_unknown else ""
    first = board.metrics[0].metric if board.metrics else ""
    if unsure := "; ".join(filter(None, (one_seed, losses_unseen(rows, first, tolerances)))):
        yield GateFinding(task, name, "unsure", False, detail=unsure)
    for score in then.scores:
        new = now.score(score.metric)
        if new is None:
            yield GateFinding(
                task, name, "missing", not allow_missing, score.metric, score.direction, then=score.value,
                detail="no score of this metric",
            )
        else:
            yield _score(task, name, rows, new, score, tolerances, detail)


def _score(
    task: str, name: str, rows: RowPair, now: FoldedScore, then: FoldedScore, tolerances: Tolerances, detail: str
) -> GateFinding:
    higher = then.direction == "higher"
    worse_by = then.value - now.value if higher else now.value - then.value
    reach = rows.reach(now, then, above=now.value > then.value)
    allowed = max(reach, tolerances.amount(then.metric, then.value), ROUND_OFF)
    verdict: Verdict = "same"
    if abs(worse_by) > allowed:
        verdict = "moved" if not rows.then.competes else "worse" if worse_by > 0 else "better"
    elif passing := would_pass(rows, now, then, tolerances):
        detail = "; ".join(filter(None, (detail, f"{passing} would pass")))
    return GateFinding(
        task, name, verdict, verdict in ("worse", "moved"), then.metric, then.direction, then.value, now.value,
        worse_by, allowed, detail,
    )


def _unfinished(run: UnfinishedRun, row: str, fails: bool) -> GateFinding:
    seed = "" if run.seed is None else f"seed {run.seed}: "
    return GateFinding(run.task, row, "unfinished", fails, detail=f"{seed}{run.how_far}")


def _failure_note(failures: Sequence[FailedRun]) -> str:
    return "; ".join(
        f"{'' if one.seed is None else f'seed {one.seed}: '}{one_line(one.error or 'no error recorded')}"
        for one in failures
    )


def _changes(now: BoardRow, then: BoardRow) -> str:
    """What else is not as it was, for the reader of a finding: version and seeds."""
    changes = []
    if now.model.version != then.model.version:
        changes.append(f"version {then.model.version or 'unknown'} then, {now.model.version or 'unknown'} now")
    if now.seeds != then.seeds:
        changes.append(_seed_change(now, then))
    return "; ".join(changes)


def _seed_change(now: BoardRow, then: BoardRow) -> str:
    return f"seeds {_seeds(then)} then, {_seeds(now)} now"


def _seeds(row: BoardRow) -> str:
    return ", ".join("unknown" if seed is None else str(seed) for seed in row.seeds)
