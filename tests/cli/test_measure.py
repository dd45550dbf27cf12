"""The command `ldbench measure`: a table, a file, and an exit code that says whether all was measured."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import Result

from ldbench.errors import ImageError, UnknownNameError, UsageError, WeightsError
from tests.command_line import called
from tests.data.volumes.small_volumes import balls
from tests.score.folders.disc_folders import CLASSES, fill, fill_classes
from tests.score.folders.label_folders import fill_labelled

pytestmark = pytest.mark.slow

OWN = """
import numpy as np
from ldbench.api import Metric

def _compute(inputs, settings):
    return inputs.lazy.generated[:].mean(dim=(1, 2, 3)).double().numpy()

BRIGHTNESS = Metric("brightness", "Brightness", "Mean grey level.", "higher", _compute, "generated images")
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folders")
    for seed, name in enumerate(("real", "generated")):
        fill(root / name, 12, seed)
    return root


def measure(folders: Path, *options: object) -> Result:
    return called("measure", folders / "real", folders / "generated", *options)


def table_of(shown: Result) -> str:
    """What stands above the notes."""
    return shown.stdout.split("\nIn brackets: 95 % intervals.\n")[0]


def test_a_table_and_json_say_the_same(folders: Path) -> None:
    shown = measure(folders, "--metric", "frd")
    assert shown.exit_code == 0
    [line] = table_of(shown).splitlines()
    assert line.split()[:2] == ["frd", "\u2193"]
    assert "n=12" in line
    assert "\nfrd \u2193: radiomics, n = 12 beside 12 real, interval: 95 % delete-a-group" in shown.stdout
    written = json.loads(measure(folders, "--metric", "frd", "--format", "json").stdout)
    [score] = written["scores"]
    assert f"{score['value']:.3g}" in line
    assert score["ci_low"] <= score["value"] <= score["ci_high"]
    assert written["images"]["real"]["folder"] == str(folders / "real")
    assert written["refused"] == {}


def test_files_of_other_formats_are_counted_in_one_line(folders: Path, tmp_path: Path) -> None:
    assert "ignored" not in measure(folders, "--metric", "frd").stderr
    shutil.copytree(folders, tmp_path / "all")
    generated = tmp_path / "all" / "generated"
    (generated / "below").mkdir()
    for name in ("a.bmp", "b.tif", "below/c.bmp", ".hidden"):
        (generated / name).write_bytes(b"")
    shown = measure(tmp_path / "all", "--metric", "frd")
    assert shown.exit_code == 0
    assert f"ignored as not .png, .jpg, .jpeg: 3 in {generated}\n" in shown.stderr
    written = json.loads(measure(tmp_path / "all", "--metric", "frd", "--format", "json").stdout)
    assert [written["images"][name]["ignored"] for name in ("real", "generated")] == [0, 3]


def test_a_folder_beside_itself_and_few_images_are_warned_of(folders: Path, tmp_path: Path) -> None:
    real = str(folders / "real")
    shown = called("measure", real, real, "--metric", "frd")
    assert shown.exit_code == 0
    same, few = (line for line in shown.stderr.splitlines() if line.startswith("warning: "))
    assert same.startswith("warning: 12 of 12 generated images are, pixel by pixel, real images too")
    assert few.startswith("warning: 12 images are few: the value of frd depends on their number")
    fill(tmp_path / "generated", 24, 1)
    for index, file in enumerate(sorted((folders / "real").iterdir())[:3]):
        shutil.copy(file, tmp_path / "generated" / f"renamed-{index}.png")
    copied = called("measure", real, tmp_path / "generated", "--training", real, "--metric", "kid", "--format", "json")
    again = json.loads(copied.stdout)
    assert [note.split(" (")[0] for note in again["notes"]] == [
        "3 of 27 generated images are, pixel by pixel, real images too",
        "3 of 27 generated images are, pixel by pixel, training images too",
        "12 of 12 real images are, pixel by pixel, training images too",
    ]


def test_metrics_stand_by_commas_and_a_capital_is_no_other_name(folders: Path) -> None:
    shown = measure(folders, "--metric", "frd,ms_ssim_diversity")
    assert [line.split()[0] for line in table_of(shown).splitlines()] == ["frd", "ms_ssim_diversity"]
    error = measure(folders, "--metric", "FID").exception
    assert isinstance(error, UnknownNameError)
    assert "'FID': did you mean fid" in str(error)


