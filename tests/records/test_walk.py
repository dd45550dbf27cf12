"""What lies below a folder: links are followed, and nothing is met twice."""

from __future__ import annotations

from pathlib import Path

from ldbench.records.walk import walk


def met(folder: Path, hidden: bool = False) -> list[str]:
    return sorted(
        (place / name).relative_to(folder).as_posix()
        for place, _, names in walk(folder, hidden=hidden) for name in names
    )  # fmt: skip


def test_links_are_followed_and_a_folder_is_entered_once_by_its_own_name(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    for path in (root / "own" / "a", away / "b", root / ".c", root / ".d" / "e"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "all").symlink_to(root / "own")
    (root / "linked").symlink_to(away)
    (root / "twice").symlink_to(away)
    (away / "loop").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "gone")
    (root / "file").symlink_to(away / "b")
    assert met(root) == ["file", "linked/b", "nowhere", "own/a"]
    assert met(root, hidden=True) == [".c", ".d/e", "file", "linked/b", "nowhere", "own/a"]
    assert met(tmp_path / "gone") == []


def test_a_folder_that_is_taken_off_the_list_is_not_entered(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name / "below").mkdir(parents=True)
    places = list[str]()
    for place, folders, _ in walk(tmp_path):
        places.append(place.name)
        folders[:] = [name for name in folders if name not in ("b", "below")]
    assert places == [tmp_path.name, "a", "c"]
