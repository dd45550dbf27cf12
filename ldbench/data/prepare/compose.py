"""Prepare a data set: list it, make its images over all cores, and write what they are and who is in which split.

A run that was killed goes on where it was: a journal holds the SHA-256 of every finished image, and one over the files
that it was made of and the code that made it. An image isn't made again while both are the same, so no data set holds
pictures by two versions of the code. Images of journals that say less are made again. Faulty images are tried again
each time. Images that the manifest no longer names are removed. Few images are in flight at once, so memory doesn't
grow with their number. Refuses to go on in a folder that was begun from another root or with other settings.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import multiprocessing
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ldbench.api import Progress, Reader, Skipped, SourceImage, silent
from ldbench.data.prepare.begun import claim
from ldbench.data.prepare.doubts import notes_on
from ldbench.data.prepare.drawn import draw, shortfall
from ldbench.data.prepare.earlier import became_another, manifest_before
from ldbench.data.prepare.enough import check_splits
from ldbench.data.prepare.equal_pictures import equal_pictures, write_doubts
from ldbench.data.prepare.journal import end_at_last_line, journal_rows
from ldbench.data.prepare.listing import examples, inside, list_folder, nothing_usable, stop_at_fault
from ldbench.data.prepare.made_by import made_by
from ldbench.data.prepare.manifest import (
    PreparedImage,
    Summary,
    observed_of,
    rows_of,
    write,
)
from ldbench.data.prepare.one_image import ImageOutcome, make_images, source_sha256, start_worker
from ldbench.data.prepare.spare import lines_on_test_set
from ldbench.data.prepare.splits import Plan
from ldbench.errors import DataError, UsageError
from ldbench.plugins.registry import file_of

_BATCH = 8  # images a message to a worker: 200,000 small ones would spend their time in queues
_IN_FLIGHT = 3  # batches a worker: one being made, two waiting
_PNG_SIZE = slice(16, 24)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Item = tuple[str, SourceImage]


def prepare(
    reader: Reader, root: Path, out: Path, *, plan: Plan | None = None, jobs: int = 1, strict: bool = False,
    progress: Progress = silent,
) -> Summary:
    """Read the owners' folder `root` and write the prepared data set to `out`, on `jobs` processes.

    A faulty image is left out and named in skipped.csv; with `strict` the first one is a `DataError`. Raises
    `DataError` for another layout, nothing to use, most files missing, nothing to train on, too few images for the test
    set or none, or a folder begun otherwise.
    """
    plan = (plan or Plan()).of(reader.dataset)
    if jobs < 1:
        raise UsageError(f"--jobs: expected 1 or more, got {jobs}")
    root = root.resolve()
    listing = list_folder(reader, root, plan, strict=strict, out=out)
    by_id, skipped = listing.by_id, [*listing.skipped]
    drawn = draw(reader, plan, listing.with_missing)
    if listing.missing:  # the root may be another's: nothing is begun there
        check_splits(reader, root, listing.rows(reader, plan, drawn), listing.missing)
    claim(out, reader, plan, root)
    code = made_by(type(reader))
    outcomes = _finished(out, reader, by_id, code)
    waiting = [(image_id, source) for image_id, source in by_id.items() if image_id not in outcomes]
    coming = _outcomes(reader, out / "images", waiting, jobs)
    with (out / "journal.csv").open("a", encoding="utf-8", newline="") as journal, closing(coming):
        done, lines = len(outcomes), csv.writer(journal, lineterminator="\n")
        progress("prepare", done, len(by_id))
        for outcome in coming:
            done += 1
            progress("prepare", done, len(by_id))
            if outcome.fault:
                fault = Skipped(by_id[outcome.image_id].name, outcome.fault, "fault", outcome.rule)
                skipped.append(inside(root, fault))
                stop_at_fault(skipped[-1:], strict)
                continue
            outcomes[outcome.image_id] = outcome
            # one write a line: a killed run leaves whole lines and perhaps the head of one
            lines.writerow(_journal_row(outcome, code))
            journal.flush()
    if not outcomes:
        raise nothing_usable(reader, root, skipped, out)
    size = _one_size(outcomes, by_id)
    prepared = [
        PreparedImage(by_id[image_id], image_id, outcome.sha256, outcome.observations)
        for image_id, outcome in outcomes.items()
    ]
    rows = rows_of(reader, plan, prepared, drawn)
    check_splits(reader, root, rows, listing.missing)
    before = manifest_before(out)
    summary = write(out, reader, plan, size, rows, skipped, observed_of(prepared), len(drawn.missed(outcomes)))
    taken = [outcome.notes for outcome in outcomes.values()]
    sources = [image.source for image in prepared]
    equal = equal_pictures(prepared, rows, reader.class_attribute)
    write_doubts(out, equal)
    notes = notes_on(sources, equal, taken, drawn.unusable, reader.class_attribute, reader.classes)
    became = became_another(out, before, summary.manifest_sha256, {row.file for row in rows})
    notes = (*notes, *shortfall(reader, drawn, listing.with_missing, outcomes), *became, *examples(skipped))
    return replace(summary, notes=notes, on_test_set=lines_on_test_set(rows, plan))


def _finished(out: Path, reader: Reader, by_id: Mapping[str, SourceImage], code: str) -> dict[str, ImageOutcome]:
    """What the journal says is done, where the image, what it is made of and the code are still what it says."""
    path = out / "journal.csv"
    if not path.exists():
        return {}
    end_at_last_line(path)
    finished: dict[str, ImageOutcome] = {}
    for row in journal_rows(path):
        if len(row) < 3 or row[0] not in by_id:
            continue
        try:
            content = (out / "images" / f"{row[0]}.png").read_bytes()
        except FileNotFoundError:
            continue
        if hashlib.sha256(content).hexdigest() != row[1]:
            continue
        of_source = source_sha256(reader, by_id[row[0]])
        if _made_of(of_source, code) == row[2]:
            width, height = (int.from_bytes(content[_PNG_SIZE][at : at + 4], "big") for at in (0, 4))
            notes = tuple(cell for cell in row[3:] if not cell.startswith("{"))
            try:
                seen: dict[str, float | str] = next((json.loads(cell) for cell in row[3:] if cell.startswith("{")), {})
            except ValueError:  # the head of a line that an earlier version ended
                continue
            finished[row[0]] = ImageOutcome(row[0], row[1], (height, width), "", "unreadable", of_source, notes, seen)
    return finished


def _made_of(of_source: str, code: str) -> str:
    return hashlib.sha256(f"{of_source} {code}".encode()).hexdigest()


def _journal_row(outcome: ImageOutcome, code: str) -> list[str]:
    """Id, SHA-256 of the image and of what made it, notes, and as JSON what was observed, if anything was."""
    seen = [json.dumps(outcome.observations, sort_keys=True)] if outcome.observations else []
    return [outcome.image_id, outcome.sha256, _made_of(outcome.source_sha256, code), *outcome.notes, *seen]


def _outcomes(reader: Reader, folder: Path, items: Sequence[Item], jobs: int) -> Generator[ImageOutcome, None, None]:
    """The outcome of every item, in the order in which they are ready."""
    if jobs == 1:
        for item in items:
            yield from make_images(reader, folder, [item])
        return
    size = max(1, min(_BATCH, len(items) // (jobs * _IN_FLIGHT)))
    batches = (items[start : start + size] for start in range(0, len(items), size))
    make = functools.partial(make_images, reader, folder)
    context = multiprocessing.get_context("spawn")  # forking a process that has threads can hang
    workers, first = min(jobs, len(items) or 1), (file_of(type(reader)),)
    with _one_thread_each(), ProcessPoolExecutor(workers, context, start_worker, first) as pool:
        try:
            first_batches = islice(batches, jobs * _IN_FLIGHT)
            running: set[Future[list[ImageOutcome]]] = {pool.submit(make, batch) for batch in first_batches}
            while running:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield from future.result()
                running |= {pool.submit(make, batch) for batch in islice(batches, len(ready))}
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process died (out of memory?); start the command again, perhaps with fewer --jobs: "
                "what is finished is kept"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started in the block run their numerical libraries on one thread each: there is a process for each
    core."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _one_size(outcomes: Mapping[str, ImageOutcome], by_id: Mapping[str, SourceImage]) -> tuple[int, int]:
    sizes = {outcome.size: image_id for image_id, outcome in outcomes.items()}
    if len(sizes) > 1:
        (one, first), (two, second) = list(sizes.items())[:2]
        raise DataError(f"{by_id[second].name}: expected the size of {by_id[first].name}, {one}, got {two}")
    return next(iter(sizes))
