"""The end of a hosted task: the seed is made public, and anybody checks that it is the one that was committed to.

The package then holds the truth, and its card runs and verifies as any other.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ldbench.api import Dataset, Progress, silent
from ldbench.data.hosted import REVEAL, HostedTest, open_hosted, read_hosted
from ldbench.data.of_result import task_ref
from ldbench.data.render import DATA, checksums_of
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import DataError, UsageError
from ldbench.plugins.kinds import DATASETS
from ldbench.records.files import refusal, write_json
from ldbench.run.environment import usable_cores
from ldbench.run.hosting.publish import CARD
from ldbench.run.hosting.secret import read_secret, rendered_truth
from ldbench.task import card

TOLERATED_SHARE = 1e-3  # of pixels that another processor's rounding may move by more than one grey level


@dataclass(frozen=True)
class PackageCheck:
    """One thing that was checked, whether it holds, and what was seen."""

    what: str
    holds: bool
    seen: str

    def line(self) -> str:
        """For the terminal."""
        return f"{'holds' if self.holds else 'FAILS'}: {self.what}: {self.seen}"


def reveal(seed_file: Path, package: Path) -> list[str]:
    """Put the seed, its salt and the truth into the package. Raises `UsageError` where it is another seed's."""
    secret, (of_truth, rendered) = read_secret(seed_file), rendered_truth(seed_file)
    hosted = read_hosted(package)
    if hosted.seed_commitment != secret.commitment or hosted.task != task_ref(card.load(str(of_truth))):
        raise UsageError(f"{package}: expected the package of {seed_file}, got one of another seed or task")
    with refusal(f"write {package}"):
        for name in rendered.checksums:
            (package / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(of_truth.parent / DATA / name, package / name)
    write_json(package / REVEAL, asdict(secret))
    return [f"{package}: seed {secret.seed}, salt {secret.salt}; anybody can now run `ldbench host check` on it"]


def check(package: Path, *, processes: int = 0, progress: Progress = silent) -> list[PackageCheck]:
    """Whether a revealed package is what its host committed to, and what the seed gives."""
    hosted = read_hosted(package)
    if not (package / REVEAL).is_file():
        raise UsageError(f"{package}: expected {REVEAL}, got none; its host has not revealed the seed yet")
    secret = read_secret(package / REVEAL)
    findings = [
        PackageCheck("the seed is the one committed to", secret.commitment == hosted.seed_commitment, secret.commitment)
    ]
    task = card.load(str(package / CARD))
    ref = task_ref(task)
    seen = f"{ref.id}, card {ref.card_hash}"
    findings.append(PackageCheck("the card is the published one", ref == hosted.task, seen))
    try:
        data = task_data(task, 0)
    except DataError as error:
        return [*findings, PackageCheck("the truth is the one committed to", False, str(error))]
    split = data.split_hash()
    findings.append(PackageCheck("the truth is the one committed to", split == hosted.split_hash, f"split {split}"))
    findings.append(_sources(hosted, data, package))
    fresh = task.data.fresh
    with tempfile.TemporaryDirectory(prefix="ldbench-") as name:
        source = DATASETS.load(task.data.dataset)
        if source.simulator is None or fresh is None:
            raise UsageError(f"{package}: expected a card on rendered data of a simulator, got another")
        source.simulator.render(
            Path(name), seed=secret.seed, revision=hosted.revision, splits=fresh.splits,
            processes=processes or usable_cores(), progress=progress,
        )
        findings.append(_rendered_again(task, Path(name), package))
    return findings


def _sources(hosted: HostedTest, data: TaskData, package: Path) -> PackageCheck:
    """What was published of the truth against the truth: records, and the pixels of the sources."""
    true, given = {record.id: record for record in data.dataset.select("test")}, open_hosted(package, hosted.dataset)
    wrong = [
        record.id for record in given.select("test")
        if true.get(record.id) != record or not np.array_equal(given.image(record), data.dataset.image(record))
    ]
    seen = f"{len(wrong)} of them differ: {wrong[0]}" if wrong else f"{len(given.select('test'))} sources"
    return PackageCheck("the sources are the truth's scans", not wrong, seen)


def _rendered_again(task: card.Task, folder: Path, package: Path) -> PackageCheck:
    """The images of the revealed truth against those that the seed gives here: equal files, or nearly equal pixels."""
    what, fresh = "the seed gives the truth", task.data.fresh
    here = checksums_of(folder)
    if fresh is not None and here == dict(fresh.checksums):
        return PackageCheck(what, True, "byte for byte")
    simulator = DATASETS.load(task.data.dataset).simulator
    if simulator is None or fresh is None:
        return PackageCheck(what, False, "no simulator")
    share = differing_share(simulator.read(package, fresh.checksums), simulator.read(folder, here))
    return PackageCheck(what, share <= TOLERATED_SHARE, f"{share:.2g} of the pixels differ by more than a grey level")


def differing_share(one: Dataset, other: Dataset) -> float:
    """The share of pixels that differ by more than one grey level of 255; 1 where the records differ."""
    if [(r.id, r.role, r.attributes) for r in one.records] != [(r.id, r.role, r.attributes) for r in other.records]:
        return 1.0
    apart = [
        float((np.abs(one.image(a) - other.image(b)) > 1.5 / 255).mean())
        for a, b in zip(one.records, other.records, strict=True)
    ]
    return float(np.mean(apart))
