"""Weights by their digest: where they are looked for, that no others serve, and that the shipped ones are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ldbench.data.task_data import network_files
from ldbench.errors import CardError, MetricError
from ldbench.run.requirements import inspect
from ldbench.score.networks import scan_training
from ldbench.score.networks.features import extractor_parameters
from ldbench.score.networks.kept_state import state_digest
from ldbench.score.networks.pinned import RECIPE, pinned_weights, recipe_text
from ldbench.score.networks.scan_network import network_of_scans
from ldbench.score.networks.scan_weights import trained, weights_of_scans
from ldbench.task import card
from ldbench.task.derived import derived
from ldbench.task.fresh_spec import FreshSpec
from ldbench.task.scan_network_spec import ScanNetworkSpec

from ...drawn_scans import QUICK, drawn

OTHER = "0" * 64


@pytest.fixture(scope="module")
def weights() -> Mapping[str, torch.Tensor]:
    return trained(QUICK, drawn())


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any) -> None:
        raise AssertionError("it was trained")

    monkeypatch.setattr(scan_training, "train", refused)


def pinned(weights: Mapping[str, torch.Tensor]) -> ScanNetworkSpec:
    return replace(QUICK, sha256=state_digest(weights))


def file_of(weights: Mapping[str, torch.Tensor], path: Path, **said: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    plain = {name: value.contiguous() for name, value in weights.items()}
    save_file(plain, path, metadata={"digest": state_digest(plain), **said})
    return path


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("place", ["cache", "package"])
def test_a_file_with_the_digest_serves_wherever_it_lies(
    weights: Mapping[str, torch.Tensor], tmp_path: Path, place: str
) -> None:
    others = {name: value + 1 for name, value in weights.items()}
    cache = tmp_path / "networks"
    file_of(others, cache / "a.safetensors")
    path = file_of(weights, (cache if place == "cache" else tmp_path) / "b.safetensors")
    shipped = [] if place == "cache" else [tmp_path / "absent.safetensors", path]
    network = network_of_scans(pinned(weights), drawn(), folder=cache, shipped=shipped)
    said = extractor_parameters(network)
    assert said["weights_sha256"] == state_digest(weights)
    assert said["recipe_epochs"] == QUICK.epochs
    assert not {"recipe_sha256", "training_scans"} & said.keys()


def test_what_was_trained_here_serves_whoever_pins_it(tmp_path: Path) -> None:
    first = weights_of_scans(QUICK, drawn(), folder=tmp_path)
    found = weights_of_scans(pinned(first), drawn(), folder=tmp_path)
    assert state_digest(found) == state_digest(first)


@pytest.mark.usefixtures("no_training")
def test_no_other_weights_serve(weights: Mapping[str, torch.Tensor], tmp_path: Path) -> None:
    shipped = file_of(weights, tmp_path / "shipped.safetensors")
    expected = f"expected weights {OTHER[:12]}..., got no file in {tmp_path / 'kept'}, {shipped} that has them"
    with pytest.raises(MetricError, match=expected) as caught:
        weights_of_scans(replace(QUICK, sha256=OTHER), drawn(), folder=tmp_path / "kept", shipped=[shipped])
    assert "drop sha256 from the card" in str(caught.value)
    with pytest.raises(MetricError, match="got no file in no folder that has them"):
        weights_of_scans(replace(QUICK, sha256=OTHER), drawn())


def test_weights_of_another_recipe_are_refused(weights: Mapping[str, torch.Tensor], tmp_path: Path) -> None:
    path = file_of(weights, tmp_path / "shipped.safetensors", **{RECIPE: recipe_text(QUICK)})
    assert weights_of_scans(pinned(weights), drawn(), shipped=[path])
    with pytest.raises(MetricError, match="expected the recipe that the weights of sha256 came of"):
        weights_of_scans(replace(pinned(weights), blur=0.25), drawn(), shipped=[path])


def test_a_run_is_refused_before_it_begins(weights: Mapping[str, torch.Tensor]) -> None:
    task = card.load("sandbox-brain-t2i")
    assert task.scan_network is not None
    for other in (replace(task.scan_network, sha256=OTHER), replace(task.scan_network, epochs=3)):
        unmet = inspect(replace(task, scan_network=other), 0).unmet
        assert ["scan_network" in str(error) for error in unmet] == [True]
        unused = {name: settings for name, settings in task.metrics.items() if name != "scan_fid"}
        assert not inspect(replace(task, scan_network=other, metrics=unused), 0).unmet


def test_a_file_that_is_not_what_it_says_is_not_trusted(weights: Mapping[str, torch.Tensor], tmp_path: Path) -> None:
    path = file_of(weights, tmp_path / "shipped.safetensors")
    content = bytearray(path.read_bytes())
    content[-100] ^= 64
    path.write_bytes(content)
    with pytest.raises(MetricError, match="got no file"):
        weights_of_scans(pinned(weights), drawn(), shipped=[path])


@pytest.mark.usefixtures("no_training")
def test_weights_of_another_side_are_refused(weights: Mapping[str, torch.Tensor], tmp_path: Path) -> None:
    path = file_of(weights, tmp_path / "shipped.safetensors")
    with pytest.raises(MetricError, match="expected weights of a network of side 64, got others"):
        network_of_scans(replace(pinned(weights), side=64), drawn(), shipped=[path])


NEW = 'extends = "sandbox-brain-t2i"\nid = "mine"\nversion = 1\ntitle = "T"\nsummary = "S"\n'
HEAD = f"{NEW}[scan_network]\nepochs = 3\n"


def test_a_card_says_whose_digest_it_is() -> None:
    task, other = (card.parse(f'{HEAD}sha256 = "{digit * 64}"\n', "mine.toml") for digit in "ab")
    assert task.scan_network == ScanNetworkSpec(epochs=3, sha256="a" * 64)
    assert task.hash != other.hash
    for wrong in ("ab", "A" * 64, "g" * 64):
        with pytest.raises(CardError, match=r"scan_network\.sha256: expected 64 hexadecimal digits, got"):
            card.parse(f'{HEAD}sha256 = "{wrong}"\n', "mine.toml")


def test_a_metric_of_the_network_needs_its_table() -> None:
    with pytest.raises(CardError, match="scan_network: expected a table, as scan_fid take features of scan-network"):
        card.parse('omit = ["scan_network"]\n' + NEW, "mine.toml")


PINNED = [name for name in card.task_names() if card.load(name).scan_network is not None]


@pytest.mark.parametrize("name", PINNED)
def test_the_networks_of_shipped_cards_ship(name: str) -> None:
    task = card.load(name)
    assert task.scan_network is not None
    state = pinned_weights("scan_network", task.scan_network, shipped=network_files(task.data))
    scan_training.ScanNetwork(task.scan_network.side).load_state_dict(state)


def test_the_cards_from_text_have_one_each() -> None:
    assert {"sandbox-brain-t2i", "sandbox-chest-t2i"} <= set(PINNED)
    assert all(name.startswith(("sandbox-brain-t2i", "sandbox-chest-t2i")) for name in PINNED)


def test_a_card_on_fresh_subjects_has_the_shipped_network() -> None:
    task = card.load("sandbox-brain-t2i")
    fresh = FreshSpec("data", ("train", "validation", "test"), {"images.npz": OTHER})
    assert network_files(replace(task.data, fresh=fresh)) == network_files(task.data) != ()
    assert network_files(replace(task.data, dataset="mine")) == ()
    own = {"id": "mine", "version": 1, "title": "T", "summary": "S"}
    assert card.parse(derived(task.id, own), "mine.toml").scan_network == task.scan_network
