"""What a file or folder holds: any change of names or bytes is another digest, and no place or time is in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.records import digests
from ldbench.records.checksum import sha256_file
from ldbench.records.digests import content_digest

NAMES = st.from_regex(r"[a-c]{1,2}(/[d-f]{1,2})?\.bin", fullmatch=True)
FOLDERS = st.dictionaries(NAMES, st.binary(max_size=20), min_size=1, max_size=5)
LARGE = 2**20 + 1


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.slow
@settings(max_examples=60)
@given(one=FOLDERS, other=FOLDERS)
def test_folders_have_one_digest_where_names_and_bytes_are_the_same(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    with tempfile.TemporaryDirectory() as place:
        first, second = lay(Path(place, "one"), one), lay(Path(place, "other"), other)
        assert (content_digest(first) == content_digest(second)) == (one == other)
        assert content_digest(lay(Path(place, "copy"), one)) == content_digest(first)


@settings(max_examples=60)
@given(files=FOLDERS, at=st.integers(0, 4), data=st.binary(max_size=20))
def test_one_file_replaced_under_its_name_is_another_content(files: dict[str, bytes], at: int, data: bytes) -> None:
    name = sorted(files)[at % len(files)]
    with tempfile.TemporaryDirectory() as place:
        folder = lay(Path(place), files)
        before = content_digest(folder), content_digest(folder / name)
        lay(folder, {name: data})
        after = content_digest(folder), content_digest(folder / name)
        assert [old == new for old, new in zip(before, after, strict=True)] == [files[name] == data] * 2


def test_a_large_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = tmp_path / "weights.bin", list[Path]()
    file.write_bytes(bytes(LARGE))
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))

    def counted(path: Path) -> str:
        read.append(path)
        return sha256_file(path)

    monkeypatch.setattr(digests, "sha256_file", counted)
    monkeypatch.setattr(digests, "_SETTLED", -60.0)
    first = content_digest(file)
    assert content_digest(file) == first
    assert read == [file]
    status = file.stat()
    shutil.copyfile(file, tmp_path / "other")
    (tmp_path / "other").write_bytes(b"\1" + bytes(LARGE - 1))
    (tmp_path / "other").replace(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as rsync and cp -p leave it
    assert file.stat().st_size == status.st_size
    assert content_digest(file) != first
    assert len(read) == 2


def test_what_was_written_a_moment_ago_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights.bin").write_bytes(bytes(LARGE))
    content_digest(tmp_path / "weights.bin")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_memory_is_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_SETTLED", -60.0)
    (tmp_path / "weights.bin").write_bytes(bytes(LARGE))
    first = content_digest(tmp_path / "weights.bin")
    (memory,) = (tmp_path / "cache" / "digests").iterdir()
    memory.write_text("{", encoding="utf-8")
    assert content_digest(tmp_path / "weights.bin") == first


def test_a_folder_that_is_left_out_does_not_count(tmp_path: Path) -> None:
    lay(tmp_path, {"a.bin": b"1"})
    before = content_digest(tmp_path, tmp_path / "runs")
    lay(tmp_path, {"runs/small/result.bin": b"2"})
    assert content_digest(tmp_path, tmp_path / "runs") == before != content_digest(tmp_path)


def test_hidden_files_do_not_count_and_links_are_followed(tmp_path: Path) -> None:
    real = lay(tmp_path / "real", {"a.bin": b"1", "b/c.bin": b"2"})
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.bin").symlink_to(real / "a.bin")
    (tmp_path / "linked" / "b").symlink_to(real / "b")
    assert content_digest(tmp_path / "linked") == content_digest(real)
    lay(real, {".DS_Store": b"3", ".cache/x.bin": b"4"})
    (real / "loop").symlink_to(real)
    (real / "lost.bin").symlink_to(real / "nowhere")
    assert content_digest(tmp_path / "linked") == content_digest(real)
