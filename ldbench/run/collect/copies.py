"""What lies below an `--out` folder: finished runs, runs that were begun, and files that aren't what they should be.

A run folder is read whole or not at all: its result, and that the files beside it belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records import fresh, subgroups
from ldbench.records import result as result_file
from ldbench.records import units as units_file
from ldbench.records.names import names_folder
from ldbench.records.result import Result
from ldbench.records.run_folder import EDITS, FRESH, IMAGES, MANIFEST, RESULT, SAMPLES, SUBGROUPS, UNITS, RunFolder
from ldbench.records.runs_below import runs_below
from ldbench.run.submission.manifest import altered, images_in, present

STATE = RunFolder(Path()).state.name
BESIDE = (UNITS, SUBGROUPS, FRESH, STATE, SAMPLES, EDITS)  # the ones that a fold needs most come first


@dataclass(frozen=True)
class RunCopy:
    """A finished run where it lies; `slot` is where `ldbench run` would put it below its `--out`."""

    folder: RunFolder
    result: Result
    slot: Path

    def files(self, images: bool) -> list[str]:
        """What is taken of it, as paths below its folder; the result comes last, as it says that all else is there."""
        return [*self.records(images), *(self.pictures() if images else ()), RESULT]

    def records(self, images: bool) -> list[str]:
        """The files beside the result, and with `images` the manifests of its passes."""
        manifests = [f"{name}/{MANIFEST}".lstrip("/") for name in present(self.folder)] if images else []
        return [name for name in (*BESIDE, *manifests) if (self.folder.path / name).is_file()]

    def pictures(self) -> list[str]:
        """The images of each pass."""
        return [
            f"{of_pass}/{IMAGES}/{name}".lstrip("/")
            for of_pass in present(self.folder) for name in images_in(self.folder.of_pass(of_pass).images)
        ]  # fmt: skip


@dataclass
class Lying:
    """What was found: finished runs, and a line for each folder that has none to take."""

    copies: list[RunCopy] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    reported: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def look(folders: Sequence[Path], out: Path, images: bool) -> Lying:
    """Read every run below the folders and `out`, each once.

    With `images` those of every run that kept some are held against its manifests, except in `out`: what a stopped call
    left there is no damage. Raises `ResultError` for a folder that is missing.
    """
    for folder in folders:
        if not folder.is_dir():
            got = "a file, no folder" if folder.exists() else "no such folder"
            raise ResultError(f"can't read {folder}: {got}; expected an --out of `ldbench run` or `matrix`")
    lying, seen = Lying(), set[Path]()
    for folder in (out, *folders):
        for path in runs_below(folder):  # of an `out` that isn't there yet: none
            if path.resolve() not in seen:
                seen.add(path.resolve())
                _read(RunFolder(path), images and folder != out, lying)
    return lying


def _read(folder: RunFolder, images: bool, lying: Lying) -> None:
    if not folder.finished():
        lying.unfinished.append(folder.path)
        return
    try:
        result = result_file.read(folder.result)
        for kind in (units_file, subgroups, fresh):
            kind.beside(folder.result, result)
        faults = altered(folder) if images and folder.images.is_dir() else ()
    except ResultError as error:
        lying.damaged.append(str(error))
        return
    if faults:
        lying.damaged.append(f"{folder.path}: expected the files of its manifests, got {faults[0]}; copy it again")
    elif result.origin == "reported":
        lying.reported.append(folder.path)
    elif not names_folder(result.task.id):
        expected = f"{folder.result}:task.id: expected the name of a folder, as runs are kept in one that is called so"
        lying.damaged.append(f"{expected}, got {result.task.id!r:.60}; copy the original again")
    else:
        slot = RunFolder.of(Path(), result.task.id, result.model, result.seed or 0).path
        lying.copies.append(RunCopy(folder, result, slot))
