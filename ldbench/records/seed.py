"""What a run's seed may be: a number that torch's sources of random numbers take, which hold 64 bits.

Refuses another before anything is done with it. Seeds of rendered subjects are longer (`ldbench data render`).
"""

from __future__ import annotations

from ldbench.errors import UsageError

SEED_BITS = 64


def check_seed(seed: int) -> None:
    """UsageError for a seed that is none."""
    if type(seed) is not int or not 0 <= seed < 2**SEED_BITS:
        raise UsageError(f"--seed: expected an int from 0 to 2^{SEED_BITS} - 1, got {seed!r}")
