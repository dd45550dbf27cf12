"""What of a sender's folder reaches the run that the host publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import ResultError
from ldbench.records.run_folder import RunFolder
from ldbench.run.hosting.score import _keep_images, _opened
from tests.run.submission.conftest import finished_run


@pytest.mark.parametrize(
    "name", ["images/.hidden", "images/a-1.png", "null/images/.hidden", "result.json", "manifest.json", "null/images",
             "null", "images"],
)  # fmt: skip
def test_a_link_in_a_senders_folder_is_refused_hidden_or_not(name: str, tmp_path: Path) -> None:
    run, secret = finished_run(tmp_path / "sent"), tmp_path / "secret.json"
    secret.write_text("the host's own", encoding="utf-8")
    place = run / name
    if place.exists():
        place.rename(tmp_path / "aside")
    place.symlink_to(tmp_path / "aside" if (tmp_path / "aside").exists() else secret)
    with pytest.raises(ResultError, match="a file or folder, got a link; don't trust the sender"), _opened(run):
        pass


def test_a_folder_may_be_named_by_a_link_of_the_hosts_own(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(finished_run(tmp_path / "sent"))
    with _opened(tmp_path / "latest") as folder:
        assert (folder / "result.json").is_file()


def test_the_images_of_the_manifests_are_kept_and_nothing_beside_them(tmp_path: Path) -> None:
    run, target = finished_run(tmp_path / "sent"), tmp_path / "published"
    (tmp_path / "secret.json").write_text("the host's own", encoding="utf-8")
    (run / "images" / ".link").symlink_to(tmp_path / "secret.json")
    (run / "images" / ".file").write_text("of the sender's", encoding="utf-8")
    _keep_images(RunFolder(run), RunFolder(target))
    kept = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    pictures = {"images/a-1.png", "images/b-2.png", "images/c.png", "null/images/a-1.null.png"}
    assert kept == {*pictures, "manifest.json", "null/manifest.json"}
