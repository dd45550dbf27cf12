"""Folders side by side: a table that fits, names without what all share, and each line once."""

from __future__ import annotations

import numpy as np
import pytest

from ldbench.board.folder_differences import differences
from ldbench.plugins.kinds import METRICS
from ldbench.report.measured_folders import as_text, labels, said_of
from ldbench.score.folders.scores import FolderParts, FolderScores
from ldbench.score.metrics.mean_score import mean_score


def folder(name: str, value: float, notes: tuple[str, ...] = ()) -> FolderScores:
    score = mean_score("ssim", value + 0.01 * np.arange(5.0), "higher", {})
    parts = FolderParts(((METRICS.load("ssim"), score),), {"cases": tuple("abcde")})
    return FolderScores((score.score,), {}, {"real": {"sha256": ""}, "generated": {"folder": name}}, {}, notes, parts)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["runs/a/x", "runs/b/x"], ["a/x", "b/x"]), (["/one/a", "/one/b"], ["a", "b"]), (["a", "../b"], ["a", "../b"]),
        (["a", "/b"], ["a", "/b"]), (["alone/a"], ["a"]),
    ],
)
def test_names_leave_out_what_all_share(given: list[str], shown: list[str]) -> None:
    assert labels([folder(name, 0.5) for name in given]) == shown


@pytest.mark.parametrize("width", [64, 80, 120])
def test_the_text_fits_the_terminal(width: int) -> None:
    folders = [folder(name, value) for name, value in (("runs/first", 0.5), ("runs/second", 0.7), ("runs/third", 0.5))]
    text = as_text(folders, differences(folders), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.splitlines()[0].split() == (["first"] if width == 64 else ["first", "second", "third"])
    assert "second less first, 5 pairs" in text


def test_a_line_of_all_folders_stands_once_and_one_of_some_has_their_names() -> None:
    folders = [folder("a", 0.5, ("x", "y")), folder("b", 0.5, ("x", "")), folder("c", 0.5, ("x", "y"))]
    assert said_of(folders, lambda each: each.notes) == ["x", "a, c: y"]
