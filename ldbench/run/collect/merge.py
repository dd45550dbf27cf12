"""Several `--out` folders made one: which copy of a run is taken, and how its files get there.

Nothing in the target is overwritten. A run with two answers isn't taken from either side, unless they differ by
rounding alone. Which copy is taken depends on the copies alone, so neither order nor grouping of the folders changes a
byte of a new target.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ldbench.errors import ResultError, UsageError
from ldbench.records.files import refusal, whole_file
from ldbench.records.rounding import equal_but_for_rounding, rounding_note
from ldbench.records.run_folder import FRESH, IMAGES
from ldbench.records.runs_below import or_its_ablation
from ldbench.records.unfinished import sentence_of_unfinished
from ldbench.records.walk import walk
from ldbench.run.collect.contradictions import answer, difference, two_runs
from ldbench.run.collect.copies import BESIDE, RunCopy, look

Images = Literal["link", "copy"]


@dataclass(frozen=True)
class Transfer:
    """What one run's folder in the target still lacks, and where it comes from."""

    source: RunCopy
    target: Path
    files: Sequence[str]
    new: bool


@dataclass
class Merge:
    """What collecting does, before and after it is done: transfers, and a line for each thing that isn't taken."""

    transfers: list[Transfer] = field(default_factory=list)
    complete: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def summary(self, out: Path) -> str:
        """How many runs the target then holds, and what else there was."""
        new = sum(transfer.new for transfer in self.transfers)
        there = len(self.complete) + len(self.transfers) - new
        counts = [f"{new} new", f"{there} there already"]
        counts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        counts += [f"{len(self.problems)} not taken"] if self.problems else []
        return f"{out}: {new + there} runs: {', '.join(counts)}"


def plan(folders: Sequence[Path], out: Path, images: Images | None = None) -> Merge:
    """What collecting the folders into `out` would do; writes nothing.

    Raises `ResultError` for a folder that is missing, and where no folder holds a finished run or a damaged one, and
    `UsageError` where `out` is the one folder to collect from.
    """
    if {folder.resolve() for folder in folders} == {out.resolve()}:
        raise UsageError(f"--out {out}: expected another folder than the one to collect from, got it; name a new one")
    lying = look(folders, out, images is not None)
    if not lying.copies and not lying.damaged:
        where = ", ".join(map(str, folders))
        raise ResultError(
            f"{where}: expected a finished run below it, got none; `ldbench run` and `matrix` make them"
            f"{or_its_ablation(folders)}{sentence_of_unfinished(folders)}"
        )
    merge = Merge(problems=sorted(lying.damaged))
    groups: dict[Path, list[RunCopy]] = {}
    for copy in lying.copies:
        groups.setdefault(copy.slot, []).append(copy)
    for slot, copies in sorted(groups.items()):
        _merge_run(copies, out / slot, images is not None, merge)
    filled = {transfer.target.resolve() for transfer in merge.transfers}
    begun = [path for path in lying.unfinished if path.resolve() not in filled]
    merge.skipped += [f"{path}: begun and not finished" for path in sorted(begun)]
    merge.skipped += [f"{path}: a published row, no run" for path in sorted(lying.reported)]
    return merge


def collect(merge: Merge, images: Images | None = None) -> None:
    """Do it. A call that was stopped is done by the next one; a run's result is its last file."""
    for transfer in merge.transfers:
        for name in transfer.files:
            source, target = transfer.source.folder.path / name, transfer.target / name
            if images == "link" and Path(name).parent.name == IMAGES:
                _link(source, target)
            else:
                with refusal(f"copy {source} to {target}"), whole_file(target) as part:
                    shutil.copyfile(source, part)