def test_folders_stand_side_by_side_and_their_differences_below(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders, tmp_path / "all")
    folders = tmp_path / "all"
    other, few = fill(folders / "b", 12, 2), fill(folders / "c", 10, 3)
    shown = measure(folders, other, few, "--metric", "frd,kid")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0].split() == ["generated", "b", "c"]
    assert "\nb less generated, 12 pairs\n" in shown.stdout
    words = " ".join(shown.stdout.split())
    assert "no difference in frd: its value depends on the number of images, 12 and 10; give --images 10." in words
    assert "corrected for 3 differences (Holm)" in words
    assert "Another training of a generator is not counted" in words
    assert "\nc: images: 12 real, 10 generated\n" in shown.stderr
    written = json.loads(measure(folders, other, few, "--metric", "frd,kid", "--format", "json").stdout)
    alone = json.loads(measure(folders, "--metric", "frd,kid", "--format", "json").stdout)
    assert list(alone) == ["ldbench", "scores", "refused", "images", "options", "notes"]
    assert written["folders"][0] == {key: value for key, value in alone.items() if key != "ldbench"}
    assert [(each["metric"], each["folder"]) for each in written["differences"]] == [
        ("frd", str(other)), ("kid", str(other)), ("kid", str(few)),
    ]
    assert [each["metric"] for each in written["without_difference"]] == ["frd"]
    assert written["pairs"] == {str(other): 12, str(few): 10}


def test_folders_in_one_folder_are_seeds_of_a_method(folders: Path, tmp_path: Path) -> None:
    seeds = [fill(tmp_path / name, 12, place) for place, name in enumerate(("a/0", "a/1", "b/0", "b/1"), 2)]
    options = ("--metric", "frd,kid", "--by-method")
    shown = called("measure", folders / "real", *seeds, *options)
    assert shown.exit_code == 0, shown.stderr
    title, head = shown.stdout.splitlines()[:2]
    assert (title, re.split(r"\s{2,}", head.strip())) == ("mean over seeds", ["a, 2 seeds", "b, 2 seeds"])
    assert "\nb less a, 2 and 2 seeds, 12 pairs\n" in shown.stdout
    written = json.loads(called("measure", folders / "real", *seeds, *options, "--format", "json").stdout)
    assert [each["method"] for each in written["methods"]] == [str(tmp_path / name) for name in "ab"]
    values = [[score["value"] for score in each["scores"]] for each in written["folders"]]
    means = [[score["value"] for score in each["scores"]] for each in written["methods"]]
    assert means[0] == pytest.approx([sum(pair) / 2 for pair in zip(*values[:2], strict=True)])
    assert [each["verdict"] for each in written["differences"]] == ["tied", "tied"]
    for form in ("csv", "markdown", "latex", "latex-tabular"):
        assert called("measure", folders / "real", *seeds, *options, "--format", form).exit_code == 0


def test_one_folder_a_method_is_refused_before_an_image_is_read(folders: Path, tmp_path: Path) -> None:
    error = measure(folders, tmp_path / "b" / "none", "--by-method").exception
    assert isinstance(error, UsageError)
    assert str(error).startswith("--by-method: expected the seeds of a method in one folder, as in drift/seed0")
    assert f"got one folder each in {folders}, {tmp_path / 'b'}; put the folders" in str(error)


def test_a_folder_given_twice_or_inside_another_is_one_line(folders: Path) -> None:
    generated = folders / "generated"
    error = measure(folders, generated.parent / "real" / ".." / "generated", "--metric", "frd").exception
    assert isinstance(error, UsageError)
    assert f"expected different folders of generated images, got one twice ({generated}); drop one" in str(error)
    error = measure(folders, folders, "--metric", "frd").exception
    assert isinstance(error, ImageError)
    assert "expected folders apart" in str(error)
    assert "docs/comparing.md" in called("measure", "--help").stdout


