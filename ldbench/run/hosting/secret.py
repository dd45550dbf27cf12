"""What a host keeps: the seed, the salt that hides it, and the folder with the truth.

The folder lies beside the file and is called after it. Refuses a seed that could be found by trying: the ids of its
subjects tell for any seed whether it is the one, at the cost of a hash, and no image need be rendered for that.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from ldbench.data.render import RENDERED, SEED_BITS, Rendered, read_rendered
from ldbench.errors import ResultError, UsageError
from ldbench.records.files import read_record, refusal, write_json

SCHEMA_VERSION = 1
_DRAWN_BITS, _LEAST_BITS = 128, 112  # whoever draws 128 bits himself may have zeros in front
_LEAST_PUBLISHED = 48  # of packages that were published when seeds of 48 to 63 bits were drawn and taken


@dataclass(frozen=True)
class Secret:
    """The file of `--seed-file`, and reveal.json: a seed and the salt of its commitment, 64 hexadecimal digits."""

    seed: int
    salt: str
    schema_version: int = SCHEMA_VERSION

    @property
    def commitment(self) -> str:
        """SHA-256 over both: nobody finds the seed by it, and nobody can name another one later."""
        return hashlib.sha256(f"ldbench host\0{self.seed}\0{self.salt}".encode()).hexdigest()


def kept(file: Path) -> Secret:
    """The secret of a task that is to be published: that in a file, drawn and written there, for its owner's eyes,
    where there is none. `UsageError` for a seed that could be found."""
    if not file.exists():
        drawn = 2 ** (_DRAWN_BITS - 1) + secrets.randbits(_DRAWN_BITS - 1)
        write_json(file, asdict(Secret(drawn, secrets.token_hex(32))), private=True)
    return _read(file, _LEAST_BITS)


def read_secret(file: Path) -> Secret:
    """The secret of a task that was published; `ResultError` for anything else, `UsageError` for a seed shorter than
    any published one."""
    return _read(file, _LEAST_PUBLISHED)


def _read(file: Path, least_bits: int) -> Secret:
    secret = read_record(Secret, file, "a host's seed file", SCHEMA_VERSION, "name a new file: a seed is drawn into it")
    if not 2 ** (least_bits - 1) <= secret.seed < 2**SEED_BITS or len(secret.salt) < 32:
        raise UsageError(
            f"{file}: expected a seed of {least_bits} to {SEED_BITS} bits and a salt of 32 digits or more, as others "
            "could find it by trying; name a new file: both are drawn into it"
        )
    return secret


def truth_folder(file: Path) -> Path:
    """Where the truth of a seed file lies."""
    return file.with_name(f"{file.stem}-truth")


def keep_private(folder: Path) -> None:
    """Make the folder, or what there is of it, its owner's alone: it holds the seed, too."""
    with refusal(f"write {folder}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def rendered_truth(file: Path) -> tuple[Path, Rendered]:
    """The card of the truth, and what was rendered; `UsageError` where the task was not published yet."""
    folder = truth_folder(file)
    try:
        rendered = read_rendered(folder)
    except ResultError as error:
        raise UsageError(f"{folder}: expected the truth of {file}; publish the task first: {error}") from error
    return rendered.card(folder, next(iter(rendered.cards))), rendered


def refuse_second_task(file: Path, task_id: str) -> None:
    """Raise `UsageError` where the seed file is another task's: two would share a truth that one of them reveals."""
    if (truth_folder(file) / RENDERED).is_file():
        before = read_rendered(truth_folder(file)).cards
        if task_id not in before:
            got = ", ".join(before)
            raise UsageError(f"{file}: expected the seed file of {task_id}, got that of {got}; name another")
