"""`ldbench data prepare` as a user meets it: light help, a summary, one-line errors."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.errors import DataError, LdbenchError, UnknownNameError, UsageError
from ldbench.plugins.kinds import DATASETS
from tests.command_line import called, said


def run(*arguments: object) -> str:
    return said("data", "prepare", *arguments)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty people's pictures, one of them torn, and their CSV."""
    folder: Path = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    lines = ["image,subject,diagnosis,age"]
    for n in range(60):
        Image.fromarray(rng.integers(0, 255, (12, 10), np.uint8)).save(folder / f"{n}.png")
        lines.append(f"{n}.png,person{n},{'AD' if n % 2 else 'CN'},{60 + n}")
    (folder / "7.png").write_bytes((folder / "7.png").read_bytes()[:60])
    (folder / "m.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_dry_run_says_what_would_be_used_and_left_out_and_writes_nothing(own: Path, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text((own / "m.csv").read_text() + "gone.png,person60,CN,70\n", encoding="utf-8")
    options = ("folder", "--csv", tmp_path / "m.csv", "--root", own, "--size", 16, "--jobs", 1, "--out", tmp_path / "o")
    text = run(*options, "--dry-run")
    assert text.splitlines()[0] == f"folder: would go to {tmp_path / 'o'}; no image was opened, nothing was written"
    assert not (tmp_path / "o").exists()
    assert "the first of missing-file: gone.png: " in text
    counted = [line for line in text.splitlines() if line.startswith(("used", "skipped"))]
    done = [line for line in run(*options).splitlines() if line.startswith(("used", "skipped"))]
    assert sum(int(line.split()[-1]) for line in counted) == sum(int(line.split()[-1]) for line in done) == 61
    assert ["skipped", "fault", "missing-file", "1"] in [line.split() for line in counted]
    assert ["skipped", "fault", "unreadable", "1"] in [line.split() for line in {*done} - {*counted}]  # opened


def test_a_dry_run_with_too_few_images_says_what_there_is_before_it_refuses(own: Path, tmp_path: Path) -> None:
    options = ["--csv", str(own / "m.csv"), "--root", str(own), "--test-per-class", "99", "--dry-run"]
    ended = called("data", "prepare", "folder", *options, "--out", tmp_path)
    assert isinstance(ended.exception, DataError)
    counted = [line.split()[3:] for line in ended.stdout.splitlines() if line.startswith("used")]
    assert counted == [["AD", "30"], ["CN", "30"]]


@pytest.mark.slow
def test_a_dry_run_refuses_the_folder_that_the_real_call_refuses(own: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "others" / "images").mkdir(parents=True)
    (tmp_path / "others" / "images" / "1.png").write_bytes(b"")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "images").write_text("", encoding="utf-8")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "state.json").write_text('{"dataset": "another"}', encoding="utf-8")
    for out, expected in (
        ("file", f"can't prepare into {tmp_path / 'file'}: "), ("file/below", f"{tmp_path / 'file'}"),
        ("half", f"can't prepare into {tmp_path / 'half'}: "),
        ("others", "expected an empty folder or a begun one, got 1.png; choose another --out"),
        (own, "expected an empty folder or a begun one, got "),
        ("begun", "begun with another dataset, 'another' and not 'folder'; choose another --out or remove it"),
    ):
        files = ["folder", "--csv", str(own / "m.csv"), "--root", str(own), "--out", str(tmp_path / out)]
        before = sorted(tmp_path.rglob("*"))
        dry = called("data", "prepare", *files, "--dry-run")
        assert sorted(tmp_path.rglob("*")) == before
        assert "would go to" in dry.stdout
        for refused in (dry, called("data", "prepare", *files, "--jobs", "1")):
            assert isinstance(refused.exception, DataError)
            assert expected in str(refused.exception)


