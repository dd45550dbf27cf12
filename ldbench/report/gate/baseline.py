"""Baselines: leaderboard files by task, and whether today's leaderboard may be held against one.

A baseline of another card, other data or other settings of a metric is an error, which names the difference.
"""

from __future__ import annotations

from pathlib import Path

from ldbench.board import leaderboard
from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import ResultError
from ldbench.records.identity import differences, settings_of, version_of


def read(path: Path) -> dict[str, Leaderboard]:
    """By task, the leaderboard in a file, or those in the JSON files that lie in a folder itself.

    Raises `ResultError` for what is missing, is no leaderboard, or holds a task twice.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ResultError(
            f"{path}: expected leaderboard files (TASK.json), got none; `ldbench leaderboard build` makes them"
        )
    boards: dict[str, Leaderboard] = {}
    places: dict[str, Path] = {}
    for file in files:
        board = leaderboard.read(file)
        if board.task.id in boards:
            raise ResultError(f"{file}: {board.task.id} stands in {places[board.task.id]} too; remove one of them")
        boards[board.task.id], places[board.task.id] = board, file
    return boards


def require_comparable(board: Leaderboard, baseline: Leaderboard) -> None:
    """Raises `ResultError`, naming both sides, where the two did not measure the same thing in the same way."""
    task = baseline.task.id
    if board.task != baseline.task:
        now, then = version_of(board.task), version_of(baseline.task)
        raise _refusal(task, now, then, "measure the baseline again on the card that is installed")
    if board.split_hash is not None and board.split_hash != baseline.split_hash:
        then = "(none)" if baseline.split_hash is None else f"{baseline.split_hash:.12}"
        raise _refusal(task, f"split_hash {board.split_hash:.12}", f"split_hash {then}", "use the same data for both")
    measured = {metric.metric: metric for metric in board.metrics}
    for metric in baseline.metrics:
        today = measured.get(metric.metric, metric)
        if settings_of(today) != settings_of(metric):
            now, then = differences(today, metric), differences(metric, today)
            raise _refusal(f"{task}, {metric.metric}", now, then, "score one of them again with the other's settings")


def _refusal(what: str, now: str, then: str, remedy: str) -> ResultError:
    return ResultError(f"gate: {what}: {now} now, but the baseline has {then}; {remedy}")
