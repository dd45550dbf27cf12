"""A host's secret: drawn for its owner's eyes alone, bound by its commitment, and never a seed that can be guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.errors import ResultError, UsageError
from ldbench.run.hosting.secret import kept, read_secret, rendered_truth


def test_a_secret_is_drawn_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    first = kept(tmp_path / "a.json")
    assert kept(tmp_path / "a.json") == first != kept(tmp_path / "b.json")
    assert (tmp_path / "a.json").stat().st_mode & 0o077 == 0
    assert 2**127 <= first.seed < 2**128


def test_the_commitment_binds_seed_and_salt(tmp_path: Path) -> None:
    secret = kept(tmp_path / "a.json")
    assert len(secret.commitment) == 64
    assert str(secret.seed) not in secret.commitment
    others = [replace(secret, seed=secret.seed - 1), replace(secret, salt=secret.salt[::-1])]
    assert secret.commitment not in {other.commitment for other in others}


def written(file: Path, change: dict[str, object]) -> Path:
    """A host's seed file with other entries."""
    kept(file)
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "change",
    [{"seed": 4711}, {"seed": 2**63 - 1}, {"seed": 2**111 - 1}, {"seed": 2**256}, {"seed": -1}, {"salt": "short"}],
)
def test_what_could_be_found_by_trying_is_not_published(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="expected a seed of 112 to 256 bits"):
        kept(written(tmp_path / "a.json", change))


@pytest.mark.parametrize("seed", [2**48, 2**63 - 1, 2**127 + 1, 2**256 - 1])
def test_what_was_published_before_can_be_read(tmp_path: Path, seed: int) -> None:
    assert read_secret(written(tmp_path / "a.json", {"seed": seed})).seed == seed
    with pytest.raises(UsageError, match="expected a seed of 48 to 256 bits"):
        read_secret(written(tmp_path / "b.json", {"seed": 4711}))


def test_a_file_that_is_no_secret_and_a_task_that_was_not_published_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultError, match="a host's seed file"):
        kept(tmp_path / "a.json")
    with pytest.raises(UsageError, match="publish the task first") as caught:
        rendered_truth(tmp_path / "b.json")
    assert "\n" not in str(caught.value)
