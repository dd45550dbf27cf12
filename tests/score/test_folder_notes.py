"""What is said of folders that share images, and of small ones."""

from __future__ import annotations

from pathlib import Path

from ldbench.plugins.kinds import METRICS
from ldbench.score.folder_notes import few, shared

FOLDERS = {"real": Path("r"), "generated": Path("g"), "training": Path("t")}
PIXELS = {"real": [b"a", b"b", b"c"], "generated": [b"c", b"c", b"d", b"t"], "training": [b"t", b"a"]}


def test_images_in_two_folders_are_counted_each_time_but_copies_of_training_images_are_a_metrics_business() -> None:
    generated, real = shared(FOLDERS, PIXELS)
    assert generated.startswith("2 of 4 generated images are, pixel by pixel, real images too (g, r): ")
    assert real.startswith("1 of 3 real images are, pixel by pixel, training images too (r, t): ")
    assert list(shared(FOLDERS, {"real": [b"a"], "generated": [b"b"]})) == []


def test_few_images_matter_to_the_metrics_that_say_so() -> None:
    metrics = [METRICS.load(name) for name in ("fid", "kid", "precision", "ssim")]
    (line,) = few(metrics, PIXELS)
    assert line.startswith("3 images are few: the value of fid, precision depends on their number")
    assert list(few(metrics[1:2], PIXELS)) == []
    assert list(few(metrics, {"real": [b"a"] * 20, "generated": [b"a"] * 20})) == []
