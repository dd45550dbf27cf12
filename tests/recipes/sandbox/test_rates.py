"""What the sandbox says of its rates is what its plans do: revision 1 as it is, revision 2 as cohorts were measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from ldbench_sandbox.brain.population import REVISION_1, REVISION_2

from recipes.sandbox.rates import rates, separation, unchanged

DATA = Path(__file__).parents[3] / "tasks" / "sandbox_brain"


def test_revision_1_is_slower_and_more_alike_than_cohorts_are() -> None:
    found = {each.diagnosis: each for each in rates(REVISION_1)}
    assert found["AD"].growth == pytest.approx(5.4, abs=0.1)
    assert abs(found["AD"].acceleration) < 0.05
    assert found["CN"].variation == pytest.approx(0.20, abs=0.01)


def test_revision_2_is_in_the_published_ranges() -> None:
    found = {each.diagnosis: each for each in rates(REVISION_2)}
    assert 1.5 < found["CN"].growth < 3 < found["MCI"].growth < 6 < 8 < found["AD"].growth < 10.5
    assert 0.12 < found["MCI"].acceleration < 0.43
    assert 0.47 < found["AD"].acceleration < 1.29
    assert all(0.45 < each.variation < 0.65 for each in found.values())
    assert found["CN"].volume == pytest.approx(45.0)
    assert separation(REVISION_2)[0] == pytest.approx(1.32, abs=0.05)
    assert unchanged(DATA) == (0, 200)
    assert [found[name].tissue for name in ("CN", "MCI", "AD")] == pytest.approx([0.5, 1.0, 2.0], abs=0.1)
