"""The pictures that runs left beside their results, gathered for a report.

A row's picture is `edits.png`, or else `samples.png`, from beside the result of its lowest seed that has one. Nothing
is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.board.row_labels import labels
from ldbench.records.files import refusal, whole_file
from ldbench.records.identity import Found
from ldbench.records.names import slug
from ldbench.records.run_folder import EDITS, SAMPLES

NAMES = (EDITS, SAMPLES)
FOLDER = "images"


def copy_pictures(found: Sequence[Found], leaderboard: Leaderboard, out: Path) -> dict[str, str]:
    """Copy the rows' pictures to `out/images`; by row label, in the rows' order, the links relative to `out`.

    `found` are the results that the leaderboard was folded from, with their paths. Rows without a picture are absent.
    """
    labelled = labels(leaderboard.rows)
    links: dict[str, str] = {}
    for row in leaderboard.rows:
        picture = _picture(found, leaderboard.task.id, row)
        if picture is not None:
            name = labelled.of(row)
            links[name] = f"{FOLDER}/{slug(leaderboard.task.id)}--{slug(name)}.png"
            _copy(picture, out / links[name])
    return links


def _picture(found: Sequence[Found], task_id: str, row: BoardRow) -> Path | None:
    """The picture of the lowest seed that has one."""
    runs = [
        (one.seed or 0, path) for path, one in found
        if (one.task.id, one.status, one.origin) == (task_id, "complete", "measured")
        and (one.model, one.origin, one.source) == (row.model, row.origin, row.source)
    ]
    beside = [Path(path).with_name(name) for _, path in sorted(runs) for name in NAMES]
    return next((path for path in beside if path.is_file()), None)


def _copy(picture: Path, target: Path) -> None:
    with refusal(f"copy {picture} to {target}"), whole_file(target) as part:
        part.write_bytes(picture.read_bytes())