def _merge_run(copies: Sequence[RunCopy], target: Path, images: bool, merge: Merge) -> None:
    """What becomes of one run, which has a copy or more."""
    copies = sorted(copies, key=_place)
    there = [copy for copy in copies if copy.folder.path.resolve() == target.resolve()]
    taken = there[0] if there else _best_first(copies, images)[0]
    others = [copy for copy in copies if answer(copy.result) != answer(taken.result)]
    contrary = [copy for copy in others if not equal_but_for_rounding(taken.result, copy.result)]
    if contrary:
        by_answer = {answer(copy.result): copy for copy in reversed(contrary)}
        merge.problems += sorted(_contradiction(taken, copy) for copy in by_answer.values())
        return
    merge.skipped += [rounding_note(copy.folder.path, taken.folder.path) for copy in others]
    sources = _best_first([copy for copy in copies if copy not in (*there, *others)], images)
    if there:  # what is beside one result is no other's, even where both say the same
        kept = there[0].folder.result.read_bytes()
        sources = [copy for copy in sources if copy.folder.result.read_bytes() == kept]
    missing = [name for name in sources[0].files(images) if not (target / name).exists()] if sources else []
    strangers = [] if there or not sources else _strangers(sources[0], target, images)
    if strangers:
        merge.problems.append(
            f"{target}: begun there otherwise ({strangers[0]}), and finished in {sources[0].folder.path}; remove the "
            "first, or choose another --out"
        )
        return
    if missing:
        merge.transfers.append(Transfer(sources[0], target, missing, not there))
    else:
        merge.complete.append(target)
    merge.skipped += _other_rounds([*there, *sources[:1]], copies, target)


def _best_first(copies: Sequence[RunCopy], images: bool) -> list[RunCopy]:
    """Copies of one run by what is beside them, then the earliest, then by their bytes; never by their place."""
    if len(copies) < 2:
        return list(copies)

    def rank(copy: RunCopy) -> tuple[list[bool], int, str, str]:
        names = copy.files(images)
        lacking = [name not in names for name in BESIDE]
        return lacking, -len(names), copy.result.created or "", _digest(copy, images)

    return sorted(copies, key=rank)


def _other_rounds(taken: Sequence[RunCopy], copies: Sequence[RunCopy], target: Path) -> list[str]:
    """A line for each copy whose fresh test sets, which add up from call to call, aren't those that the target has."""
    kept = next((text for text in map(_fresh, taken) if text), b"")
    return [
        f"{copy.folder.path / FRESH}: other fresh test sets than {target} has; a run's file is one copy's"
        for copy in copies if _fresh(copy) not in (b"", kept)
    ]  # fmt: skip


def _fresh(copy: RunCopy) -> bytes:
    file = copy.folder.path / FRESH
    return file.read_bytes() if file.is_file() else b""


def _digest(copy: RunCopy, images: bool) -> str:
    files = (copy.folder.result, *(copy.folder.path / name for name in copy.records(images)))
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def _place(copy: RunCopy) -> str:
    return str(copy.folder.path)


def _contradiction(*copies: RunCopy) -> str:
    one, two = sorted(copies, key=_place)
    apart = two_runs(one.result, two.result)
    remedy = "collect them into folders of their own" if apart else "see `ldbench verify`, and leave one out"
    return (
        f"{one.slot}: {one.folder.path} and {two.folder.path} contradict each other: "
        f"{difference(one.result, two.result)}; none is taken: {remedy}"
    )


def _strangers(source: RunCopy, target: Path, images: bool) -> list[str]:
    """Files of the target that a stopped copy of the source wouldn't have left."""
    names = set(source.files(images))
    files = (place / name for place, _, below in walk(target, hidden=True) for name in below)
    inside = (path for path in files if path.is_file() and path.name[0] != ".")  # a lock, or half a copy
    relative = sorted(path.relative_to(target).as_posix() for path in inside)
    return [
        name for name in relative
        if name not in names or not filecmp.cmp(target / name, source.folder.path / name, shallow=False)
    ]  # fmt: skip


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except OSError as error:
        raise ResultError(f"can't link {source} to {target}: {error.strerror}; --images copy copies them") from error


