"""Images written in threads: the same bytes, in memory one batch at most, and no error lost."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.data import image_writer
from ldbench.data.image_writer import ImageWriter
from ldbench.data.images import write_image, write_pixels
from ldbench.errors import ImageError


def pictures(count: int) -> torch.Tensor:
    return torch.rand((count, 3, 8, 8), generator=torch.Generator().manual_seed(count))


def paths(folder: Path, count: int, prefix: str = "") -> list[Path]:
    return [folder / f"{prefix}{index}.png" for index in range(count)]


def test_the_files_are_those_that_one_thread_writes(tmp_path: Path) -> None:
    images, together = pictures(9), paths(tmp_path / "together", 9)
    with ImageWriter() as writer:
        for start in (0, 4, 8):
            writer.write(images[start : start + 4], together[start : start + 4])
    for image, path in zip(images, together, strict=True):
        write_image(image, tmp_path / path.name)
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    assert len(list((tmp_path / "together").iterdir())) == 9


def test_one_batch_waits_and_the_next_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, handed_over = threading.Event(), threading.Event()

    def held(pixels: np.ndarray, path: Path) -> None:
        assert free.wait(20)
        write_pixels(pixels, path)

    monkeypatch.setattr(image_writer, "write_pixels", held)
    with ImageWriter() as writer:
        writer.write(pictures(2), paths(tmp_path, 2, "first"))
        assert list(tmp_path.iterdir()) == []  # it has returned before

        def second() -> None:
            writer.write(pictures(2), paths(tmp_path, 2, "second"))
            handed_over.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert not handed_over.wait(0.2)
        free.set()
        thread.join()
        assert all(path.exists() for path in paths(tmp_path, 2, "first"))
    assert all(path.exists() for path in paths(tmp_path, 2, "second"))


@pytest.mark.parametrize("batches", [1, 2])
def test_an_error_of_a_thread_is_the_callers(batches: int, tmp_path: Path) -> None:
    (tmp_path / "taken.png").mkdir()

    def write() -> None:
        with ImageWriter() as writer:
            writer.write(pictures(2), [tmp_path / "taken.png", tmp_path / "other.png"])
            for index in range(1, batches):
                writer.write(pictures(1), [tmp_path / f"{index}.png"])

    with pytest.raises(ImageError, match=r"can't write .*taken\.png"):
        write()
    assert (tmp_path / "other.png").exists()
    assert not (tmp_path / "1.png").exists()


def test_a_refused_image_is_refused_at_once_and_what_was_given_before_is_written(tmp_path: Path) -> None:
    def write() -> None:
        with ImageWriter() as writer:
            writer.write(pictures(2), paths(tmp_path, 2))
            writer.write(pictures(1) * 3, [tmp_path / "wide.png"])

    with pytest.raises(ImageError, match=r"wide\.png: expected pixels in \[0, 1\]"):
        write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "1.png"]