def test_a_folder_is_prepared_where_runs_look_for_it(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path))
    text = run(
        "folder", "--csv", own / "m.csv", "--root", own, "--name", "mine", "--size", 16, "--jobs", 1,
        "--fractions", "0.5,0.1,0.4", "--test-per-class", 3, "--set", "high_percentile=99",
    )
    with (tmp_path / "mine" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 59
    spare = sum(row["role"] == "spare" for row in rows)
    assert f"spare: {spare} of the {spare + 6} images of the test split are not in the test set, and used for" in text
    assert "nothing: it has 3 of each class (--test-per-class)\nwarning: the test set has 6 images, fewer" in text
    assert "diagnosis" in rows[0]
    assert "age" not in rows[0]
    about = json.loads((tmp_path / "mine" / "dataset.json").read_text(encoding="utf-8"))
    assert about["used"]["test"]["scan"] == {"AD": 3, "CN": 3}
    assert about["settings"]["high_percentile"] == 99
    assert about["plan"]["fractions"] == [0.5, 0.1, 0.4]
    assert about["skipped"] == [{"count": 1, "kind": "fault", "rule": "unreadable"}]
    assert str(own) not in (tmp_path / "mine" / "state.json").read_text(encoding="utf-8")
    for word in ("mine: ", about["manifest_sha256"], "unreadable", "skipped.csv", "spare"):
        assert word in text


@pytest.mark.parametrize(
    ("most", "expected"), [((), 1), (("--images-a-subject", 2), 2), (("--images-a-subject", 9), 3)]
)
def test_the_most_images_of_a_subject_hold_without_a_number_a_class(
    own: Path, tmp_path: Path, most: tuple[object, ...], expected: int
) -> None:
    lines = (own / "m.csv").read_text(encoding="utf-8").splitlines()
    thrice = [line.replace(f",person{n},", f",person{n // 3},") for n, line in enumerate(lines[1:])]
    (tmp_path / "m.csv").write_text("\n".join([lines[0], *thrice]) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    run("folder", "--csv", tmp_path / "m.csv", "--root", own, "--name", "mine", "--size", 16, "--jobs", 1, "--out", out,
        "--fractions", "0.5,0.1,0.4", *most)
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        scans = [row["subject"] for row in csv.DictReader(file) if (row["split"], row["role"]) == ("test", "scan")]
    assert max(Counter(scans).values()) == expected


def test_further_columns_are_named_and_what_is_not_known_of_them_is_counted(own: Path, tmp_path: Path) -> None:
    gaps = (own / "m.csv").read_text(encoding="utf-8").replace(",64\n", ",NA\n")
    (own / "gaps.csv").write_text(gaps, encoding="utf-8")
    text = run(
        "folder", "--csv", own / "gaps.csv", "--root", own, "--out", tmp_path / "out", "--size", 16, "--jobs", 1,
        "--attributes", "age",
    )
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["attributes"] == {
        "age": "integer", "diagnosis": "text"
    }
    assert [line.split() for line in text.splitlines() if line.startswith("unknown")] == [["unknown", "age", "1"]]


def test_sizes_of_the_same_images_share_their_split_where_that_is_asked_for(own: Path, tmp_path: Path) -> None:
    def prepared(name: str, *options: object) -> dict[str, tuple[str, str, str]]:
        out = tmp_path / name
        run("folder", "--csv", own / "m.csv", "--root", own, "--name", name, "--out", out, "--jobs", 1, *options)
        with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
            return {row["image_id"]: (row["subject"], row["split"], row["role"]) for row in csv.DictReader(file)}

    def about(name: str) -> str:
        return (tmp_path / name / "dataset.json").read_text(encoding="utf-8")

    plan = ("--test-per-class", 2, "--fractions", "0.5,0.1,0.4")
    first = prepared("films-16", "--size", 16, *plan)
    assert "split_as" not in about("films-16") + (tmp_path / "films-16" / "state.json").read_text(encoding="utf-8")
    assert not first.keys() & prepared("films-24", "--size", 24, *plan).keys()
    assert prepared("films-32", "--size", 32, "--split-as", "films-16", *plan) == first
    assert json.loads(about("films-32"))["plan"]["split_as"] == "films-16"
    assert prepared("films-16", "--size", 16, "--split-as", "films-16", *plan) == first  # its own name changes nothing
    assert "split_as" not in about("films-16")
    with pytest.raises(DataError, match="begun with another split_as, 'films-16' and not None"):
        prepared("films-32", "--size", 32, *plan)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--strict",), DataError, r"^7\.png: .*leave --strict out"),
        (("--fractions", "0.5,0.5"), UsageError, "--fractions: expected three numbers"),
        (("--name", "a/b"), UsageError, "--name: expected a name without"),
        (("--split-as", ""), UsageError, "--split-as: expected a name without"),
        (("--set", "sise=3"), UnknownNameError, r"FolderReader 'sise': did you mean size .*low_percentile = 0.5"),
        (("--size", "4"), UsageError, "^size: expected 8 to 4096, got 4$"),
        (("--set", "size=big"), UsageError, r"--set size: expected an integer, got 'big'"),
        (("--class-attribute", "group"), DataError, "expected a column 'group'"),
        (
            ("--class-attribute", "diag"), DataError,
            "'diag', got 'image', 'subject', 'diagnosis', 'age'; did you mean 'diagnosis'. in the header, call",
        ),
        (("--classes", "CN,ad"), UnknownNameError, r"^unknown class 'ad': did you mean AD\? no row has it in column"),
        (("--test-classes", "CM"), UnknownNameError, r"^unknown class 'CM': did you mean CN\? no image has it;"),
        (("--csv", "."), DataError, "expected a CSV with the columns image, subject and the class, got a folder"),
        (("--test-per-class", "100"), DataError, "test set: expected 100 images of each class"),
    ],
)
def test_a_mistake_is_one_line(
    options: tuple[str, ...], error: type[LdbenchError], message: str, own: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message) as caught:
        run("folder", "--csv", own / "m.csv", "--root", own, "--out", tmp_path / "out", "--jobs", 1, *options)
    assert "\n" not in str(caught.value)


