"""What another seed is allowed to change: from the committed results, cautious where these say little."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board.seed_allowance import FILE, WIDER, allowance, spreads
from recipes.write_seed_spread import table

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results"


def test_the_file_that_ships_is_what_the_committed_results_make() -> None:
    assert dict(spreads()) == dict(table(RESULTS).metrics), f"run python -m recipes.write_seed_spread to renew {FILE}"


def test_the_most_is_beyond_every_reference_row_and_the_least_below_the_usual() -> None:
    for metric, spread in spreads().items():
        least, most = allowance(metric, spread.n)
        assert most >= 2 * spread.widest
        assert 0 < least < spread.usual < most


def test_no_row_lies_beyond_the_allowance_that_the_other_boards_make() -> None:
    boards = [table(folder).metrics for folder in sorted(RESULTS.iterdir())]
    floor = spreads()["fid"].widest
    judged = 0
    for board in boards:
        for metric, spread in board.items():
            others = [other[metric].widest for other in boards if other is not board and metric in other]
            if others:
                judged += spread.rows
                assert spread.widest <= WIDER * max(floor, *others), metric
    assert judged > 200


def test_a_metric_without_reference_rows_gets_the_widest_and_at_least_ten_standard_errors() -> None:
    unknown = allowance("nobody-has-it", 40)
    assert unknown.most == max(allowance(metric, spread.n).most for metric, spread in spreads().items()) >= 10
    assert unknown.least == min(allowance(metric, spread.n).least for metric, spread in spreads().items())


def test_more_images_than_the_reference_rows_do_not_make_seeds_quieter() -> None:
    known = spreads()["fid"].n
    few, as_many, more = (allowance("fid", n) for n in (known // 10, known, 4 * known))
    assert few == as_many
    assert more == pytest.approx([2 * value for value in as_many])
