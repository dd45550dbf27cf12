"""The clinical cards on stand-ins in the owners' formats: prepared by the command, then run, in small.

What is smaller than on the real thing: the images, the cases, and the backbone, a random Stable Diffusion folder given
by path. Inception-v3, shallow, and LPIPS's AlexNet are networks in the published files' formats, given by path; their
numbers are random, and the small cards name them by their digests.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

from ldbench.data.task_data import task_data
from ldbench.errors import LdbenchError, WeightsError
from ldbench.task import card
from tests.command_line import called, said

from .made_once import MadeOnce
from .stand_ins.adni1 import write_adni1
from .stand_ins.backbone import save_random_backbone
from .stand_ins.chexpert import write_chexpert
from .stand_ins.clinical_card import write_small_card
from .stand_ins.networks import torchscript, write_alexnet, write_shallow_inception
from .stand_ins.oasis3 import write_oasis3

pytestmark = pytest.mark.slow

OWNERS_IDS = ("OAS3", "patient0", "_S_0", "_S_1")
SMALL = ("--size", "64", "--jobs", "1", "--fractions", "0.4,0.1,0.5")


@pytest.fixture(scope="module")
def prepared(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the three prepared data sets, as LDBENCH_DATA names it."""

    def prepare(data: Path) -> None:
        root = tmp_path_factory.mktemp("owners")
        sources = {
            "oasis3": write_oasis3(root / "oasis3", 30, voxel=6.0), "adni1": write_adni1(root / "adni1", 24, voxel=6.0),
            "chexpert": write_chexpert(root / "chexpert", 160),
        }
        for name, folder in sources.items():
            out, test = str(data / name), "3" if name == "chexpert" else "2"
            said("data", "prepare", name, "--root", str(folder), "--out", out, "--test-per-class", test, *SMALL)
        command = ("data", "prepare", "chexpert-findings", "--root", str(sources["chexpert"]))
        said(*command, "--out", str(data / "chexpert-findings"), "--test-per-class", "10", *SMALL)

    return made_once.folder("prepared", prepare)


@pytest.fixture(scope="module")
def networks(made_once: MadeOnce) -> dict[str, Path]:
    """Weight files where a user would have them, by the name that cards call the network by, and `backbone`."""
    writers = {"inception-v3": write_shallow_inception, "lpips-alex": write_alexnet, "backbone": save_random_backbone}

    def write(folder: Path) -> None:
        for name, writer in writers.items():
            writer(folder / name)

    folder = made_once.folder("clinical-networks", write)
    return {name: folder / name for name in writers}


@pytest.fixture(autouse=True)
def _own_data(prepared: Path, networks: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(prepared))
    monkeypatch.setenv("LDBENCH_WEIGHTS_INCEPTION_V3", str(networks["inception-v3"]))
    monkeypatch.setenv("LDBENCH_WEIGHTS_LPIPS_ALEX", str(networks["lpips-alex"]))


def small(base: str, folder: Path, networks: dict[str, Path]) -> Path:
    """A clinical card in small: as the installed one but for sizes, backbone and the digests of its networks.

    It keeps every metric but two of `chest-disease`: of twelve edits too few go into each of three findings.
    """
    path = write_small_card(base, folder, networks, side=64, cases=CASES.get(base, 4))
    if base == "chest-disease":
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"\[metrics.(target_auc|intra_fid)\]\n[^[]*", "", text), encoding="utf-8")
    return path


def extractors(path: Path) -> set[str]:
    """The networks that a card names."""
    specs = card.load(str(path)).metrics.values()
    return {spec.extractor for spec in specs if getattr(spec, "extractor", None)}


BRAINS = ("brain-t2i", "brain-aging", "brain-disease")
CHESTS = ("chest-t2i", "chest-findings-t2i", "chest-disease")
# intra_fid takes three images of a class, the neighbours of coverage take seven in all
CASES = {"brain-t2i": 8, "brain-disease": 8, "chest-t2i": 12, "chest-findings-t2i": 12, "chest-disease": 12}


