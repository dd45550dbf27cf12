"""A file that another tool or another command wrote is named, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import ResultError
from ldbench.records.own_files import begins_as, begins_with, check_own, marked, write_own


@pytest.mark.parametrize(
    ("there", "now", "own"),
    [
        ("task,model,a,b,c,d\r\nx,1\r\n", "task,model,a,b,c\ny,2\n", True), ("name,x\n", "task,task_v\n", False),
        ("task,model,a,b,mine,d\n", "task,model,a,b,c,d\n", False), ("task,model,mine\n", "task,model,a,b,c\n", False),
        ("### sandbox-chest-t2i notes\n", "### sandbox-chest-t2i, version 1\n", False),
        ("### one, version 1\n", "### one, version 2\n", True), ("# Notes\n", "### one, version 1\n", False),
        ('{\n  "failed": [],\n', '{\n  "failed": [1],\n', True), ('{"rows": []}', '{\n  "failed": []', False),
        ("% \\usepackage{booktabs}\n%", "% \\usepackage{booktabs}\n", True), ("\\begin{table}", "% \\use", False),
        ("", "anything", True), ("Reader study a", "Readers liked it", False),
    ],
)  # fmt: skip
def test_a_file_that_begins_otherwise_is_not_replaced(there: str, now: str, own: bool, tmp_path: Path) -> None:
    path, further = tmp_path / "one", tmp_path / "above"
    path.write_text(there, encoding="utf-8")
    if own:
        assert write_own({further: now, path: now}, "ldbench report") == [further, path]
        assert path.read_text(encoding="utf-8") == now
        return
    with pytest.raises(ResultError) as stop:
        write_own({further: now, path: now}, "ldbench report")
    assert str(stop.value) == (
        f"{path}: expected a file of `ldbench report` or none, got another; move it, or choose another --out"
    )
    assert path.read_text(encoding="utf-8") == there
    assert not further.exists()


def test_bytes_that_are_no_text_and_a_folder_are_nobodys_own(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for own in (begins_as("task,x"), begins_with("task"), marked(b"ldbench")):
        with pytest.raises(ResultError, match=r"got another; move it, or choose another --junit$"):
            check_own([path], own, "ldbench gate", "--junit")
    with pytest.raises(ResultError, match=r"got a folder; move it"):
        check_own([tmp_path], marked(b""), "ldbench gate")
    check_own([tmp_path / "none"], marked(b"ldbench"), "ldbench gate")


def test_what_a_command_reads_is_not_replaced_by_whatever_link_it_is_named(tmp_path: Path) -> None:
    table, link, hard = (tmp_path / name for name in ("table.csv", "link.csv", "hard.csv"))
    table.write_text("image,subject\n", encoding="utf-8")
    link.symlink_to(table)
    hard.hardlink_to(table)
    inputs = [tmp_path / "absent", link]
    for path in (table, link, hard, tmp_path / "x" / ".." / "table.csv"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(ResultError) as stop:
            check_own([path], marked(b""), "ldbench measure", "--per-image", inputs)
        assert str(stop.value) == (
            f"{path}: expected a file to write, got one that `ldbench measure` reads ({link}); choose another "
            "--per-image"
        )
    check_own([tmp_path / "new.csv"], marked(b""), "ldbench measure", "--per-image", inputs)
