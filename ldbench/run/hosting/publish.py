"""What participants get: a card, the cases with their sources, and a commitment to the seed and the truth.

The package is all that `ldbench run PACKAGE/task.toml MODEL` needs to fit and generate. It holds no true image. The
folder must be empty.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ldbench import __version__
from ldbench.api import Progress, Record, silent
from ldbench.data.fresh import MixedDataset
from ldbench.data.hosted import HOST, SOURCES, HostedRecord, HostedTest
from ldbench.data.of_result import task_ref
from ldbench.data.render import Rendered, render, to_render
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import UsageError
from ldbench.records.checksum import sha256_file
from ldbench.records.files import write_json, write_text_atomic
from ldbench.run.cases import export_cases
from ldbench.run.environment import usable_cores
from ldbench.run.hosting.secret import Secret, keep_private, kept, refuse_second_task, truth_folder
from ldbench.task import card
from ldbench.task.derived import derived

CARD, CASES = "task.toml", "cases.jsonl"


def publish(
    task_name: str, seed_file: Path, out: Path, *, processes: int = 0, progress: Progress = silent
) -> list[str]:
    """Render the test subjects of a task, keep their truth beside `seed_file`, and write the package into `out`.

    A seed file that is not there is made, with a seed drawn. Returns what to print. Raises `UsageError`.
    """
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out}: expected a new or empty folder for the package, got one with files; choose another")
    task = card.load(task_name)
    refuse_second_task(seed_file, task.id)
    to_render(task.data.dataset, [task_name])  # before a seed is drawn: nothing is left of what is refused
    secret, folder = kept(seed_file), truth_folder(seed_file)
    keep_private(folder)
    rendered = render(
        task.data.dataset, secret.seed, folder, splits=("test",), cards=[task_name],
        processes=processes or usable_cores(), progress=progress,
    )
    hosted = write_package(rendered.card(folder, task.id), rendered, secret, out)
    return [
        f"{out}: the package for participants, {len(hosted.records)} records, seed commitment {hosted.seed_commitment}",
        f"{folder}: the truth; keep it and {seed_file} to yourself",
    ]


def write_package(of_truth: Path, rendered: Rendered, secret: Secret, out: Path) -> HostedTest:
    """Write card, cases, sources and commitments. The host's record is written last: a package is whole with it."""
    data = task_data(card.load(str(of_truth)), 0)
    out.mkdir(parents=True, exist_ok=True)
    write_text_atomic(out / CARD, derived(str(of_truth), {"data": {"fresh": {"folder": "."}}}))
    export_cases(str(of_truth), out / CASES, 0)
    ref, records = task_ref(data.task), _published_records(data, out / SOURCES)
    side = data.task.protocol.resolution
    hosted = HostedTest(
        ref, rendered.dataset, rendered.revision, secret.commitment, data.split_hash(), (side, side), records,
        datetime.now(UTC).isoformat(timespec="seconds"), __version__,
    )
    write_json(out / HOST, asdict(hosted))
    return hosted


def _published_records(data: TaskData, sources: Path) -> tuple[HostedRecord, ...]:
    """The scans that are edited, and of their targets only what the cases say; nothing where no scan is edited."""
    edit = data.task.edit
    if edit is None or not isinstance(data.dataset, MixedDataset):
        return ()
    asked = {case.id for case in data.cases}
    scans = [record for record in data.dataset.select("test") if record.id in asked]
    subjects = {record.subject for record in scans}
    targets = data.dataset.select("test", edit.role) if edit.role else []
    chosen = [record for record in targets if (record.source or "") in asked or record.subject in subjects]
    return tuple(
        [_published(record, sha256_file(sources / f"{record.id}.png")) for record in scans]
        + [_published(record, None) for record in chosen]
    )


def _published(record: Record, sha256: str | None) -> HostedRecord:
    return HostedRecord(
        record.id, record.subject, record.split, record.role, record.attributes, record.index, record.source, sha256
    )