@pytest.mark.parametrize("base", [*BRAINS, *CHESTS])
def test_a_clinical_card_hands_out_what_was_prepared(base: str, networks: dict[str, Path], tmp_path: Path) -> None:
    data = task_data(card.load(str(small(base, tmp_path, networks))), 0)
    assert len(data.cases) == CASES.get(base, 4)
    splits = {record.id: record.split for record in data.dataset.records}
    assert all(splits[data.train[index].id] == "train" for index in range(len(data.train)))
    for case in data.cases:
        assert splits[case.id] == ("train" if base.endswith("t2i") else "test")
        assert (case.source is None) == base.endswith("t2i")
    assert (data.truth is None) == (base != "brain-aging")
    assert data.split_hash() != task_data(card.load("sandbox-brain-t2i"), 0).split_hash()


def test_films_of_several_findings_share_the_split_of_the_others_and_prompts_name_all(
    prepared: Path, networks: dict[str, Path], tmp_path: Path
) -> None:
    data = task_data(card.load(str(small("chest-findings-t2i", tmp_path, networks))), 0)
    plain = task_data(card.load(str(small("chest-t2i", tmp_path, networks))), 0)
    splits = [{record.subject: record.split for record in one.dataset.records} for one in (data, plain)]
    shared = splits[0].keys() & splits[1].keys()
    assert len(shared) > 20
    assert all(splits[0][subject] == splits[1][subject] for subject in shared)
    assert Counter(case.attributes["finding"] for case in data.cases) == {"finding": 6, "no finding": 6}
    for case in data.cases:
        assert f" with {case.attributes['findings']}" in case.prompt
        assert (case.attributes["no_finding"] == 1) == (case.attributes["finding"] == "no finding")
    assert any(" and " in case.prompt for case in data.cases)


SHIPPED = {None, "resnet18", "radiomics", "stlpips-alex"}
SAMPLED = {"sampling_steps": "2"}
FITTED = {**SAMPLED, "steps": "2", "batch_size": "2"}


@torchscript
@pytest.mark.parametrize(
    ("base", "model", "settings"),
    [
        ("brain-t2i", "basic-ft-ld", FITTED), ("brain-aging", "instruct-pix2pix-ld", FITTED),
        ("brain-disease", "pix2pix-zero-ld", {"start": "sd", **SAMPLED}), ("chest-t2i", "sd-ld", SAMPLED),
        ("chest-findings-t2i", "mean-image", {}), ("chest-disease", "sdedit", {"start": "sd", **SAMPLED}),
    ],
)
def test_a_clinical_card_runs_from_prepared_data_to_a_result(
    base: str, model: str, settings: dict[str, str], networks: dict[str, Path], tmp_path: Path
) -> None:
    path, out = small(base, tmp_path, networks), tmp_path / "runs"
    backbone = {"backbone": str(networks["backbone"])} if settings else {}
    chosen = [f"{key}={value}" for key, value in {**backbone, **settings}.items()]
    command = ["run", str(path), model, "--out", str(out), *(part for each in chosen for part in ("--set", each))]
    assert "missing: nothing" in said(*command, "--dry-run")
    said(*command)
    (result,) = out.rglob("result.json")
    record = json.loads(result.read_text(encoding="utf-8"))
    wanted = list(card.load(str(path)).metrics)
    assert [score["metric"] for score in record["scores"]] == wanted
    assert record["split_hash"] == task_data(card.load(str(path)), 0).split_hash()
    named = {score["extractor"] for score in record["scores"]} - SHIPPED
    assert named == {each for each in extractors(path) if "@sha256:" in each}  # never under the published name
    text = result.read_text(encoding="utf-8")
    assert not any(owner in text for owner in OWNERS_IDS)


