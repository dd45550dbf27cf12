"""Baselines: leaderboard files by task, and whether today's leaderboard may be held against one.

Refuses a baseline of another card, other data or other settings of a metric, and names the difference.
"""

from __future__ import annotations

import json
from pathlib import Path

from ldbench.board import leaderboard
from ldbench.board.leaderboard import Leaderboard, Metric
from ldbench.errors import ResultError


def read(path: Path) -> dict[str, Leaderboard]:
    """By task, the leaderboard in a file, or those in the JSON files that lie in a folder itself.

    Raises `ResultError` for what is missing, is no leaderboard, or holds a task twice.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ResultError(f"{path}: expected leaderboard files (TASK.json), got none; `ldbench leaderboard build`")
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
        now, then = (
            f"version {ref.version} ({ref.kind}, card {ref.card_hash:.12})" for ref in (board.task, baseline.task)
        )
        raise _refusal(task, now, then, "measure the baseline again on the card that is installed")
    if board.split_hash is not None and board.split_hash != baseline.split_hash:
        then = "(none)" if baseline.split_hash is None else f"{baseline.split_hash:.12}"
        raise _refusal(task, f"split_hash {board.split_hash:.12}", f"split_hash {then}", "use the same data for both")
    measured = {metric.metric: metric for metric in board.metrics}
    for metric in baseline.metrics:
        now_settings = _settings(measured.get(metric.metric, metric))
        then_settings = _settings(metric)
        if now_settings != then_settings:
            now, then = _apart(now_settings, then_settings), _apart(then_settings, now_settings)
            raise _refusal(f"{task}, {metric.metric}", now, then, "score one of them again with the other's settings")


def _refusal(what: str, now: str, then: str, remedy: str) -> ResultError:
    return ResultError(f"gate: {what}: {now} now, but the baseline has {then}; {remedy}")


def _settings(metric: Metric) -> dict[str, str]:
    fixed = {"direction": metric.direction, "extractor": metric.extractor, "n": metric.n}
    return {key: json.dumps(value) for key, value in {**fixed, **metric.parameters}.items()}


def _apart(own: dict[str, str], other: dict[str, str]) -> str:
    """The settings that are not the other's, as `name=value`."""
    keys = [key for key in sorted({*own, *other}) if own.get(key) != other.get(key)]
    return ", ".join(f"{key}={own.get(key, '(absent)')}" for key in keys)
