"""The network of a task's own scans: its targets, its loss, that it learns who is who, how it is kept, and cards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ldbench.data.task_data import task_data
from ldbench.errors import CardError, MetricError
from ldbench.plugins.kinds import NETWORKS
from ldbench.score.inputs import Inputs
from ldbench.score.networks import scan_training
from ldbench.score.networks.features import extract, extractor_parameters
from ldbench.score.networks.scan_network import network_of_scans
from ldbench.score.networks.scan_training import ScanNetwork, Scans, augmented, identity_loss, train
from ldbench.task import card
from ldbench.task.scan_network_spec import ScanNetworkSpec

from ...drawn_scans import QUICK, SIDE, Drawn, drawn


def scans(**attributes: list[object]) -> Scans:
    count = len(next(iter(attributes.values())))
    rows: list[Mapping[str, Any]] = [{name: values[i] for name, values in attributes.items()} for i in range(count)]
    return Scans(np.zeros((count, SIDE, SIDE), np.uint8), [str(i) for i in range(count)], rows)


def test_attributes_that_all_scans_have_and_that_differ_are_targets() -> None:
    many = [str(i) for i in range(30)]
    ages: list[object] = list(range(30))
    some = scans(age=ages, sex=["f", "m"] * 15, name=list(many), same=[1] * 30, mixed=["a", 1] * 15)
    targets = some.targets()
    assert targets.keys() == {"age", "sex"}
    assert targets["sex"].tolist() == [0, 1] * 15
    assert float(targets["age"].mean()) == pytest.approx(0, abs=1e-6)
    assert float(targets["age"].std(correction=0)) == pytest.approx(1)
    partly = replace(some, attributes=[{"sex": "f"}, *some.attributes[1:]])
    assert partly.targets().keys() == {"sex"}


def test_identity_loss_equals_its_definition() -> None:
    features = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    unit = (features / features.norm(dim=1, keepdim=True)).tolist()
    losses = []
    for i in range(8):
        likeness = [math.exp(sum(a * b for a, b in zip(unit[i], other, strict=True)) / 0.2) for other in unit]
        losses.append(-math.log(likeness[(i + 4) % 8] / (sum(likeness) - likeness[i])))
    assert float(identity_loss(features)) == pytest.approx(sum(losses) / 8, rel=1e-5)


def test_augmentation_changes_what_its_recipe_says() -> None:
    images = torch.rand(5, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    nothing = ScanNetworkSpec(shift=0, blur=0.0, noise=0.0, intensity=0.0)
    random = torch.Generator().manual_seed(1)
    assert torch.equal(augmented(images, nothing, random), images)
    for one in ({"shift": 2}, {"blur": 2.0}, {"noise": 0.1}, {"intensity": 0.2}):
        changed = augmented(images, replace(nothing, **one), random)  # type: ignore[arg-type]
        assert changed.shape == images.shape
        assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
        assert not torch.equal(changed, images), one


def test_is_small_and_takes_any_side() -> None:
    count = sum(parameter.numel() for parameter in ScanNetwork(64).parameters())
    assert 300_000 < count < 1_000_000
    for side in (8, 64, 100):
        assert ScanNetwork(side).eval()(torch.zeros(2, 1, side, side)).shape == (2, scan_training.FEATURES)


def features_of(network: Any, split: str = "train") -> tuple[npt.NDArray[np.float32], list[str]]:
    data = Drawn((split,))
    images = np.stack([data.image(record) for record in data.records])
    return extract(images, network), [record.subject for record in data.records]


def test_learns_who_is_who_and_knows_new_subjects_apart() -> None:
    network = network_of_scans(replace(QUICK, epochs=20, blur=0.5), drawn())
    for split in ("train", "test"):
        features, subjects = features_of(network, split)
        apart = ((features[:, None] - features[None]) ** 2).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        nearest = [subjects[i] for i in apart.argmin(axis=1)]
        assert np.mean([a == b for a, b in zip(nearest, subjects, strict=True)]) > 0.8, split


def test_is_the_same_by_its_seed_and_leaves_the_global_state() -> None:
    before = torch.get_rng_state()
    one, again, other = (network_of_scans(recipe, drawn()) for recipe in (QUICK, QUICK, replace(QUICK, seed=1)))
    assert torch.equal(torch.get_rng_state(), before)
    records = [extractor_parameters(network) for network in (one, again, other)]
    assert records[0] == records[1]
    assert records[0]["weights_sha256"] != records[2]["weights_sha256"]
    assert (records[0]["recipe_epochs"], records[0]["training_scans"], records[0]["resize"]) == (1, 24, SIDE)
    assert np.array_equal(features_of(one)[0], features_of(again)[0])


def test_is_trained_once_and_again_where_its_file_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings: list[int] = []

    def counted(scans: Scans, recipe: ScanNetworkSpec, *rest: Any) -> ScanNetwork:
        trainings.append(recipe.seed)
        return train(scans, recipe, *rest)

    monkeypatch.setattr(scan_training, "train", counted)
    first = network_of_scans(QUICK, drawn(), folder=tmp_path)
    second = network_of_scans(QUICK, drawn(), folder=tmp_path)
    assert trainings == [0]
    assert extractor_parameters(first) == extractor_parameters(second)
    assert np.array_equal(features_of(first)[0], features_of(second)[0])
    [path] = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-100] ^= 64
    path.write_bytes(content)
    network_of_scans(QUICK, drawn(), folder=tmp_path)
    assert trainings == [0, 0]


def test_learns_from_the_training_split_alone() -> None:
    whole, training = (extractor_parameters(network_of_scans(QUICK, drawn(Drawn(splits)))) for splits in (
        ("train", "test"), ("train",),
    ))
    assert whole == training
    with pytest.raises(MetricError, match="scan_network: expected training scans of two or more subjects, got 1"):
        train(replace(scans(age=[1, 2]), subjects=["a", "a"]), QUICK)


HEAD = 'extends = "sandbox-brain-t2i"\nid = "mine"\nversion = 1\ntitle = "T"\nsummary = "S"\n'
HEAD += 'omit = ["scan_network", "metrics.scan_fid"]\n'


def mine(tmp_path: Path, tables: str) -> card.Task:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + tables, encoding="utf-8")
    return card.load(str(path))


def test_a_card_with_it_has_its_recipe(tmp_path: Path) -> None:
    asked = '[metrics.coverage]\nextractor = "scan-network"\nresize = {}\n'
    task = mine(tmp_path, f"[scan_network]\nepochs = 3\n{asked.format(64)}")
    assert task.scan_network == ScanNetworkSpec(epochs=3)
    assert task.hash != mine(tmp_path, f"[scan_network]\n{asked.format(64)}").hash
    for tables, message in {
        asked.format(64): "scan_network: expected a table, as coverage take features of scan-network, got nothing",
        f"[scan_network]\n{asked.format(224)}": "metrics.coverage.resize: expected 64, as scan_network.side, got 224",
        "[scan_network]\nepochs = 0\n": "scan_network.epochs: expected 1 or more, got 0",
    }.items():
        with pytest.raises(CardError, match=message):
            mine(tmp_path, tables)


def test_a_run_is_measured_by_it(tmp_path: Path) -> None:
    data = task_data(card.load("sandbox-brain-t2i"), 0)
    task = replace(data.task, scan_network=QUICK)
    some = replace(data, task=task, dataset=drawn(), evaluation_ids=data.evaluation_ids[:3])
    images = {case_id: torch.rand(3, SIDE, SIDE) for case_id in some.evaluation_ids}
    inputs = Inputs(
        device=torch.device("cpu"), seed=0, cache_folder=tmp_path / "features", data=some, images=images, passes={}
    )
    assert [len(each) for each in inputs.features("scan-network", SIDE)] == [6, 3]
    assert [path.suffix for path in (tmp_path / "networks").iterdir()] == [".safetensors"]
    assert "weights_sha256" in inputs.network_parameters("scan-network", SIDE)
    without = replace(inputs, data=replace(data, task=replace(task, scan_network=None)))
    with pytest.raises(MetricError, match=r"expected \[scan_network\] on the card, got none"):
        without.network_parameters("scan-network", SIDE)


def test_the_listed_network_says_that_it_must_be_trained() -> None:
    assert NETWORKS.load("scan-network").resize == 64
    with pytest.raises(MetricError, match="scan-network: expected the real training scans of a task"):
        extract(np.zeros((1, 3, 8, 8), np.float32), "scan-network", resize=64)
