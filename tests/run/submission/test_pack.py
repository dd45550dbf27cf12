"""What an archive of a run holds, and which runs are not packed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ldbench.data.images import MAX_PIXELS
from ldbench.errors import ResultError, UsageError
from ldbench.run.submission.contents import LIMITS, Limits
from ldbench.run.submission.pack import pack
from ldbench.run.submission.unpack import unpacked

from .conftest import finished_run, members, pictures, png


def test_it_holds_result_manifests_and_pictures_and_no_more(run: Path, tmp_path: Path) -> None:
    done = pack(run, tmp_path / "out" / "one.zip")
    held = members(done.path.read_bytes())
    assert list(held) == sorted(held)
    assert set(held) == {
        "submission.json", "result.json", "manifest.json", "samples.png", "edits.png", "images/a-1.png",
        "images/b-2.png", "images/c.png", "null/manifest.json", "null/images/a-1.null.png",
    }
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    others = "edits.png, manifest.json, null/manifest.json, result.json, samples.png"
    assert done.lines()[0].startswith(f"4 images, {others}: ")
    with unpacked(done.path) as folder:
        found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert found == held
    assert not folder.exists()
    assert [path.name for path in done.path.parent.iterdir()] == ["one.zip"]


def test_equal_runs_give_equal_bytes_wherever_and_whenever(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "of-another-name"
    shutil.copytree(run, other, copy_function=shutil.copyfile)
    (other / "result.json").chmod(0o600)
    one, two = pack(run, tmp_path / "1.zip"), pack(other, tmp_path / "2.zip")
    assert one.path.read_bytes() == two.path.read_bytes()


def test_an_archive_of_somebody_else_is_not_replaced(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    assert pack(run, path).sha256 == pack(run, path).sha256
    for content in (b"PK, or not", (Path(shutil.make_archive(str(tmp_path / "other"), "zip", run))).read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ResultError, match=rf"{path}: expected a file of `ldbench submit` or none, got another"):
            pack(run, path)
        assert path.read_bytes() == content


def test_an_archive_is_named_after_the_run(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert pack(run).path == Path("sandbox-brain-disease--mine-1234--seed-0.zip")
    with pytest.raises(UsageError, match=r"--out: expected a file ending in \.zip"):
        pack(run, Path("x.tar"))


@pytest.mark.parametrize("task", ["brain-disease", "my-own"])
def test_sources_of_licensed_data_stay(task: str, tmp_path: Path) -> None:
    from ldbench.task import card

    assert task == "my-own" or not card.load(task).data.checksums
    done = pack(finished_run(tmp_path / "run", task), tmp_path / "x.zip")
    assert "edits.png" not in members(done.path.read_bytes())
    assert any("edits.png stays" in line for line in done.lines())
    (tmp_path / "run" / "edits.png").unlink()
    (said,) = pack(tmp_path / "run", tmp_path / "y.zip").notes
    assert "edits.png" not in said
    assert "licence" in said or "licensed" in said


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "result.json").unlink(), "a finished run, got no result.json; .* OUT/TASK/MODEL/seed-N"),
        (lambda run: (run / "manifest.json").unlink(), "can't read .*manifest.json"),
        (lambda run: (run / "manifest.json").write_text("[" * 100000), "manifest.json: expected JSON, got lists"),
        (lambda run: (run / "images" / "c.png").unlink(), "1 missing: c.png"),
        (lambda run: (run / "null/images/a-1.null.png").write_bytes(png(77)), "null/images: 1 not as in the manifest"),
        (lambda run: (run / "images" / "d.png").write_bytes(png(1)), "1 not in the manifest: d.png"),
        (lambda run: finished_run(run / "x", status="failed").joinpath("result.json").replace(run / "result.json"),
         "got a failed measured result"),
        (lambda run: (run / "units.json").write_text("{}"), "expected schema_version 1"),
        (lambda run: (run / "samples.png").unlink() or (run / "samples.png").symlink_to("/etc/hostname"), "got a link"),
    ],
)
def test_only_a_finished_run_is_packed(
    spoil: Callable[[Path], object], message: str, run: Path, tmp_path: Path
) -> None:
    spoil(run)
    with pytest.raises(ResultError, match=message):
        pack(run, tmp_path / "x.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_what_its_reader_would_refuse_is_not_packed(run: Path, tmp_path: Path) -> None:
    for limits in (Limits(files=5), Limits(archive=1000), Limits(image=50), Limits(json=100)):
        with pytest.raises(ResultError, match="expected"):
            pack(run, tmp_path / "x.zip", limits)
    pictures(run / "back", ["Same", "same"])
    with pytest.raises(ResultError, match=r"names that differ, got 'back/images/Same.png' and 'back/images/same.png'"):
        pack(run, tmp_path / "x.zip")


def test_the_limits_are_those_of_the_image_reader_and_of_a_plain_zip() -> None:
    assert LIMITS.pixels == MAX_PIXELS
    assert LIMITS.archive < 0xFFFFFFFF
    assert LIMITS.files < 0xFFFF
