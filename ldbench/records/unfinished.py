"""Runs that were begun and have no result: how far each came, why it stopped, and the command that goes on.

Reads the folders of runs alone, loads no generator, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.files import read_json, write_json
from ldbench.records.lock import is_locked
from ldbench.records.names import one_line
from ldbench.records.result import ModelRef
from ldbench.records.run_folder import RunFolder
from ldbench.records.runs_below import runs_below

_LONGEST = 200  # letters of an error


@dataclass(frozen=True)
class UnfinishedRun:
    """What a folder says of its run. `cases` is None and `command` empty where it was begun by an older ldbench.

    `error` is empty where nothing was raised: it was interrupted or killed. `scored` are the metrics that were asked
    for and computed of all images, for nobody else to see.
    """

    folder: Path
    task: str
    model: str
    seed: int | None
    images: int
    cases: int | None
    error: str
    command: str
    at_work: bool = False
    scored: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"Not finished: {self.model}, {self.task}{seed}: {self.how_far}"

    @property
    def how_far(self) -> str:
        """How far it came, why it stopped, and the command that goes on."""
        count = f"{self.images} images" if self.cases is None else f"{self.images} of {self.cases} images"
        if self.at_work:
            return f"{count}; a process is at work in {self.folder}"
        in_part = f"scored by {', '.join(self.scored)} alone" if self.scored else ""
        why = self.error or in_part or "stopped without an error (interrupted or killed)"
        return f"{count}; {why}; goes on with `{self.command or f'the command that began {self.folder}'}`"

    def is_of(self, model: ModelRef) -> bool:
        """Whether it is a run of this model with these parameters, in whichever version of its package."""
        return self.folder.resolve().parent.name == RunFolder.of(Path(), "task", model, 0).path.parent.name


def note_beginning(folder: RunFolder, command: str, cases: int) -> None:
    """Keep the command that goes on in the folder, and how many images it makes first; of this machine alone."""
    write_json(folder.beginning, {"command": command, "cases": cases})


def note_scored(folder: RunFolder, metrics: Sequence[str]) -> None:
    """Keep beside that command which metrics the images were scored by."""
    write_json(folder.beginning, {**_table(folder.beginning), "scored": list(metrics)})


def unfinished_below(folders: Iterable[Path]) -> list[UnfinishedRun]:
    """The runs below the folders that were begun and have no result, each once, by path."""
    runs = {path.resolve(): path for folder in folders for path in runs_below(folder)}
    found = (_unfinished(RunFolder(path)) for path in sorted(runs.values()))
    return [one for of_folder in found for one in of_folder]


def sentence_of_unfinished(folders: Iterable[Path]) -> str:
    """What follows an error where no run below the folders is finished: ". " and the line of the first that was begun,
    and how many more there are; nothing where none was."""
    begun = unfinished_below(folders)
    more = f" (and {len(begun) - 1} more)" if len(begun) > 1 else ""
    return f". {begun[0].line}{more}" if begun else ""


def _unfinished(folder: RunFolder) -> Iterator[UnfinishedRun]:
    if folder.finished():
        return
    state, beginning = _table(folder.state), _table(folder.beginning)
    task, model, seed, cases = (state.get("task"), state.get("model"), state.get("seed"), beginning.get("cases"))
    scored = beginning.get("scored")
    if not isinstance(task, str) or not isinstance(model, str):  # no run's
        return
    yield UnfinishedRun(
        folder.path, one_line(task), one_line(model), seed if isinstance(seed, int) else None,
        sum(1 for _ in folder.images.glob("*.png")), cases if isinstance(cases, int) else None,
        _error(folder), one_line(str(beginning.get("command", ""))), is_locked(folder.lock),
        tuple(one_line(str(name)) for name in scored) if isinstance(scored, list) else (),
    )


def _table(file: Path) -> Mapping[str, object]:
    try:
        table = read_json(file, "what a run was begun as")
    except ResultError:  # cut short: the run itself says so
        return {}
    return table if isinstance(table, dict) else {}


def _error(folder: RunFolder) -> str:
    try:
        with folder.error.open(encoding="utf-8", errors="replace") as file:
            return one_line(file.readline())[:_LONGEST]
    except OSError:
        return ""