@torchscript
def test_the_gauntlet_runs_on_a_clinical_card_and_under_viewing_conditions_of_ones_own(
    networks: dict[str, Path], tmp_path: Path
) -> None:
    path = small("chest-t2i", tmp_path, networks)
    (network,) = extractors(path)
    seen = f'\n[viewing]\nblur = 1.0\nnoise = 0.02\nreason = "tried"\n\n[metrics.viewed_fid]\nextractor = "{network}"\n'
    path.write_text(path.read_text(encoding="utf-8") + seen + "resize = 299\n", encoding="utf-8")
    command = ["gauntlet", str(path), "--failure", "hole", "--failure", "copies", "--cases", "8"]
    said(*command, "--out", str(tmp_path))
    (found,) = tmp_path.rglob("gauntlet.json")
    record = json.loads(found.read_text(encoding="utf-8"))
    metrics = [metric["name"] for metric in record["metrics"]]
    assert metrics == [name for name in card.load(str(path)).metrics if name not in ("auc", "intra_fid")]
    assert "trained anew" in record["left_out"].pop("auc")
    assert "3 or more images of class" in record["left_out"].pop("intra_fid")  # two validation scans of a class
    assert not record["left_out"]
    scores = {obstacle["failure"]: obstacle["scores"] for obstacle in record["obstacles"]}
    assert list(scores) == ["", "hole", "copies"]
    assert all(set(of) == set(metrics) and not any(one["error"] for one in of.values()) for of in scores.values())
    assert scores["copies"]["copied_share"]["value"] == 1
    assert scores["hole"]["viewed_fid"]["value"] != scores["hole"]["fid"]["value"]  # seen under the conditions


@torchscript
def test_the_published_name_takes_no_other_weights(networks: dict[str, Path], tmp_path: Path) -> None:
    path = small("chest-t2i", tmp_path, networks)
    path.write_text(re.sub(r"@sha256:\w+", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    command = ["run", str(path), "mean-image", "--out", str(tmp_path / "runs")]
    dry = called(*command, "--dry-run")
    assert dry.exit_code == 2
    assert "inception-v3@sha256:" in dry.output  # what to write on a card of one's own
    shown = called(*command)
    assert isinstance(shown.exception, WeightsError)
    assert not list((tmp_path / "runs").rglob("result.json"))


PRIVATE = ("skipped.csv", "doubts.csv")  # for whoever prepares, with the owners' names


def test_what_is_prepared_holds_no_owners_id_and_no_path_outside_itself(prepared: Path) -> None:
    for name in ("adni1", "oasis3", "chexpert", "chexpert-findings"):
        files = [path for path in (prepared / name).rglob("*") if path.is_file() and path.name not in PRIVATE]
        assert len(files) > 20
        for path in files:
            content = path.name.encode() + path.read_bytes()
            assert not any(owner.encode() in content for owner in OWNERS_IDS), path
            if path.suffix != ".png":
                assert not any(place in content for place in (b"/tmp", b"owners", str(prepared).encode())), path


@pytest.mark.parametrize("name", ["adni1", "oasis3", "chexpert", "chexpert-findings"])
def test_all_that_is_left_out_is_counted_by_rule_and_named(name: str, prepared: Path) -> None:
    about = json.loads((prepared / name / "dataset.json").read_text(encoding="utf-8"))
    with (prepared / name / "skipped.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter((row["kind"], row["rule"]) for row in rows) == {
        (each["kind"], each["rule"]): each["count"] for each in about["skipped"]
    }
    assert all(row["name"] and row["reason"] for row in rows)
    assert len({row["rule"] for row in rows}) >= 4


def test_an_image_that_changed_stops_the_run(
    prepared: Path, networks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared, tmp_path / "copy")
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "copy"))
    data = task_data(card.load(str(small("chest-t2i", tmp_path, networks))), 0)
    for image in (tmp_path / "copy" / "chexpert" / "images").glob("*.png"):
        image.write_bytes(image.read_bytes()[:-1] + b"\0")
    with pytest.raises(LdbenchError, match="SHA-256"):
        torch.stack([data.train[index].image for index in range(3)])
