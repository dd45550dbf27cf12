"""Which cases a page shows of every run, and what lies in a run's folder of them.

The cases are the first by a hash of their ids, and the same ones in every run. Paths that a manifest names are not
followed: a picture is `images/ID.png` beside the result, or it is not there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.result import Result
from ldbench.records.run_folder import RunFolder
from ldbench.report.html.picture import read_png


@dataclass(frozen=True)
class PageRun:
    """One run with the ids of the cases whose images lie beside its result; none if pictures were not asked for."""

    path: Path
    result: Result
    ids: frozenset[str]
    asked: bool = True

    def picture(self, case_id: str) -> bytes | None:
        """The image of a case as PNG bytes, or None."""
        return read_png(RunFolder(self.path.parent).image(case_id)) if case_id in self.ids else None

    def pictures(self, ids: Sequence[str]) -> Iterator[bytes | None]:
        """The images of cases in their order."""
        return (self.picture(case_id) for case_id in ids)

    def prompts(self) -> dict[str, str]:
        """Prompt by case id as the run's manifest has them; empty where there is none that can be read."""
        try:
            pairs = [(row.get("id"), row.get("prompt")) for row in RunFolder(self.path.parent).listed()]
        except ResultError:
            return {}
        return {one: two for one, two in pairs if isinstance(one, str) and isinstance(two, str)}


def opened(path: str, result: Result, asked: bool) -> PageRun:
    """A run with what lies beside its result, or, with pictures not `asked` for, without."""
    folder = RunFolder(Path(path).parent).images
    ids = frozenset(file.stem for file in folder.glob("*.png")) if asked and folder.is_dir() else frozenset()
    return PageRun(Path(path), result, ids, asked)


def draw(runs: Sequence[PageRun], count: int) -> list[str]:
    """Up to `count` case ids: those that most runs have first, then by hash."""
    held = Counter(case_id for run in runs for case_id in run.ids)
    return sorted(held, key=lambda case_id: (-held[case_id], _hash(case_id)))[:count]


def captions(run: PageRun, known: Mapping[str, str], ids: Sequence[str]) -> list[str]:
    """The text under each case: the prompt in the run's manifest, else the card's, else nothing."""
    own = run.prompts()
    return [own.get(case_id) or known.get(case_id, "") for case_id in ids]


def _hash(case_id: str) -> str:
    return hashlib.sha256(f"gallery\0{case_id}".encode("utf-8", "surrogatepass")).hexdigest()
