"""Fresh data: a data set's simulator makes new subjects from a seed, and cards that name them are written beside.

The folder then holds all that `ldbench run CARD.toml MODEL` needs. Equal seeds give equal bytes. A call that was killed
is begun anew by the next one. Refuses a folder that holds something else, and to mix two revisions of a data set.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ldbench import __version__
from ldbench.api import DataSource, Progress, silent
from ldbench.data.prepared import data_folder
from ldbench.errors import DataError, UsageError
from ldbench.plugins.kinds import DATASETS
from ldbench.records.checksum import sha256_file
from ldbench.records.files import read_record, refusal, write_json, write_text_atomic
from ldbench.records.lock import locked
from ldbench.records.names import plain
from ldbench.task import card
from ldbench.task.card import Task
from ldbench.task.derived import derived
from ldbench.task.fresh_spec import SPLITS

DATA, RENDERED = "data", "rendered.json"
BEGUN = ".rendering"  # there while a call is at work, and after one that was killed
SCHEMA_VERSION = 1
NewSeed = Literal["new"]  # one that is still to be drawn
SEED_BITS = 256  # at most; NumPy's streams hold 128 of them
_DRAWN_BITS = 63  # two draws never meet; they are printed, and no secret
_ASIDE = re.compile(rf"\.{DATA}-[0-9a-f]{{8}}")  # what is being rendered


@dataclass(frozen=True)
class Rendered:
    """The file rendered.json: what was rendered, with SHA-256 by file, and of which cards it made others.

    `digest` is SHA-256 over the files' names and hashes; the ids of its cards end with its first eight digits.
    """

    dataset: str
    seed: int
    revision: str
    splits: tuple[str, ...]
    checksums: Mapping[str, str]
    digest: str
    cards: Mapping[str, str]
    ldbench: str = __version__
    schema_version: int = SCHEMA_VERSION

    def card(self, folder: Path, name: str) -> Path:
        """The file in `folder` of the card that was made of `name`, an id."""
        return folder / f"{plain(self.cards[name])}.toml"

    def lines(self, folder: Path) -> list[str]:
        """What there is now, for the terminal."""
        what = f"{self.dataset} revision {self.revision}, seed {self.seed}: {', '.join(self.splits)}"
        files = [f"{value}  {DATA}/{name}" for name, value in self.checksums.items()]
        return [what, *files, f"digest {self.digest}", *(str(self.card(folder, name)) for name in self.cards)]


def render(
    dataset: str, seed: int, out: Path, *, splits: Sequence[str] = SPLITS, cards: Sequence[str] | None = None,
    revision: str | None = None, processes: int = 1, progress: Progress = silent,
) -> Rendered:
    """Render the splits of new subjects into `out`, with a card for each of `cards` (ids or paths; all installed ones
    of the data set where None), or find them rendered there.

    Training and validation subjects that are not rendered are the installed ones. `revision` is the cards' own where
    it is None. Raises `UsageError`, and what the simulator raises.
    """
    source, chosen = to_render(dataset, cards)
    if not 0 <= seed < 2**SEED_BITS:
        raise UsageError(f"--seed: expected 0 to 2^{SEED_BITS} - 1, got {seed}")
    state = _revision(dataset, list(chosen.values()), revision, whole=set(splits) == set(SPLITS))
    expected = dataset, seed, state, tuple(splits)
    before = _before(out, expected)
    if before is not None:
        return _recorded(out, expected, chosen, before)
    with _begun(out):
        _render_data(source, seed, state, splits, out / DATA, processes, progress)
        return _recorded(out, expected, chosen, None)


def to_render(dataset: str, cards: Sequence[str] | None) -> tuple[DataSource, dict[str, Task]]:
    """The data set with its simulator, and the cards by what they were asked by.

    Raises `UsageError` where nothing renders new subjects, and for a card on other data; `UnknownNameError`.
    """
    return _source(dataset), _cards(dataset, cards)


def _recorded(
    out: Path, asked: tuple[str, int, str, tuple[str, ...]], chosen: Mapping[str, Task], before: Rendered | None
) -> Rendered:
    """Write the cards of the data in a folder, then the record of both."""
    checksums = checksums_of(out / DATA)
    if before is not None and checksums != before.checksums:
        raise DataError(f"{out / DATA}: expected the files that {RENDERED} names, got others; remove the folder")
    digest = hashlib.sha256("\n".join(f"{name}\0{value}" for name, value in checksums.items()).encode()).hexdigest()
    made = {task.id: f"{task.id}-fresh-{digest[:8]}" for task in chosen.values()} | dict(before.cards if before else {})
    rendered = Rendered(*asked, checksums, digest, made)
    for name, task in chosen.items():
        write_text_atomic(rendered.card(out, task.id), derived(name, _changes(task, rendered)))
    write_json(out / RENDERED, {**vars(rendered)})
    return rendered


def default_folder(dataset: str, seed: int) -> Path:
    """Where `ldbench data render` leaves the subjects of a seed unless it is told otherwise, from the working folder.
    """
    return Path("rendered") / f"{plain(dataset)}-seed-{seed}"


def drawn_seed() -> int:
    """A new random seed."""
    return secrets.randbits(_DRAWN_BITS)


def read_rendered(folder: Path) -> Rendered:
    """What was rendered into a folder; `ResultError` where nothing was."""
    return read_record(
        Rendered, folder / RENDERED, f"the {RENDERED} of `ldbench data render`", SCHEMA_VERSION, "render it again"
    )


def _source(dataset: str) -> DataSource:
    if DATASETS.entry(dataset) is None and data_folder(dataset).is_dir():
        raise UsageError(
            f"{dataset}: expected a data set with a simulator, got prepared data of your own; nothing renders new "
            "subjects of them: take a task on a data set that has one (see `ldbench list datasets`)"
        )
    source = DATASETS.load(dataset)
    if source.simulator is None:
        raise UsageError(f"{dataset}: expected a data set with a simulator, got one without; nothing renders new ones")
    return source


def _cards(dataset: str, names: Sequence[str] | None) -> dict[str, Task]:
    """The cards by what they were asked by."""
    tasks = {name: card.load(name) for name in (card.task_names() if names is None else names)}
    if names is None:
        return {name: task for name, task in tasks.items() if task.data.dataset == dataset}
    for name, task in tasks.items():
        if task.data.dataset != dataset or task.data.fresh is not None:
            got = f"a card on {task.data.dataset}" if task.data.fresh is None else "one on rendered data"
            raise UsageError(f"{name}: expected a card on {dataset} as it is installed, got {got}")
    return tasks


def _revision(dataset: str, tasks: Sequence[Task], asked: str | None, *, whole: bool) -> str:
    """The revision to render; where some splits stay the installed ones, theirs."""
    of_cards = sorted({task.data.revision for task in tasks})
    if asked is not None and (whole or of_cards == [asked]):
        return asked
    if asked is not None or len(of_cards) != 1:
        remedy = "give --revision" if asked is None else "render all splits, or leave --revision out"
        raise UsageError(f"{dataset}: expected cards of one revision, got {', '.join(of_cards) or 'none'}; {remedy}")
    return of_cards[0]


def _before(out: Path, expected: tuple[str, int, str, tuple[str, ...]]) -> Rendered | None:
    """What an earlier call left in the folder, if it is the same."""
    if not (out / RENDERED).is_file():
        inside = [path.name for path in out.iterdir()] if out.is_dir() else []
        if BEGUN not in inside and not all(map(_ASIDE.fullmatch, inside)):
            raise UsageError(f"{out}: expected a new or empty folder, got one with files; choose another --out")
        return None
    before = read_rendered(out)
    if (before.dataset, before.seed, before.revision, before.splits) != expected:
        raise UsageError(f"{out}: expected what is asked for, got other rendered data; choose another --out")
    return before


@contextmanager
def _begun(out: Path) -> Iterator[None]:
    """Hold a new folder, or one that a killed call left, without what that made; an error leaves no data, either."""
    try:
        handle = locked(out / BEGUN, wait=False)
    except BlockingIOError as error:
        raise UsageError(f"{out}: another call renders there; wait for it, or choose another --out") from error
    with handle:
        if (out / RENDERED).is_file():  # that other one has just ended
            raise UsageError(f"{out}: another call has just rendered there; start this one again")
        with refusal(f"write {out}"):
            for path in [one for one in out.iterdir() if one.name == DATA or _ASIDE.fullmatch(one.name)]:
                shutil.rmtree(path)
        try:
            yield
        finally:
            if not (out / RENDERED).is_file():
                shutil.rmtree(out / DATA, ignore_errors=True)
            (out / BEGUN).unlink(missing_ok=True)


def _render_data(
    source: DataSource, seed: int, revision: str, splits: Sequence[str], folder: Path, processes: int,
    progress: Progress,
) -> None:
    """Into a folder beside it that is renamed when it is whole."""
    aside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    with refusal(f"write {folder}"):
        aside.mkdir(parents=True)
        try:
            if source.simulator is not None:
                source.simulator.render(
                    aside, seed=seed, revision=revision, splits=splits, processes=processes, progress=progress
                )
            aside.replace(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def checksums_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its path with /, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def _changes(task: Task, rendered: Rendered) -> dict[str, object]:
    """What the card of rendered data changes of the card that it was made from."""
    named = rendered.digest[:8]
    fresh = {"folder": DATA, "splits": list(rendered.splits), "checksums": dict(rendered.checksums)}
    subjects = f"The subjects of {', '.join(rendered.splits)} are new, rendered from a seed."
    return {
        "id": rendered.cards[task.id], "version": task.version, "title": f"{task.title}, new subjects {named}",
        "summary": f"{task.summary} {subjects}", "data": {"revision": rendered.revision, "fresh": fresh},
    }
