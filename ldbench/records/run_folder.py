"""The folder of one run: where it lies, what its files are called, whether it is finished, and whose turn it is there.

Every name that a run has on disk stands here. Refuses a folder that was begun as another run, one that another process
works in, and results that no finished run left or that were measured on another card or other data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ldbench.errors import ResultError
from ldbench.records.digests import CODE, RESOLVED, is_content
from ldbench.records.files import is_part, read_json, write_json
from ldbench.records.identity import spelled
from ldbench.records.lock import locked
from ldbench.records.names import digest, names_folder, plain
from ldbench.records.result import SCORED, ModelRef, Result, TaskRef, read
from ldbench.records.walk import walk

RESULT, UNITS, MANIFEST, IMAGES = "result.json", "units.json", "manifest.json", "images"
STATE = "run.json"
FIT = "fit"  # what a generator keeps of its fit, or fit-N of one process's
SAMPLES, EDITS = "samples.png", "edits.png"
FRESH = "fresh.json"  # how the run's row does on fresh test sets
SUBGROUPS = "subgroups.json"
MODEL, VERSION = "model", "model_version"  # how run.json names them
FILE_VERSION = "sha256:"  # how the version of a model begins that no package gives one
SHARED = "shared"  # beside the tasks: what several runs start from
ABLATION = "ablation"  # below it lie the runs of an ablation, which are no rows of a board
NULL, BACK = "null", "back"  # the further passes; each has images and a manifest of its own
FURTHER_PASSES = (NULL, BACK)
PASSES = ("", *FURTHER_PASSES)  # the first is the task's own
NOTHING: Mapping[str, str] = MappingProxyType({})
_LONGEST = 255 - len("-12345678")  # letters of a model's name; no file system takes more with a hash behind it
CASE_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"  # what can name an image


@dataclass(frozen=True)
class _Below:
    """A path of a fixed name below the folder."""

    name: str

    def __get__(self, folder: RunFolder, owner: type[RunFolder]) -> Path:
        return folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, or of one of its further passes, which has images and a manifest alone."""

    path: Path

    result = _Below(RESULT)  # there when the run is finished
    units = _Below(UNITS)
    subgroups = _Below(SUBGROUPS)
    state = _Below(STATE)  # what the folder was begun as
    manifest = _Below(MANIFEST)
    images = _Below(IMAGES)
    samples = _Below(SAMPLES)
    edits = _Below(EDITS)
    times = _Below("times.json")  # what each stage took so far, over all calls
    beginning = _Below(".begun")  # the command that goes on, for this machine alone
    error = _Below("error.txt")  # why the run stopped last: a line, then the traceback
    log = _Below("run.log")  # what a run of a matrix printed
    progress = _Below(".progress")  # where a run of a matrix stands
    lock = _Below(".lock")

    @classmethod
    def of(cls, out: Path, task_id: str, model: ModelRef, seed: int) -> RunFolder:
        """`out/task/model/seed-N`, below `out/scored` for images that were made elsewhere.

        Parameters that are not the defaults add a hash, so no two runs share a folder. What is longer than a name of a
        file can be is cut.
        """
        if not names_folder(task_id):
            raise ResultError(f"task id {task_id!r}: expected the name of a folder below {out}; give the card another")
        marks = [SCORED] if model.scored else []  # a task may be called scored/TASK
        key = digest(json.dumps([model.name, model.parameters, *marks], sort_keys=True))
        shown = plain(model.name)[:_LONGEST] or "model"
        return cls(out.joinpath(*marks, task_id) / f"{shown}-{key}" / f"seed-{seed}")

    @classmethod
    def holding(cls, path: Path) -> RunFolder:
        """The folder itself, or the one that a result lies in."""
        return cls(path.parent if path.name == RESULT else path)

    def of_pass(self, name: str) -> RunFolder:
        """The folder of a pass; that of the task's own, named "", is the run's."""
        return RunFolder(self.path / name)

    @property
    def image_folders(self) -> dict[str, Path]:
        """Where the images of each pass lie, or would lie."""
        return {name: self.of_pass(name).images for name in PASSES}

    def image(self, case_id: str) -> Path:
        """Where the image of a case lies."""
        return self.images / f"{case_id}.png"

    def listed(self) -> list[dict[str, Any]]:
        """The manifest's entries, one an image; a `ResultError` where there is no manifest or something else."""
        record = read_json(
            self.manifest,
            "a finished run (images scored elsewhere: `ldbench verify --images FOLDER`, and no submission)",
            "restore the run's manifest",
        )
        rows = record.get(IMAGES) if isinstance(record, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ResultError(f"{self.manifest}: expected a run's manifest, got {record!r:.40}; restore it")
        return rows

    def fit(self, process: int | None = None) -> Path:
        """The generator's own place: one for all processes, or that of one process alone."""
        return self.path / (FIT if process is None else f"{FIT}-{process}")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for this process; a second one gets a `ResultError` instead of mixing its files in.

        Where an error ends the block before anything was written, no folder is left behind.
        """
        try:
            handle = locked(self.lock, wait=False)
        except BlockingIOError as error:
            raise ResultError(
                f"{self.path}: another run is at work there; wait for it or choose another --out"
            ) from error
        with handle:
            try:
                yield
            except BaseException:
                self._leave_if_empty()
                raise

    def is_empty(self) -> bool:
        """Whether nothing lies there, or the lock alone."""
        return not self.path.is_dir() or all(path == self.lock for path in self.path.iterdir())

    def _leave_if_empty(self) -> None:
        """Remove the folder, with those of its model and task, where they hold nothing but the lock."""
        if self.is_empty():
            self.lock.unlink()
            with suppress(OSError):  # others are in there
                for folder in (self.path, *self.path.parents[:2]):
                    folder.rmdir()

    def begin(self, state: Mapping[str, object], content: Mapping[str, str] = NOTHING) -> str:
        """Record what the run is, or raise where the folder was begun as another run; returns a note on it, or "".

        A folder in which nothing was made yet is begun anew: after an error in a first fit, say, that was put right.
        `content` holds the digests of the code and of the files that parameters name. A run that was begun before
        digests were noted goes on, and must match them from then on. A run that has made nothing yet takes the digests
        of now. A finished run of other code, or of another version of the model, is no error. Otherwise each update of
        a package, and each edit of a generator's file, would make an error of every run before it.
        """
        note, held = self._compared(state, content)
        if held is not None:
            write_json(self.state, held)
        return note

    def note_on(self, state: Mapping[str, object], content: Mapping[str, str] = NOTHING) -> str:
        """What `begin` would return or raise; records nothing."""
        return self._compared(state, content)[0]

    def _compared(
        self, state: Mapping[str, object], content: Mapping[str, str]
    ) -> tuple[str, Mapping[str, object] | None]:
        """The note on the run, and what is to be recorded of it, if anything is."""
        if not self.state.exists():
            return "", {**state, **content}
        begun = read_json(self.state, "the state of a run", "remove the folder or choose another --out")
        if self.finished() and isinstance(begun, dict) and (before := begun.get(VERSION)) != state.get(VERSION):
            self._compared({**state, VERSION: before}, content)
            return _made_before(state, before), None
        for key, now in state.items():
            before = begun.get(key) if isinstance(begun, dict) else None
            if before != now and self._is_untouched():
                return "", {**state, **content}
            if before != now and key == VERSION:
                raise ResultError(
                    f"{self.path}: begun with {state.get(MODEL)} of version {_brief(before)}, this run has "
                    f"{_brief(now)}: its code or its package changed since; remove the folder to run it anew, put the "
                    "earlier one back to finish it, or choose another --out"
                )
            if before != now:
                first = "put that back" if self.finished() else "finish it as it was begun"
                raise ResultError(
                    f"{self.path}: begun with {key} {_brief(before)}, this run has {_brief(now)}; "
                    f"{first}, remove it, or choose another --out"
                )
        return self._same_content(begun, content)

    def _same_content(
        self, begun: dict[str, object], content: Mapping[str, str]
    ) -> tuple[str, Mapping[str, object] | None]:
        noted = {key: value for key, value in begun.items() if is_content(key)}
        changed = {key: content.get(key, "gone") for key in noted if content.get(key, "gone") != noted[key]}
        if self.finished():  # whoever reads a result back needn't have what it was made with
            changed = {
                key: here for key, here in changed.items() if here != "gone" and not key.startswith(RESOLVED)
            }
            if changed.keys() == {CODE}:
                return _edited(f"the code of {begun.get(MODEL)}", noted[CODE], changed[CODE]), None
            if not changed:
                return "" if CODE in noted or CODE not in content else "which code made it is not recorded", None
        if changed and (self.finished() or not self._is_untouched()):
            key = max(changed)  # data before code
            raise ResultError(
                f"{self.path}: begun with other {key} ({noted[key]!s:.40}, here {changed[key]}); "
                "put back what it was begun with, remove the folder, or choose another --out"
            )
        now = {key: value for key, value in begun.items() if key not in changed} | dict(content)
        unrecorded = CODE in content and CODE not in noted
        note = "begun when the code was not recorded; goes on with the code that is here" if unrecorded else ""
        return note, now if now != begun else None

    def _is_untouched(self) -> bool:
        """Whether nothing was made yet, so that nothing of what the run was begun with is in it."""
        ours = {self.state, self.lock, self.log, self.progress, self.error, self.beginning, self.times}
        files = (place / name for place, _, names in walk(self.path, hidden=True) for name in names)
        return all(path in ours or is_part(path) for path in files)

    def finished(self) -> bool:
        """Whether the run has a result, so that nothing is left to compute."""
        return self.result.is_file()

    def read(self) -> Result:
        """The result of the finished run that lies here; a `ResultError` says what the folder is instead."""
        self.check_finished()
        return read_measured(self.result)

    def check_finished(self) -> None:
        """`ResultError` that says what the folder is where no finished run lies here."""
        if not self.path.is_dir():
            raise ResultError(f"can't read {self.path}: no such folder; expected the folder of a finished run")
        if not self.finished():
            raise ResultError(
                f"{self.path}: expected the folder of a finished run, got no {RESULT}; finish the run there with "
                "`ldbench run` without --metric, or name its own folder, OUT/TASK/MODEL/seed-N"
            )

    def read_beside_images(self) -> Result:
        """The result as `read`, where the run's images were kept with it."""
        result = self.read()
        if not self.images.is_dir():
            raise ResultError(f"{self.path}: expected {IMAGES}/ beside {RESULT}, got none; keep them together")
        return result


def read_measured(file: Path) -> Result:
    """The result in a file, where it is of a complete run of this suite; else a `ResultError`."""
    result = read(file)
    if (result.status, result.origin) != ("complete", "measured"):
        raise ResultError(
            f"{file}: expected a complete measured run, got a {result.status} {result.origin} result; run it again"
        )
    return result


def check_card(recorded: TaskRef, here: TaskRef, where: object) -> None:
    """Raise `ResultError` where a result was measured on another card than the one here."""
    if recorded != here:
        raise ResultError(
            f"{where} was measured on {spelled(recorded)}, but the card here is {spelled(here)}; run it again on this "
            "card, or take the ldbench that has the run's"
        )


def check_split(recorded: str | None, here: str, where: object) -> None:
    """Raise `ResultError` where a result was measured over other data than those here."""
    if recorded != here:
        raise ResultError(
            f"{where} was measured over other data (split {recorded or 'unknown':.12}) than the task has here "
            f"({here:.12}); run it again, or take it to its data"
        )


def _made_before(state: Mapping[str, object], version: object) -> str:
    """The note on a finished run of another version of the model than that of `state`; a file's is its digest."""
    here, (file, _, _) = state.get(VERSION), str(state.get(MODEL)).rpartition(":")
    if all(str(each).startswith(FILE_VERSION) for each in (version, here)):
        return _edited(file if file.endswith(".py") else f"the code of {state.get(MODEL)}", version, here)
    return f"made by another version ({_brief(version)}, here {_brief(here)}), so these are its scores"


def _edited(what: str, before: object, here: object) -> str:
    return f"{what} was edited since ({before}, here {here}), so these are scores of the old code"


def _brief(value: object) -> str:
    """A value for a message; of a hash the digits that reports show."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else f"{value!r:.40}"
