"""Networks of timm: features against timm's own forward, and the one-line refusals. Weights are random, made here."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import LdbenchError, MetricError, WeightsError
from ldbench.plugins.kinds import NETWORKS
from ldbench.records.checksum import sha256_file
from ldbench.run.requirements import inspect
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.networks.features import extract, extractor_parameters, network_of
from ldbench.task import card

from .test_own_weights import images

declare_missing_ops()
SMALL = "timm:test_resnet"  # timm's own networks for tests: half a million parameters


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole state dictionary with the classifier of seven classes."""
    import timm

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "own.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False, num_classes=7).state_dict(), path)
    return path


def test_gives_timms_pooled_features_after_timms_normalisation(weights: Path, tmp_path: Path) -> None:
    import timm
    from safetensors.torch import load_file

    network = timm.create_model("test_resnet", pretrained=False, num_classes=7).eval()
    network.load_state_dict(load_file(weights))
    config = timm.get_pretrained_cfg("test_resnet")
    mean, spread = (torch.tensor(each)[:, None, None] for each in (config.mean, config.std))
    with torch.inference_mode():
        seen = (torch.from_numpy(images()) - mean) / spread
        expected = network.forward_head(network.forward_features(seen), pre_logits=True).numpy()
    extractor = f"{SMALL}@sha256:{sha256_file(weights)}"
    features = extract(images(), extractor, resize=40, weights=weights)
    assert features.shape == expected.shape
    assert np.allclose(features, expected, atol=1e-4)
    pickled = tmp_path / "own.pt"
    torch.save(load_file(weights), pickled)
    again = extract(images(), f"{SMALL}@sha256:{sha256_file(pickled)[:12]}", resize=40, weights=pickled)
    assert np.array_equal(again, features)
    record = extractor_parameters(extractor, 40)
    assert (record["resize"], record["weights_sha256"]) == (40, sha256_file(weights))
    assert str(config.mean) in str(record["normalisation"])


def test_a_file_is_found_by_its_variable_before_a_run(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = f"{SMALL}@sha256:{sha256_file(weights)}"
    task = replace(card.load("sandbox-brain-t2i"), metrics={"fid": DistributionSpec(extractor, 64)})
    (error,) = inspect(task, 0).unmet
    assert str(error).startswith(f"{extractor}: missing weights ")
    assert "LDBENCH_WEIGHTS_TIMM_TEST_RESNET" in str(error)
    monkeypatch.setenv("LDBENCH_WEIGHTS_TIMM_TEST_RESNET", str(weights))
    assert inspect(task, 0).unmet == ()


def test_what_is_not_possible_is_one_line(weights: Path, tmp_path: Path) -> None:
    digest = sha256_file(weights)
    for name, message in {
        f"timm:test_resnett@sha256:{digest}": "unknown timm architecture 'test_resnett'.*test_resnet",
        f"timm:hf-hub:somebody/something@sha256:{digest}": "unknown timm architecture 'hf-hub:somebody/something'",
        f"timm@sha256:{digest}": "timm: expected an architecture",
    }.items():
        with pytest.raises(LdbenchError, match=message) as error:
            extractor_parameters(name, 64)
        assert "\n" not in str(error.value)
    with pytest.raises(MetricError, match=r"timm:test_vit: expected resize 160, as timm has it, got 64"):
        extractor_parameters(f"timm:test_vit@sha256:{digest}", 64)
    with pytest.raises(WeightsError, match="digest of your own weights with the name, as timm:test_resnet@"):
        extract(images(1), SMALL, weights=weights)
    with pytest.raises(WeightsError, match="expected the state dictionary of timm:test_vit, got "):
        extract(images(1), f"timm:test_vit@sha256:{digest}", resize=160, weights=weights)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="expected a safetensors file"):
        extract(images(1), f"{SMALL}@sha256:{sha256_file(broken)}", weights=broken)


def test_timm_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    assert NETWORKS.load("timm").variant is not None
    network, _ = network_of(SMALL)
    with pytest.raises(LdbenchError, match=r"a network of timm needs the package timm \(.*\); pip install timm"):
        network.parameters(resize=64, digest="0" * 12)