def test_a_class_in_two_spellings_is_counted_whether_classes_are_named_or_not(own: Path, tmp_path: Path) -> None:
    table = (own / "m.csv").read_text(encoding="utf-8").replace(",AD,61\n", ",ad,61\n").replace(",CN,60\n", ",CN,90+\n")
    (tmp_path / "m.csv").write_text(table, encoding="utf-8")
    options = ("folder", "--csv", tmp_path / "m.csv", "--root", own, "--size", 16, "--jobs", 1, "--attributes", "age")
    text = run(*options, "--out", tmp_path / "all")
    assert "warning: values of the column 'diagnosis' differ in case or space alone: 'AD' and 'ad', " in text
    assert "warning: the column 'age' is text and not numbers, as 1 of 59 cells spell no number: '90+'; " in text
    text = run(*options, "--out", tmp_path / "named", "--classes", "CN,AD")
    assert ["skipped", "fault", "class-spelling", "1"] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("name", ["chexpert", "oasis3", "adni1"])
def test_a_root_that_is_none_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone") as caught:
        run(name, "--root", tmp_path / "gone", "--out", tmp_path / "out", "--jobs", 1)
    assert "\n" not in str(caught.value)


def test_a_root_where_most_files_are_missing_is_refused_and_leaves_the_folder_as_it_was(
    own: Path, tmp_path: Path
) -> None:
    files = ("--csv", own / "m.csv", "--size", 16, "--fractions", "0.5,0.1,0.4", "--jobs", 1, "--out", tmp_path / "out")
    run("folder", "--root", own, *files)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    few, none = tmp_path / "few", tmp_path / "none"
    few.mkdir()
    none.mkdir()
    for name in [line.split(",")[0] for line in (own / "m.csv").read_text(encoding="utf-8").splitlines()[1:6]]:
        (few / name).write_bytes((own / name).read_bytes())
    for root, got in ((few, "got 5; the first that is missing: "), (none, "images to use, got none; left out: ")):
        for dry in ([], ["--dry-run"]):
            ended = called("data", "prepare", "folder", "--root", root, *files, *dry)
            assert isinstance(ended.exception, DataError)
            assert got in str(ended.exception)
            assert "by --root" in str(ended.exception)
            assert "\n" not in str(ended.exception)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_nothing_to_train_on_or_to_test_with_is_refused(own: Path, tmp_path: Path) -> None:
    for part, got in (("0.001,0.1,0.899", "got 0 of the train split"), ("0.899,0.1,0.001", "and a test set of 0; ")):
        for dry in ([], ["--dry-run"]):
            ended = called(
                "data", "prepare", "folder", "--csv", own / "m.csv", "--root", own, "--size", 16, "--jobs", 1,
                "--fractions", part, "--out", tmp_path / "out", *dry,
            )
            assert isinstance(ended.exception, DataError)
            assert got in str(ended.exception)
            assert "--fractions; change them, or name a folder with more by --root" in str(ended.exception)
        assert not (tmp_path / "out" / "dataset.json").exists()


def test_settings_inside_a_readers_preprocessing_have_dotted_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean preprocessing\.z"):
        run("oasis3", "--root", tmp_path, "--set", "preprocessing.zz=3")
    with pytest.raises(UsageError, match="square: expected 16 to 1024 mm"):
        run("oasis3", "--root", tmp_path, "--set", "preprocessing.square=3")


def test_a_missing_package_says_what_to_install(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r'^missing package pandas; pip install "ldbench\[clinical\]"$'):
        run("folder", "--csv", own / "m.csv", "--root", own, "--out", tmp_path / "out", "--jobs", 1)


def test_without_prepared_data_one_line_says_which_command_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "nowhere"))
    shown = called("run", "chest-t2i", "sd", "--out", tmp_path / "runs")
    assert isinstance(shown.exception, LdbenchError)
    assert "ldbench data prepare chexpert" in str(shown.exception)


def test_the_readers_are_those_of_the_issue() -> None:
    readers = {entry.name for entry in DATASETS.entries() if DATASETS.load(entry.name).reader}
    assert readers == {"chexpert", "chexpert-findings", "oasis3", "adni1", "folder"}
    assert readers <= set(re.findall(r"[\w-]+", called("data", "prepare", "--help").output))


def test_an_option_of_another_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--attributes: chexpert has no such setting; drop it"):
        run("chexpert", "--root", str(tmp_path), "--attributes", "age")
    with pytest.raises(UsageError, match="--csv: chexpert has no such setting; drop it"):
        run("chexpert", "--root", str(tmp_path), "--csv", "rows.csv")


@pytest.mark.parametrize("options", [["--size", "60"], ["--set", "size=60"]])
def test_a_side_that_no_card_can_have_is_refused_at_once(options: list[str], own: Path, tmp_path: Path) -> None:
    files = ("--csv", own / "m.csv", "--root", own, "--out", tmp_path / "o")
    ended = called("data", "prepare", "folder", *files, *options)
    assert isinstance(ended.exception, UsageError)
    assert str(ended.exception) == (
        "--size: expected a multiple of 8, as protocol.resolution of a card is, got 60; take 56 or 64"
    )
    assert not (tmp_path / "o").exists()


def test_what_a_package_ships_is_not_prepared(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sandbox-brain: it comes with its package"):
        run("sandbox-brain", "--root", str(tmp_path))
