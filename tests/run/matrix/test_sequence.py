"""How the process of a run ended is a line, and the other runs go on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ldbench.run.matrix import sequence
from ldbench.run.matrix.plan import Job


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (-signal.SIGSEGV, "its process was killed by SIGSEGV; "),
        (-signal.SIGKILL, "its process was killed by SIGKILL (out of memory"),
        (-40, "its process was killed by signal 40; "),  # real-time signals but the first and the last have no name
        (3, "its process ended with exit code 3 before the run did; "),
    ],
)
def test_whatever_ends_a_process_is_said_and_ends_no_other_run(
    code: int, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "_watched", lambda *_: int(code))
    jobs = [
        Job(f"small real {seed}", "small", "real", seed, "cpu", 50, str(tmp_path), str(tmp_path / str(seed)), "")
        for seed in (0, 1)
    ]
    ended = dict(sequence.one_after_another(jobs, lambda: None))
    assert list(ended) == jobs
    for outcome in ended.values():
        assert outcome.status == "failed"
        assert outcome.reason.startswith(how)
