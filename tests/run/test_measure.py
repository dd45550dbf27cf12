"""`measure` from Python: paths as texts or paths, arrays and tensors, and the answer of the command."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ldbench.api import ImageSet
from ldbench.data.images import write_image
from ldbench.errors import ImageError, LdbenchError, MetricError, UsageError, WeightsError
from ldbench.run.measure import measure, measure_each
from ldbench.run.reference import save_reference
from ldbench.score.networks import features
from ldbench.score.networks.features import extract
from ldbench.testing.surroundings import states
from tests.markdown_blocks import ROOT, blocks
from tests.score.folders.disc_folders import fill, fill_classes
from tests.score.folders.label_folders import LABELS, fill_labelled, shown

pytestmark = pytest.mark.slow

RESIZED = {"fid": {"resize": "48"}, "vendi": {"resize": "48"}}  # from 32 pixels; 224 would cost twenty times as much


def test_folders_are_measured_by_their_paths(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 12, seed)
    found = measure(str(tmp_path / "real"), tmp_path / "generated", metrics=["frd"], blur=1.0)
    [score] = found.scores
    assert (score.metric, score.parameters["viewing_blur"], score.parameters["viewing_noise"]) == ("frd", 1.0, 0.0)
    assert found.refused == {}
    with pytest.raises(UsageError, match=r"^device: expected auto"):
        measure(tmp_path / "real", tmp_path / "generated", metrics=["frd"], device="none")


def test_a_metric_that_was_named_and_is_refused_raises_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "empty"))
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 12, seed)
    with pytest.raises(MetricError, match="expected at least k"):
        measure(
            tmp_path / "real", tmp_path / "generated", metrics=["frd", "coverage"], settings={"coverage": {"k": "12"}}
        )
    with pytest.raises(WeightsError):
        measure(tmp_path / "real", tmp_path / "generated", metrics=["fid"], network="radimagenet-resnet50")


def test_numbers_of_numpy_are_taken_as_pythons_own() -> None:
    real, generated = (
        torch.rand((14, 1, 32, 32), generator=torch.Generator().manual_seed(seed)) for seed in range(2)
    )
    own = measure(real, generated, metrics=["frd"], seed=1, side=24, blur=0.5, images=12)
    found = measure(
        real, generated, metrics=np.array(["frd"]), seed=np.int64(1), side=np.int64(24), blur=np.float32(0.5),
        images=np.int16(12),
    )
    assert (found.scores, repr(found.options)) == (own.scores, repr(own.options))


def test_each_of_several_sets_has_the_scores_that_it_has_alone_and_real_features_are_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [torch.rand((12, 1, 32, 32), generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    real, first, second, training = sets
    metrics = ["fid", "viewed_fid", "frd", "authpct"]
    small = {name: {"resize": "32"} for name in metrics if name != "frd"}
    alone = [
        measure(real, each, training=training, metrics=metrics, settings=small, noise=0.01)
        for each in (first, second)
    ]
    monkeypatch.setattr("ldbench.run.measure.user_cache_folder", lambda: tmp_path)
    seen: list[tuple[str, int | None, int]] = []

    def extracted(images: ImageSet, network: str, **options: Any) -> Any:
        found = extract(images, network, **options)
        seen.append((network, options["resize"], int(1000 * images[:].double().sum())))
        return found

    monkeypatch.setattr(features, "extract", extracted)
    found = measure_each(real, [first, second], training=training, metrics=metrics, settings=small, noise=0.01)
    assert [each.scores for each in found] == [each.scores for each in alone]
    assert len(seen) == len(set(seen))
    assert {each.images["generated"]["folder"] for each in found} == {
        f"{name} images in an array (12, 1, 32, 32) float32" for name in ("generated", "generated 2")
    }


@pytest.mark.parametrize("generated", ["a", [], torch.zeros(3, 1, 32, 32)])
def test_several_sets_are_a_list(generated: Any) -> None:
    with pytest.raises(UsageError, match="expected a list of one or more sets of images, got "):
        measure_each("real", generated)


def test_classes_of_arrays_and_folders_are_said_by_set(tmp_path: Path) -> None:
    fill_classes(tmp_path / "real", 6, 0)
    fill_classes(tmp_path / "generated", 6, 1)
    files = sorted((tmp_path / "generated").rglob("*.png"))
    images = np.stack([np.asarray(Image.open(file)) for file in files])[:, None]
    labels = [file.parent.name for file in files]
    small = {"intra_fid": {"resize": "32"}}
    by_folders, by_set = (
        measure(tmp_path / "real", generated, metrics=["intra_fid"], settings=small, classes=classes, by_class=True)
        for generated, classes in (
            (tmp_path / "generated", "folders"), (images, {"real": "folders", "generated": labels}),
        )
    )
    assert by_set.scores == by_folders.scores
    assert by_set.by_class == by_folders.by_class
    assert [score.metric for score in by_set.by_class["dark"]] == ["intra_fid"]
    with pytest.raises(UsageError, match=r"none\.csv"):
        measure(tmp_path / "real", images, classes=str(tmp_path / "none.csv"))


def test_labels_of_arrays_and_folders_are_said_by_set(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill_labelled(tmp_path / name, 12, seed)
    images = np.stack([np.asarray(Image.open(file)) for file in sorted((tmp_path / "generated").iterdir())])[:, None]
    columns = {label: np.array(values) for label, values in zip(LABELS, zip(*shown(12), strict=True), strict=True)}
    tables = {name: str(tmp_path / f"{name}.csv") for name in ("real", "generated")}
    by_tables, by_set = (
        measure(
            tmp_path / "real", generated, metrics=["kid"], settings={"kid": {"resize": "32"}}, labels=labels,
            label_names=["bar"], by_label=True,
        )
        for generated, labels in (
            (tmp_path / "generated", tables), (images, {"real": tables["real"], "generated": columns}),
        )
    )
    assert by_set.by_label == by_tables.by_label
    assert [score.metric for score in by_set.by_label["bar"]] == ["kid"]
    for wrong, said in (
        ({"label_names": ["bar"]}, "^label_names: expected tables that have these labels, got none; add labels="),
        ({"by_label": True}, "^by_label: expected labels of the images, got none; add labels="),
        ({"labels": ["a.csv"]}, r"^labels: expected a CSV table, or by set a table or the labels of its images, such"),
        ({"labels": {"real": {"bar": ["yes"]}}}, r"^labels: expected a CSV table, or by set .* of a DataFrame give df"),
        ({"labels": tables, "label_names": "nodule"}, "expected a column 'nodule', got 'image', 'disc', 'bar'"),
    ):
        with pytest.raises(LdbenchError, match=said):
            measure(tmp_path / "real", images, **wrong)  # type: ignore[arg-type]


def _process() -> list[object]:
    return [
        states(), torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision(),
        dict(os.environ),
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tensor_is_measured_as_its_images_in_files(channels: int, tmp_path: Path) -> None:
    fill(tmp_path / "real", 24, 0)
    images = torch.rand((24, channels, 32, 32), generator=torch.Generator().manual_seed(1))
    (tmp_path / "generated").mkdir()
    for index, image in enumerate(images):
        write_image(image.expand(3, -1, -1), tmp_path / "generated" / f"{index:06}.png")
    metrics = ["fid", "frd", "coverage"]
    found = measure(tmp_path / "real", images.requires_grad_(), metrics=metrics)
    of_files = measure(tmp_path / "real", tmp_path / "generated", metrics=metrics)
    assert (found.scores, found.notes) == (of_files.scores, of_files.notes)
    assert found.images["generated"]["sha256"] == of_files.images["generated"]["sha256"]
    assert found.images["generated"]["folder"] == f"generated images in an array (24, {channels}, 32, 32) float32"
    assert found.values == {score.metric: score.value for score in found.scores}


def test_what_is_no_image_is_one_line(tmp_path: Path) -> None:
    fill(tmp_path / "real", 3, 0)
    with pytest.raises(ImageError, match="generated images: expected a folder, or an array or tensor"):
        measure(tmp_path / "real", [1, 2], metrics=["frd"])
    with pytest.raises(ImageError, match=r"array \(3, 1, 16, 16\) float32, 000000: expected 32 x 32 pixels"):
        measure(tmp_path / "real", torch.zeros(3, 1, 16, 16), metrics=["frd"])


def test_random_states_threads_and_flags_are_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "empty"))
    sets = [torch.rand((12, 1, 64, 64), generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    before = _process()
    of_lpips = {"lpips": {"extractor": "stlpips-alex"}}
    found = measure(sets[0], sets[1], training=sets[2], paired=True, noise=0.01, settings=of_lpips)
    assert _process() == before
    assert found.refused.keys() <= {"fld", "lpips"}, found.refused
    assert {"fid", "viewed_fid", "copied_share", "vendi"} <= found.values.keys()


def test_the_page_measures_in_a_training_loop_and_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "real", 24, 0)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/guides/folders.md").read_text(encoding="utf-8")
    section = page.split("## In a training loop\n")[1].split("\n## ")[0]
    (tmp_path / "section.md").write_text(section, encoding="utf-8")
    logged: dict[str, float] = {}
    given: dict[str, Any] = {
        "images": torch.rand((24, 1, 32, 32), generator=torch.Generator().manual_seed(1)), "step": 7,
        "steps": [7] * 9, "samples_of": lambda _: given["images"],
        "accelerator": SimpleNamespace(gather=lambda images: images, is_main_process=True, wait_for_everyone=int),
        "wandb": SimpleNamespace(log=lambda values, step: logged.update(values)),
        "writer": SimpleNamespace(add_scalar=lambda name, value, step: logged.update({f"{name}@{step}": value})),
    }
    for block in blocks(tmp_path / "section.md"):
        exec(block.text, given)
    assert logged.keys() == {"ldbench/kid", "ldbench/coverage", "ldbench/kid@7", "ldbench/coverage@7"}
    assert given["waited"] == 5  # equal images are never better


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A folder with those of real and generated images, and what they score where nothing is set."""
    folder = tmp_path_factory.mktemp("discs")
    for seed, (name, count) in enumerate({"real": 200, "generated": 24}.items()):
        fill(folder / name, count, seed)
    return folder, measure(folder / "real", folder / "generated", metrics=["fid", "vendi"], settings=RESIZED).values


@pytest.mark.parametrize("setting", ["float64", "meta", "inference", "no_grad"])
def test_settings_of_torch_change_no_value(
    setting: str, discs: tuple[Path, dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plain = discs
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "other"))
    mode = {"inference": torch.inference_mode, "no_grad": torch.no_grad}.get(setting, nullcontext)
    with mode():
        torch.set_default_dtype(torch.float64 if setting == "float64" else torch.float32)
        torch.set_default_device("meta" if setting == "meta" else None)
        try:
            asked: dict[str, Any] = {"metrics": ["fid", "vendi"], "settings": RESIZED}
            assert measure(folder / "real", folder / "generated", **asked).values == plain
            of_fid = {"fid": RESIZED["fid"]}
            save_reference(folder / "real", tmp_path / "real.safetensors", metrics=["fid"], settings=of_fid)
            beside = measure(tmp_path / "real.safetensors", folder / "generated", metrics=["fid"])
            assert beside.values["fid"] == plain["fid"]
        finally:
            torch.set_default_dtype(torch.float32)
            torch.set_default_device(None)
