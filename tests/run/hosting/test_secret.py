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
    assert 2**62 <= first.seed < 2**63


def test_the_commitment_binds_seed_and_salt(tmp_path: Path) -> None:
    secret = kept(tmp_path / "a.json")
    assert len(secret.commitment) == 64
    assert str(secret.seed) not in secret.commitment
    others = [replace(secret, seed=secret.seed - 1), replace(secret, salt=secret.salt[::-1])]
    assert secret.commitment not in {other.commitment for other in others}


@pytest.mark.parametrize("change", [{"seed": 4711}, {"seed": 2**63}, {"seed": -1}, {"salt": "short"}])
def test_what_could_be_found_by_trying_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    kept(tmp_path / "a.json")
    record = json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) | change
    (tmp_path / "a.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(UsageError, match="expected a seed of 48 to 63 bits"):
        read_secret(tmp_path / "a.json")


def test_a_file_that_is_no_secret_and_a_task_that_was_not_published_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultError, match="a host's seed file"):
        kept(tmp_path / "a.json")
    with pytest.raises(UsageError, match="publish the task first") as caught:
        rendered_truth(tmp_path / "b.json")
    assert "\n" not in str(caught.value)