def test_what_one_of_several_folders_is_refused_is_said_with_its_name(folders: Path, tmp_path: Path) -> None:
    few = fill(tmp_path / "few", 8, 2)
    shown = measure(folders, few, "--metric", "frd,recall", "--set", "recall:k=8")
    assert shown.exit_code == 2
    assert re.search(r"\nerror: \S*few: recall: expected at least k \+ 2 = 10 images", shown.stderr)
    assert [line.split()[-1] for line in shown.stdout.splitlines() if line.startswith("recall")] == ["-"]
    larger = fill(tmp_path / "larger", 8, 2, side=40)
    error = measure(folders, larger, "--metric", "frd").exception
    assert isinstance(error, ImageError)
    assert f"{larger / 'image-000.png'}" in str(error)
    assert "32 x 32" in str(error)


def test_the_table_of_images_names_the_folder_of_several(folders: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "b", 12, 2)
    shown = measure(folders, other, "--metric", "psnr", "--paired", "--per-image", tmp_path / "images.csv")
    assert shown.exit_code == 0, shown.output
    header, *lines = (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()
    assert header == "folder,image,psnr,nearest_real,distance_to_real"
    assert [line.split(",")[0] for line in lines] == [str(folders / "generated")] * 12 + [str(other)] * 12


def test_the_numbers_of_images_are_said(folders: Path) -> None:
    assert "images: 12 real, 12 generated\n" in measure(folders, "--metric", "frd").stderr
    drawn = measure(folders, "--metric", "frd", "--images", 5, "--training", folders / "generated")
    assert "images: 5 of 12 real, 5 of 12 generated, 12 training\n" in drawn.stderr


def test_copies_are_said_below_the_table(folders: Path) -> None:
    shown = measure(
        folders, "--metric", "copied_share", "--set", "copied_share:resize=32", "--training", folders / "generated"
    )
    assert "Some generated images are copies of training images" in shown.stdout


def test_what_is_refused_is_an_error_beside_what_was_measured(folders: Path) -> None:
    shown = measure(folders, "--metric", "frd", "--metric", "coverage", "--set", "coverage:k=12")
    assert shown.exit_code == 2
    assert shown.stdout.startswith("frd")
    assert "\nerror: coverage: expected at least k + 2 = 14 images" in shown.stderr


@pytest.mark.parametrize("network", ["inception-v3", "radimagenet-resnet50"])
def test_missing_weights_are_one_line_before_images_are_read(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("LDBENCH_ALLOW_DOWNLOAD", raising=False)
    error = measure(tmp_path, "--network", network).exception  # no folders there: they are not looked at
    assert isinstance(error, WeightsError)
    assert error.exit_code == 2
    assert str(error).startswith(f"--network {network}: ")


STEPPED = OWN.replace("import numpy as np", """
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    step: int = 1
""").replace('"generated images")', '"generated images", settings=Settings)')


@pytest.mark.parametrize("asked_by", ["{file}:BRIGHTNESS", "brightness"])
def test_a_setting_of_an_own_metric_is_given_by_file_or_by_name(asked_by: str, folders: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STEPPED)
    file = tmp_path / "mine.py"
    options = ("--metric", f"{file}:BRIGHTNESS", "--format", "json")
    shown = measure(folders, *options, "--set", f"{asked_by.format(file=file)}:step=2")
    [score] = json.loads(shown.stdout)["scores"]
    assert (score["metric"], score["parameters"]["step"]) == ("brightness", 2)
    both = measure(folders, *options, "--set", f"{file}:BRIGHTNESS:step=2", "--set", "brightness:step=3").exception
    assert isinstance(both, UsageError)
    assert str(both) == "--set brightness:step: expected one value, got two; drop one of them"


def test_an_own_metric_may_not_bear_the_name_of_another_one(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace('"brightness"', '"frd"'))
    mine = f"{tmp_path / 'mine.py'}:BRIGHTNESS"
    for order in (("frd", mine), (mine, "frd")):
        error = measure(folders, *(text for name in order for text in ("--metric", name))).exception
        assert isinstance(error, UsageError)
        assert str(error) == (
            f"--metric {order[1]}: expected another name than that of {order[0]}, got 'frd' too; rename {mine}"
        )


def test_a_score_of_an_own_metric_says_which_code_it_is_of(folders: Path, tmp_path: Path) -> None:
    def code() -> str:
        shown = measure(folders, "--metric", f"{tmp_path / 'mine.py'}:BRIGHTNESS,frd", "--format", "json")
        own, built_in = (score["parameters"] for score in json.loads(shown.stdout)["scores"])
        assert not any(key.startswith("metric_") for key in built_in)
        return str(own["metric_code"])

    (tmp_path / "mine.py").write_text(OWN)
    first = code()
    assert re.fullmatch("sha256:[0-9a-f]{16}", first)
    (tmp_path / "mine.py").write_text(OWN.replace(".mean(dim=(1, 2, 3))", ".amax(dim=(1, 2, 3))"))
    assert code() != first
    (tmp_path / "mine.py").write_text(OWN)
    assert code() == first


@pytest.mark.parametrize("text", ["k=3", ":k=3", "coverage:=3"])
def test_a_setting_names_its_metric(text: str, folders: Path) -> None:
    error = measure(folders, "--metric", "coverage", "--set", text).exception
    assert isinstance(error, UsageError)
    assert "expected METRIC:key=value" in str(error)


@pytest.mark.parametrize(
    ("option", "value"),
    [("side", 4), ("blur", -1), ("noise", 1), ("noise", float("nan")), ("blur", float("inf")), ("seed", -1)],
)
def test_an_option_out_of_range_is_the_same_line_as_from_python(option: str, value: float, folders: Path) -> None:
    error = measure(folders, "--metric", "frd", f"--{option}", value).exception
    assert isinstance(error, UsageError)
    assert str(error).startswith(f"--{option}: expected ")


def test_subjects_are_counted_in_one_line(folders: Path, tmp_path: Path) -> None:
    shown = measure(folders, "--metric", "frd", "--subject-pattern", "image-0[0-9]")
    assert "subjects: 2 in 12 real images, 2 in 12 generated images\n" in shown.stderr
    table = tmp_path / "table.csv"
    table.write_text("image,subject\nimage-000.png,P\n", encoding="utf-8")
    error = measure(folders, "--metric", "frd", "--subjects", table).exception
    assert "expected a subject of each of the real images" in str(error)
    error = measure(folders, "--metric", "frd", "--subjects", table, "--subject-pattern", "x").exception
    assert "expected one way to know subjects, got --subjects too" in str(error)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill_classes(tmp_path / name, 6, seed)
    options = ("--classes", "folders", "--set", "auc:epochs=1", "--set", "auc:width=8", "--metric", "frd,auc")
    shown = measure(
        tmp_path, *options, "--by-class", "--per-image", tmp_path / "images.csv", "--network", "radiomics"
    )
    assert shown.exit_code == 0
    whole, by_class = table_of(shown).split("by class\n")
    said = "n = 12 beside 12 real, epochs=1, width=8, interval: 95 % DeLong over test cases"
    assert said in " ".join(shown.stdout.split())
    assert [line.split()[0] for line in whole.split("\n\n")[0].splitlines()] == ["frd", "auc"]
    header, _, row, lacking = by_class.splitlines()
    assert lacking == "No values of one class, which need several or more images: auc."
    assert (header.split(), row.split()[:2]) == ([*CLASSES], ["frd", "\u2193"])
    assert "\nclasses: bright 6, dark 6 (real); bright 6, dark 6 (generated)\n" in shown.stderr
    rows = (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("image,class,nearest_real,")
    assert [line.split(",")[1] for line in rows[1:]] == ["bright"] * 6 + ["dark"] * 6
    unasked = measure(tmp_path, "--classes", "folders", "--metric", "frd").stderr
    assert "--metric" not in unasked
    written = json.loads(measure(tmp_path, *options, "--format", "json").stdout)
    assert written["classes"] == {name: dict.fromkeys(CLASSES, 6) for name in ("real", "generated")}
    assert {written["options"][f"auc:{key}"] for key in ("epochs", "spread_seeds", "shift")} == {1, 3}
    error = measure(tmp_path, "--classes", tmp_path / "none.csv").exception
    assert isinstance(error, UsageError)


def test_volumes_are_measured_by_planes_and_how_they_were_cut_is_said(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        balls(tmp_path / name, seed)
    (tmp_path / "real" / "image.png").touch()
    error = measure(tmp_path, "--metric", "frd").exception
    assert isinstance(error, ImageError)
    (tmp_path / "real" / "image.png").unlink()
    error = measure(tmp_path, "--metric", "frd").exception
    assert str(error).endswith("got 6 NIfTI volumes; --volumes axial cuts volumes into slices")
    (tmp_path / "real" / "image.png").touch()
    options = ("--volumes", "axial,sagittal", "--slices", "3:30-70", "--window", "-10,255", "--metric", "frd")
    shown = measure(tmp_path, *options, "--per-image", tmp_path / "images.csv")
    assert shown.exit_code == 0
    header, _, row = table_of(shown).splitlines()
    assert (header.split(), row.split()[0]) == (["mean", "axial", "sagittal"], "frd")
    for line in (
        "volumes: 6 real, 6 generated", f"ignored as not .nii.gz, .nii: 1 in {tmp_path / 'real'}",
        "slices of each volume: 3 axial, 3 sagittal, from 30-70 % of its extent; black and white: -10 and 255",
        "subjects: 6 in 6 real volumes, 6 in 6 generated volumes",
    ):
        assert f"\n{line}\n" in shown.stderr
    rows = (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("image,volume,plane,slice,nearest_real,")
    assert rows[1].startswith("sub-0/axial-01,sub-0,axial,4,sub-")
    written = json.loads(measure(tmp_path, *options, "--format", "json").stdout)
    assert {name: written["options"][name] for name in ("volumes", "slices", "window")} == {
        "volumes": "axial,sagittal", "slices": "3:30-70", "window": "-10,255",
    }
    values = [of_plane["value"] for [of_plane] in written["by_plane"].values()]
    assert written["scores"][0]["value"] == pytest.approx(sum(values) / 2)
    alone = measure(tmp_path, "--volumes", "axial", *options[2:])
    assert alone.stdout.split()[0] == "frd"


def test_tables_say_labels(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill_labelled(tmp_path / name, 12, seed)
    tables = [text for name in ("real", "generated") for text in ("--labels", f"{name}={tmp_path / name}.csv")]
    quick = (f"--set=labels_auc:{each}" for each in ("epochs=1", "width=8", "spread_seeds=1", "fewest=3"))
    options = ("--metric", "frd,labels_auc", "--by-label", *quick)
    shown = measure(tmp_path, *tables, *options)
    assert shown.exit_code == 0, shown.stderr
    whole, by_label = table_of(shown).split("by label\n")
    assert [line.split()[0] for line in whole.splitlines() if line] == ["frd", "labels_auc"]
    header, _, *rows = by_label.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == ["disc (6 real, 6 generated)", "bar (6 real, 6 generated)"]
    assert [row.split()[0] for row in rows] == ["frd", "labels_auc"]
    assert "\nlabels: disc 6 of 12, bar 6 of 12 (real); disc 6 of 12, bar 6 of 12 (generated)\n" in shown.stderr
    lines = measure(tmp_path, *tables, *options, "--format", "csv").stdout.splitlines()
    assert [line.split(",")[1:3] for line in lines] == [
        ["label", "metric"], *([label, metric] for label in ("", "disc", "bar") for metric in ("frd", "labels_auc")),
    ]
    chosen = measure(tmp_path, *tables, "--label", "bar", "--metric", "frd", "--format", "json")
    counts = {"bar": {"with": 6, "known": 12}}
    assert json.loads(chosen.stdout)["labels"] == {"real": counts, "generated": counts}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--labels", "a.csv", "--labels", "b.csv"), "--labels: expected one table, or one a set, as real=TABLE and"),
        (("--labels", "real=a.csv", "--labels", "real=b.csv"), "got real=a.csv, real=b.csv; name the set of each"),
        (("--labels", "a.csv"), "--labels a.csv: expected a CSV table, got no file of this name; correct it"),
        (("--labels", "a.csv", "--classes", "folders"), "--labels: expected one class an image or several labels, got"),
        (("--label", "bar"), "--label: expected tables that have these labels, got none; add --labels"),
        (("--by-label",), "--by-label: expected labels of the images, got none; add --labels"),
    ],
)
def test_options_of_labels_that_say_nothing_are_one_line(
    options: tuple[str, ...], said: str, folders: Path
) -> None:
    error = measure(folders, "--metric", "frd", *options).exception
    assert isinstance(error, UsageError)
    assert said in str(error)
