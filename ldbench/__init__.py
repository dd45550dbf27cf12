"""ldbench: a benchmark for generators of medical images and counterfactuals.

Importing the package loads neither torch nor diffusers; the work is done by `ldbench.run.pipeline`,
`ldbench.score.scorer` and `ldbench.board.leaderboard`. A generator plugin imports `ldbench.api` and nothing else.
"""

from __future__ import annotations

__version__ = "0.1.0"
