"""The pictures of a page: blocks of JSON with their addresses, and what is said of all galleries.

Sources and truths are kept once a page, results once a run; a block is made when it is asked for, so that a page of
many pictures is never in memory as a whole. `ldbench.report.html.gallery` chooses the cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ldbench.board.leaderboard import Leaderboard
from ldbench.records.names import digest, slug
from ldbench.report.html.gallery import PageRun, captions, draw
from ldbench.report.html.originals import Originals, originals
from ldbench.report.html.picture import LARGEST_SIDE, encoded, grey, reduced, size
from ldbench.report.html.render import script_json
from ldbench.report.html.shelf import Shelf
from ldbench.run.sheets.edit_sheet import FULL_COLOUR, THRESHOLD, signed_difference

_DRAWN_CHANGES = 3000  # beyond, the page's script draws them: each takes a millisecond here
GREY_CASES = 24  # decoding is what costs: a hundred runs of two hundred images would take ten seconds


@dataclass(frozen=True)
class Pictures:
    """The cases that are shown of every run, and what the task's data know of them."""

    runs: tuple[PageRun, ...]
    ids: tuple[str, ...]
    originals: Originals

    @property
    def shows_changes(self) -> bool:
        """Whether galleries show what changed from source to result."""
        return bool(self.originals.sources)

    def block_of(self, run: PageRun) -> str:
        """The name of the run's block, empty where it has no pictures."""
        return f"run-{self.runs.index(run)}" if self.ids and run.ids else ""

    def about(self) -> tuple[str, ...]:
        """What holds for all galleries, in sentences."""
        if not self.ids:
            return ()
        total = len({case_id for run in self.runs for case_id in run.ids})
        said = [f"The same {len(self.ids)} of {total} cases in every run, drawn by a hash of their ids."]
        width, height = self._size()
        if max(width, height) > LARGEST_SIDE:
            said.append(f"Images of {width} by {height} pixels are shown reduced to {LARGEST_SIDE}.")
        if self.shows_changes:
            said.append(
                f"Change is result minus source: green brighter, red darker, white where it is below {THRESHOLD:g} of "
                f"the range; full colour from {FULL_COLOUR:g}."
            )
        return tuple(said)

    def missing(self) -> str:
        """That the page has no real images, why, and what to do, in one sentence; "" where it has them."""
        if not self.originals.missing:
            return ""
        edits = self.runs[0].result.task.kind != "text-to-image"
        lacking = "sources and truths beside the results" if edits else "grey levels of real test scans"
        return f"Real images are missing on this page (no {lacking}): {self.originals.missing}."

    def blocks(self, shelf: Shelf) -> Iterator[tuple[str, Markup]]:
        """Name and JSON of each block: first what all runs share, then a block a run that has pictures."""
        if not self.ids:
            return
        task = slug(self.runs[0].result.task.id)
        known = {"source": self.originals.sources, "truth": self.originals.truths}
        shared = {
            name: _kept(shelf, f"{task}/{name}", (each.get(case_id) for case_id in self.ids))
            for name, each in known.items() if each
        }
        yield "shared", script_json({**self._drawing(), "kind": shelf.kind, "ids": self.ids, **shared})
        for run in self.runs:
            if name := self.block_of(run):
                results = _kept(shelf, f"{task}/{digest(str(run.path))}", run.pictures(self.ids))
                block = {"result": results, "prompt": captions(run, self.originals.prompts, self.ids)}
                if self._draws_changes(shelf):
                    block["change"] = _kept(shelf, f"{task}/{digest(str(run.path))}-change", self._changes(run))
                yield name, script_json(block)

    def _draws_changes(self, shelf: Shelf) -> bool:
        """Whether changes are pictures too: a page opened from disk may not read the pixels of files beside it."""
        return shelf.kind == "file" and self.shows_changes and len(self.runs) * len(self.ids) <= _DRAWN_CHANGES

    def _changes(self, run: PageRun) -> Iterator[bytes | None]:
        for case_id, png in zip(self.ids, run.pictures(self.ids), strict=True):
            source = self.originals.sources.get(case_id)
            yield None if png is None or source is None else change(source, png)

    def _size(self) -> tuple[int, int]:
        """Width and height of the first picture that is there."""
        every = (png for run in self.runs for png in run.pictures(self.ids))
        return next((size(png) for png in every if png is not None), (1, 1))

    def _drawing(self) -> Mapping[str, object]:
        """What the page's script needs to draw changes as `ldbench.run.sheets.edit_sheet` does, and the pictures'
        size."""
        full = signed_difference(np.zeros((1, 1)), np.ones((1, 1)))
        width, height = self._size()
        scale = min(1.0, LARGEST_SIDE / max(width, height))
        return {
            "threshold": THRESHOLD, "full": FULL_COLOUR, "lit": int(full[0, 0, 1]),
            "width": round(width * scale), "height": round(height * scale),
        }


def pictures_of(
    leaderboard: Leaderboard, runs: Sequence[PageRun], count: int, card_name: str | None = None
) -> Pictures:
    """The pictures of `count` cases of every run; `card_name` is a card's path for a task that is not installed."""
    ids = draw(runs, count)
    known = originals(leaderboard, ids, GREY_CASES, card_name) if ids else Originals()
    return Pictures(tuple(runs), tuple(ids), known)


def change(source: bytes, result: bytes) -> bytes | None:
    """The signed difference of two PNGs as PNG; None where one is broken or they differ in size."""
    before, after = grey(source), grey(result)
    if before is None or after is None or before.shape != after.shape:
        return None
    return encoded(signed_difference(before, after))


def _kept(shelf: Shelf, folder: str, pngs: Iterator[bytes | None]) -> list[str | None]:
    named = enumerate(pngs)
    return [None if png is None else shelf.put(folder, f"{place:04}", reduced(png)) for place, png in named]
