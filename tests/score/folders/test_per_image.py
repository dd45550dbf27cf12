"""A line for each generated image: its values, and the images that are nearest to it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ldbench.api import Measured
from ldbench.data.image_folder import read_folder
from ldbench.errors import ResultError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.per_image import check_file, values_of_images
from ldbench.score.folders.scores import FolderScores
from ldbench.score.image_sets import StoredSet
from ldbench.score.metrics.intervals import of_mean
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.ssim import ssim_values
from ldbench.score.networks.features import extract
from tests.score.folders.disc_folders import CONTEXT, SIDE, fill, measure_alone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("folders")
    real, generated, training = (fill(root / name, 12, seed) for seed, name in enumerate(("real", "made", "training")))
    return Folders(real, generated, training, paired=True)


def measured(folders: Folders, path: Path, *metrics: str) -> tuple[FolderScores, list[dict[str, str]]]:
    small = {name: {"resize": str(SIDE)} for name in metrics if name not in ("ssim", "frd")}
    found = measure_alone(folders, CONTEXT, metrics, settings=small, per_image=path)
    with path.open(encoding="utf-8", newline="") as file:
        return found, list(csv.DictReader(file))


def images(folder: object) -> StoredSet:
    found = read_folder(Path(str(folder)), None, SIDE)
    return StoredSet(found, list(found))


def test_values_and_neighbours_are_those_of_each_image(folders: Folders, tmp_path: Path) -> None:
    found, rows = measured(folders, tmp_path / "images.csv", "coverage", "ssim", "authpct")
    real, generated, training = (images(each) for each in folders.places.values())
    assert [row["image"] for row in rows] == list(generated.ids)
    assert list(rows[0]) == [
        "image", "ssim", "authpct", "nearest_real", "distance_to_real", "nearest_training", "distance_to_training",
    ]
    values = np.array([float(row["ssim"]) for row in rows])
    assert values == pytest.approx(np.asarray(ssim_values(generated, real)), rel=1e-9)
    assert values.mean() == pytest.approx(found.values["ssim"])
    assert {row["authpct"] for row in rows} <= {"0.0", "100.0"}
    of_images = extract(generated, "efficientnet-lite0", resize=SIDE)
    for name, others in (("real", real), ("training", training)):
        features = extract(others, "efficientnet-lite0", resize=SIDE)
        distances = np.linalg.norm(of_images[:, None] - features[None], axis=2)
        assert [row[f"nearest_{name}"] for row in rows] == [others.ids[place] for place in distances.argmin(1)]
        assert [float(row[f"distance_to_{name}"]) for row in rows] == pytest.approx(distances.min(1), rel=1e-4)


def test_a_table_has_neighbours_alone_where_no_metric_is_a_mean(folders: Folders, tmp_path: Path) -> None:
    plain = Folders(folders.real, folders.generated)
    _, rows = measured(plain, tmp_path / "images.csv", "frd")
    assert list(rows[0]) == ["image", "nearest_real", "distance_to_real"]


@pytest.mark.parametrize("values", [[0.0, 0.0, 1.0], [0.0, 0.0], [1e-9, 3e-9, 2e-9], [31.25, 28.1, 100.0]])
def test_values_come_back_from_contributions(values: list[float]) -> None:
    metric = METRICS.load("ssim")
    score = mean_score("ssim", np.array(values), "higher", {})
    assert values_of_images(metric, score).tolist() == values  # type: ignore[union-attr]


def test_what_is_no_mean_over_images_has_no_values() -> None:
    parts = of_mean(np.arange(3.0))
    score = Measured("x", 1, 0, 2, 3, "higher", contributions={"cases": parts, "scans": parts})
    assert values_of_images(METRICS.load("ssim"), score) is None
    assert values_of_images(METRICS.load("vendi"), mean_score("vendi", np.arange(3.0), "higher", {})) is None


def test_a_folder_is_no_table_and_refused_before_anything_is_measured(folders: Folders, tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_text("name,score\n", encoding="utf-8")
    with pytest.raises(ResultError, match=rf"{table}: expected a file of `ldbench measure` or none, .* --per-image$"):
        measure_alone(folders, CONTEXT, ["ssim"], per_image=table)
    assert table.read_text(encoding="utf-8") == "name,score\n"
    with pytest.raises(UsageError, match=r"--per-image .*: expected the path of a file, got a folder"):
        measure_alone(Folders(tmp_path / "nowhere", folders.generated), CONTEXT, ["frd"], per_image=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--per-image .*: can't write it: "):
        measure_alone(folders, CONTEXT, ["ssim"], per_image=tmp_path / "file" / "images.csv")


@pytest.mark.parametrize(
    ("header", "is_ours"),
    [
        ("image,ssim,nearest_real,distance_to_real", True), ("folder,image,distance_to_training", True),
        ("image,edema,effusion", False), ("image", False), ("folder,image,edema", False), ("image,subject", False),
        ("image,nearest_real,distance_to_real,my notes", False), ('image,"a', False), ("\0", False),
    ],
)  # fmt: skip
def test_a_table_of_the_users_own_is_refused_though_it_begins_with_the_image(
    header: str, is_ours: bool, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(f"{header}\nx,1\n", encoding="utf-8")
    if is_ours:
        check_file(table, None, "folders")
    else:
        with pytest.raises(ResultError, match=r"expected a file of `ldbench measure` or none, got another"):
            check_file(table, None, "folders")
    (tmp_path / "link.csv").symlink_to(table)
    for said_by in (table, Labelled(table), Labelled({"real": table, "generated": {"edema": [1, 0]}})):
        with pytest.raises(ResultError, match=r"got one that `ldbench measure` reads"):
            check_file(tmp_path / "link.csv", None, said_by)
    assert table.read_text(encoding="utf-8").startswith(header)
