"""How often the gate closes on an unchanged row: rows and pairs are those meant, and seeds again never close it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leaderboards import gate_error
from tests.report.conftest import measured
from tests.result_files import lay

EXACT = (0.04, 0.03, 0.05), (0.87, 0.82, 0.91)


def seeds(name: str, values: list[float], **parameters: bool) -> list:
    runs = [
        measured(name, seed, parameters, (fid, fid - 1, fid + 1), *EXACT) for seed, fid in enumerate(values)
    ]
    return [replace(one, images_hash=f"{name}-{one.seed}".encode().hex().zfill(64)) for one in runs]


def test_pairs_are_of_other_seeds_or_the_same_and_both_tables_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lone, reference = seeds("lone", [50.0]), seeds("real", [1.0, 2.0], reference=True)
    lay(tmp_path, [*seeds("ours", [60.0, 61.0, 60.5]), *lone, *reference])
    chosen = gate_error.rows(tmp_path)
    assert [len(row.runs) for row in chosen] == [3]
    assert list(chosen[0].pairs(2, 1, again=False)) == [((0, 1), (2,)), ((0, 2), (1,)), ((1, 2), (0,))]
    assert list(chosen[0].pairs(2, 1, again=True))[:2] == [((0, 1), (0,)), ((0, 1), (1,))]
    assert gate_error.closed(chosen, 1, 1, again=True) == (0, 3)
    gate_error.main([str(tmp_path)])
    printed = capsys.readouterr().out
    assert "1 rows; seeds then, now" in printed
    assert "3, 1 the same seeds    0 of    3   0.0%" in printed
    assert "3, 3: fid " in printed
