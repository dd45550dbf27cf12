"""The files of a frozen data set: the same content makes the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ldbench_sandbox.archive import write_arrays


def test_equal_arrays_make_equal_bytes(tmp_path: Path) -> None:
    arrays = {"a": np.arange(12, dtype=np.uint8).reshape(3, 4), "b": np.array(0.5)}
    for name in ("one.npz", "two.npz"):
        write_arrays(tmp_path / name, arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["a"], arrays["a"])
        assert stored["b"] == 0.5
