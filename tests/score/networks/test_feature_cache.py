"""Features on disk: the file that `np.save` writes, mapped where it is large, and never held whole on the way."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.api import Network
from ldbench.errors import MetricError
from ldbench.score.metrics import row_blocks
from ldbench.score.networks import feature_cache, features

WIDTH = 3


def means(images_nhwc: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images_nhwc).float().mean(dim=(1, 2))


MEANS = Network("means", "Mean of each channel.", lambda **_: means, lambda **_: {}, 8, fixed_size=True)


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand((11, 3, 8, 8), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten images are many, and every set is large."""
    monkeypatch.setattr(features, "_MANY", 10)
    monkeypatch.setattr(row_blocks, "_WHOLE", 0)


def test_features_of_many_images_are_mapped_from_the_file_that_numpy_writes(
    pictures: torch.Tensor, many: None, tmp_path: Path
) -> None:
    expected = features.extract(pictures, MEANS)
    for note in ("computed", "cached"):
        found = features.extract(pictures, MEANS, cache_folder=tmp_path, batch_size=4)
        assert isinstance(found, np.memmap), note
        assert not found.flags.writeable
        assert found.tobytes() == expected.tobytes()
    (file,) = tmp_path.glob("*.npy")
    np.save(tmp_path / "whole", expected)
    assert file.read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_features_of_few_images_are_in_memory(pictures: torch.Tensor, tmp_path: Path) -> None:
    for _ in range(2):
        assert not isinstance(features.extract(pictures, MEANS, cache_folder=tmp_path), np.memmap)


def test_many_images_need_no_cache_that_can_be_written(
    pictures: torch.Tensor, many: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    found = features.extract(pictures, MEANS, cache_folder=tmp_path / "file" / "features")
    assert (found == features.extract(pictures, MEANS)).all()
    capsys.readouterr()


def test_features_that_are_not_finite_leave_no_file(pictures: torch.Tensor, many: None, tmp_path: Path) -> None:
    def broken(images_nhwc: np.ndarray) -> torch.Tensor:
        return means(images_nhwc) / torch.tensor([1.0, 1.0, 0.0])

    network = Network("broken", "Divides by 0.", lambda **_: broken, lambda **_: {}, 8, fixed_size=True)
    with pytest.raises(MetricError, match="broken: expected finite features"):
        features.extract(pictures, network, cache_folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"whole", None])
def test_a_damaged_file_is_none(content: bytes | None, many: None, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    assert feature_cache.read_features(path, 4) is None
    np.save(path, np.ones((4, WIDTH), np.float32))
    assert feature_cache.read_features(path, 4) is not None
    assert feature_cache.read_features(path, 5) is None
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    assert feature_cache.read_features(path, 4) is None


def test_what_was_just_written_is_not_tested_again(
    pictures: torch.Tensor, many: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "row_blocks", lambda count: pytest.fail("the file was read through"))
    computed = features.extract(pictures, MEANS, cache_folder=tmp_path)
    assert (computed == features.extract(pictures, MEANS)).all()


def test_numbers_that_are_not_finite_are_none(many: None, tmp_path: Path) -> None:
    numbers = np.ones((4, WIDTH), np.float32)
    numbers[3, 1] = np.nan
    np.save(tmp_path / "a.npy", numbers)
    assert feature_cache.read_features(tmp_path / "a.npy", 4) is None


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory by kind is read from Linux's /proc")
@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="the system takes no pages back on demand")
def test_pages_of_a_map_are_let_go_of_block_by_block(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2**14, 256), np.float32))  # 16 MB
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    plain = np.asarray(mapped)  # as the metrics see it
    before = mapped_kilobytes()
    total = sum(row_blocks.rows_of(plain, rows).sum() for rows in row_blocks.row_blocks(len(plain)))
    assert total == plain.size
    assert mapped_kilobytes() - before < 2**13 // 2
    assert float(plain[:, 0].sum()) == len(plain)  # and come back


def mapped_kilobytes() -> int:
    """What of mapped files is in memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("RssFile")).split()[1])


def test_a_map_that_may_be_written_to_keeps_what_was_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 2), np.float32))
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    private[0, 0] = 7
    row_blocks.rows_of(private, slice(0, 1))
    assert private[0, 0] == 7
