"""Which folders are seeds of one method: those that lie in one folder, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import UsageError
from ldbench.score.folders.places import by_method


@pytest.mark.parametrize(
    ("given", "methods"),
    [
        (["drift/0", "drift/1", "plain/0"], {"drift": [0, 1], "plain": [2]}),
        (["drift/0", "plain/0", "./drift/1/"], {"drift": [0, 2], "plain": [1]}),
        (["a/x/0", "a/x/1", "b/x/0", "b/x/1"], {"a/x": [0, 1], "b/x": [2, 3]}),
        (["plain/../drift/0", "drift/1"], {"plain/../drift": [0, 1]}),
        (["{here}/drift/0", "drift/1"], {"{here}/drift": [0, 1]}),
        (["0", "1"], {"{here}": [0, 1]}),
        (["../0", "../1"], {"{above}": [0, 1]}),
    ],
)
def test_folders_in_one_folder_are_seeds_of_one_method(
    given: list[str], methods: dict[str, list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for folder in ("drift", "plain"):
        (here / folder).mkdir(parents=True)
    monkeypatch.chdir(here)
    places = {"here": str(here), "above": str(tmp_path)}
    found = by_method([Path(each.format(**places)) for each in given])
    assert found == {name.format(**places): seeds for name, seeds in methods.items()}


def test_a_folder_that_is_a_link_lies_where_the_link_does(tmp_path: Path) -> None:
    for name in ("images/a", "images/b", "drift"):
        (tmp_path / name).mkdir(parents=True)
    for name in "ab":
        (tmp_path / "drift" / name).symlink_to(tmp_path / "images" / name)
    assert by_method([tmp_path / "drift" / name for name in "ab"]) == {str(tmp_path / "drift"): [0, 1]}


def test_one_folder_a_method_is_one_line() -> None:
    with pytest.raises(UsageError, match="got one folder each in drift/0, drift/1; put the folders"):
        by_method([Path("drift/0/images"), Path("drift/1/images")])
