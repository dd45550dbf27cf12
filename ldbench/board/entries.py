"""Which runs make which row: seeds of the card's list, one row for the same images, one seed for repeated ones.

Scores decide nothing here: neither which seeds count nor which of two names stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ldbench.plugins.kinds import unranking
from ldbench.records.identity import Found, row_key
from ldbench.records.result import ModelRef, Result
from ldbench.task import card

REPEATED = "the same images as another seed, so not counted"


def is_ranked(model: ModelRef, origin: str, on_card: bool, unranked_by: str) -> bool:
    """Whether a row is: measured, no reference, blind to the truth, with a seed of the card, no copies."""
    return origin == "measured" and on_card and not (model.orients or unranked_by)


@dataclass(frozen=True)
class Entry:
    """One row's complete runs: `runs` are folded, `others` only shown.

    `same_images` are the models whose rows were left out since this one has all of their images, `repeated` those of
    `others` that are left out for their images alone.
    """

    key: str
    runs: tuple[Found, ...]
    others: tuple[Found, ...] = ()
    on_card: bool = True
    same_images: tuple[ModelRef, ...] = ()
    repeated: tuple[Found, ...] = ()

    @property
    def repeats(self) -> str:
        """A note on the seeds whose images are those of another one; "" where there are none."""
        seeds = ", ".join("unknown" if result.seed is None else str(result.seed) for _, result in self.repeated)
        return f"seed{'s' if len(self.repeated) > 1 else ''} {seeds}: {REPEATED}" if seeds else ""

    @property
    def result(self) -> Result:
        """Any run, for what all have in common."""
        return self.runs[0][1]

    @property
    def competes(self) -> bool:
        """Whether the row is ranked."""
        return is_ranked(self.result.model, self.result.origin, self.on_card, self.unranked_by)

    @property
    def unranked_by(self) -> str:
        """The metric that takes the row out of the ranking by what it says of any run; "" where none does."""
        return next((name for _, result in self.runs if (name := unranking(result.scores))), "")

    @property
    def images(self) -> frozenset[str | None]:
        """The digests of all its images."""
        return frozenset(result.images_hash for _, result in (*self.runs, *self.others))

    @property
    def ignores_the_seed(self) -> bool:
        """Whether several seeds gave the same images."""
        digests = {result.images_hash for _, result in self.runs}
        return len(self.runs) > 1 and len(digests) == 1 and None not in digests


def entries(found: Sequence[Found]) -> list[Entry]:
    """The rows of one task's results, copies dropped before (`ldbench.board.compatible.distinct`), sorted by key."""
    groups: dict[str, list[Found]] = {}
    for item in sorted(found, key=lambda item: (item[1].seed is None, item[1].seed or 0, item[0])):
        if item[1].status == "complete":
            groups.setdefault(row_key(item[1]), []).append(item)
    seeds = card_seeds([result for _, result in found])
    return _by_images([_entry(key, groups[key], seeds) for key in sorted(groups)])


def card_seeds(results: Sequence[Result]) -> frozenset[int] | None:
    """The seeds that the card of one task's measured results names, None where nobody knows them.

    The installed card's where it is the card that was measured, else what the runs recorded of it, which is the same in
    all of them (`ldbench.board.compatible.distinct`).
    """
    measured = [result for result in results if result.origin == "measured"]
    for task in {result.task.id: result.task for result in measured}.values():
        if task.id in card.task_names() and (installed := card.load(task.id)).hash == task.card_hash:
            return frozenset(installed.protocol.seeds)
    recorded = next((result.card_seeds for result in measured if result.card_seeds is not None), None)
    return None if recorded is None else frozenset(recorded)


def _entry(key: str, found: Sequence[Found], seeds: frozenset[int] | None) -> Entry:
    first = found[0][1]
    if first.origin != "measured":
        return Entry(key, tuple(found))
    listed = [item for item in found if seeds is None or item[1].seed in seeds]
    chosen = listed or list(found)
    counted = _each_once(chosen) if first.model.scored else chosen
    others, repeated = (tuple(item for item in each if item not in counted) for each in (found, chosen))
    return Entry(key, tuple(counted), others, on_card=bool(listed), repeated=repeated)


def _each_once(found: Sequence[Found]) -> list[Found]:
    """Without runs that repeat the images of another: a folder given twice is no second seed."""
    kept: dict[object, Found] = {}
    for index, item in enumerate(found):
        kept.setdefault(index if item[1].images_hash is None else item[1].images_hash, item)
    return list(kept.values())


def _by_images(listed: Sequence[Entry]) -> list[Entry]:
    """One row for the same images: an entry that has no image set of its own is left out for the first that has them.

    More image sets stand before fewer, but not those of a scored folder before a run's: whoever scores a run's images
    and others with them must not take the run's row.
    """
    rows: dict[str, Entry] = {}
    row_of: dict[str, str] = {}
    for entry in sorted(listed, key=_precedence):
        keeper = next((row for row in rows.values() if _holds(row, entry)), entry)
        rows.setdefault(keeper.key, keeper)
        row_of[entry.key] = keeper.key
    left_out: Mapping[str, list[ModelRef]] = {key: [] for key in rows}
    for entry in listed:
        if (key := row_of[entry.key]) != entry.key:
            left_out[key].append(entry.result.model)
    return [replace(row, same_images=tuple(left_out[row.key])) for row in listed if row.key in rows]


def _holds(row: Entry, entry: Entry) -> bool:
    """Whether a measured row has all of a measured entry's images."""
    if row.result.origin != "measured" or entry.result.origin != "measured" or None in entry.images:
        return False
    return entry.images <= row.images


def _precedence(entry: Entry) -> tuple[bool, bool, bool, int, str]:
    """For sorting: references come first, then rows with seeds of the card, runs of a generator, and more image
    sets."""
    model = entry.result.model
    return not model.orients, not entry.on_card, model.scored, -len(entry.images), entry.key
