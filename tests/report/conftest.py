"""A leaderboard with everything a report must show: ties, seeds, references, an oracle, a paper's row, a failure."""

from __future__ import annotations

from typing import Any

import pytest

from ldbench.api import Score
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.result import ModelRef, Result, TaskRef
from tests.known_spreads import known_spreads
from tests.result_files import numbered

TASK = TaskRef("sandbox-brain-t2i", 1, "text-to-image", "9f3ac1b2d4e5f607" * 4)
Numbers = tuple[float, float, float]
DRIFT: dict[str, Any] = {"parameters": {"delta": 0.1}}
NO_DRIFT: dict[str, Any] = {"parameters": {"delta": 0.0}}
FULL: list[tuple[str, int, dict[str, Any], Numbers, Numbers, Numbers]] = [
    ("real", 0, {"reference": True}, (18.21, 16.9, 19.8), (3e-4, -6e-4, 1.2e-3), (0.961, 0.931, 0.982)),
    ("mean-image", 0, {"reference": True}, (312.4, 296.3, 329.1), (0.4123, 0.398, 0.4271), (0.5, 0.418, 0.582)),
    ("oracle", 0, {"sees_truth": True}, (17.9, 16.6, 19.3), (1e-4, -7e-4, 1e-3), (0.958, 0.927, 0.98)),
    ("sd", 0, {}, (271.2, 258.3, 284.9), (0.3127, 0.299, 0.327), (0.547, 0.464, 0.63)),
    ("basic-ft", 0, NO_DRIFT, (62.31, 57.2, 67.9), (0.0352, 0.0301, 0.0404), (0.871, 0.819, 0.917)),
    ("basic-ft", 1, NO_DRIFT, (64.92, 59.2, 70.9), (0.0372, 0.0311, 0.0424), (0.859, 0.805, 0.909)),
    ("basic-ft-ld", 0, DRIFT, (58.77, 53.9, 64.2), (0.0321, 0.0272, 0.0371), (0.883, 0.83, 0.93)),
    ("basic-ft-ld", 0, NO_DRIFT, (120.3, 112.1, 131.0), (0.101, 0.095, 0.108), (0.7, 0.64, 0.76)),
]


def measured(name: str, seed: int, flags: dict[str, Any], fid: Numbers, kid: Numbers, auc: Numbers) -> Result:
    network = "efficientnet-lite0"
    scores = [
        Score("fid", *fid, 200, "lower", network, {"interval": "jackknife"}),
        Score("kid", *kid, 200, "lower", network, {"interval": "U-statistic"}),
        Score("auc", *auc, 600, "higher", None, {"interval": "DeLong"}),
    ]
    model = ModelRef(name, "ldbench", "0.1.0", **flags)
    return Result(TASK, model, "measured", scores, seed=seed, split_hash="5" * 64)


RUNS = [measured(*one) for one in FULL]


@pytest.fixture(scope="session")
def results() -> list[tuple[str, Result]]:
    """Nine measured runs of eight rows, one failed, one reported."""
    failed = ModelRef("sd-ld", "ldbench", "0.1.0")
    broken = Result(TASK, failed, "measured", [], "failed", "returned 12 images,\nexpected 600", seed=3)
    fid = Score("fid", 24.3, 24.3, 24.3, 200, "lower", "inception-v3")
    paper = [fid, Score("auc", 0.871, 0.871, 0.871, 200, "higher")]
    source, note = "Latent Drifting, Table 1", "protocol known only in part"
    printed = Result(TASK, ModelRef("Basic FT | LD", None, None), "reported", paper, source=source, note=note)
    return numbered([*RUNS, broken, printed])


@pytest.fixture(scope="session")
def leaderboard(results: list[tuple[str, Result]]) -> Leaderboard:
    """The fold of `results`."""
    with known_spreads():
        return fold(results)[TASK.id]
