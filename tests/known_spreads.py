"""What seeds do, as tests of boards take it: fixed here, as the table that ships grows with the results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ldbench.board import seed_allowance
from ldbench.board.seed_allowance import Spread

SPREADS = {"auc": Spread(25, 600, 3.59, 5.58), "fid": Spread(38, 400, 1.18, 2.53), "kid": Spread(34, 400, 1.19, 3.21)}


@contextmanager
def known_spreads() -> Iterator[None]:
    """Allowances that no committed result moves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seed_allowance, "spreads", lambda: SPREADS)
        yield
