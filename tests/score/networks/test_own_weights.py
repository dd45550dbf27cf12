"""Networks from the user's own files: features against the libraries' own forward, and the one-line refusals.

All weights are random and small, and made here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import LdbenchError, MetricError, WeightsError
from ldbench.plugins.kinds import NETWORKS
from ldbench.records.checksum import sha256_file
from ldbench.run.requirements import inspect
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.networks.features import extract
from ldbench.score.networks.own_weights import resized
from ldbench.task import card
from tests.stand_ins.clip import SIDE, digest_of, save_random_clip
from tests.stand_ins.networks import torchscript

pytestmark = pytest.mark.slow

declare_missing_ops()


def images(count: int = 3, side: int = 40) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side)).astype(np.float32) / 255


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=7, mlp_ratio=2
    )
    folder = tmp_path_factory.mktemp("dinov2")
    Dinov2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_clip(tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("name", ["dinov2", "rad-dino"])
def test_dinov2_gives_the_librarys_class_token_after_the_librarys_preprocessing(name: str, dinov2: Path) -> None:
    from transformers import BitImageProcessor, Dinov2Model

    colours = ([0.5307] * 3, [0.2583] * 3) if name == "rad-dino" else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    processor = BitImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_mean=colours[0], image_std=colours[1]
    )
    pictures = [Image.fromarray((255 * each).round().astype(np.uint8).transpose(1, 2, 0)) for each in images()]
    with torch.inference_mode():
        found = Dinov2Model.from_pretrained(dinov2).eval()(**processor(pictures, return_tensors="pt"))
    features = extract(images(), f"{name}@sha256:{digest_of(dinov2)}", resize=SIDE, weights=dinov2)
    assert features.shape == (3, 16)
    assert np.allclose(features, found.pooler_output.numpy(), atol=0.02)  # the resizers round unlike


def test_clip_gives_the_librarys_image_embedding(clip: Path) -> None:
    from transformers import CLIPModel

    batch = torch.from_numpy(resized((255 * images()).round().astype(np.uint8).transpose(0, 2, 3, 1), SIDE))
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    spread = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    model = CLIPModel.from_pretrained(clip).eval()
    with torch.inference_mode():
        expected = model(input_ids=torch.tensor([[0, 98]]), pixel_values=(batch - mean) / spread).image_embeds
    features = extract(images(), f"clip@sha256:{digest_of(clip)[:12]}", resize=SIDE, weights=clip)
    assert features.shape == (3, 12)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)  # as the library's own forward gives them
    assert np.allclose(unit, expected.numpy(), atol=1e-5)
    with pytest.raises(MetricError, match=f"clip: expected resize {SIDE}, as in this folder, got 224"):
        extract(images(), f"clip@sha256:{digest_of(clip)}", weights=clip)


def test_a_folder_is_found_by_its_variable_and_refused_in_one_line(
    dinov2: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = NETWORKS.load("dinov2").find
    assert find is not None
    monkeypatch.setenv("LDBENCH_WEIGHTS_DINOV2", str(dinov2))
    assert find(digest_of(dinov2)) == dinov2
    with pytest.raises(WeightsError, match=r"expected SHA-256 0{64} of `cat config.json model.saf"):
        find("0" * 64)
    with pytest.raises(WeightsError, match=r"dinov2: expected the digest of your own weights with .* got none"):
        find("")
    monkeypatch.setenv("LDBENCH_WEIGHTS_DINOV2", str(tmp_path))
    with pytest.raises(WeightsError, match=r"got no config.json, model.safetensors; save the model there"):
        find(digest_of(dinov2))
    with pytest.raises(WeightsError, match="expected model_type dinov2, got 'clip'"):
        extract(images(), f"dinov2@sha256:{digest_of(clip)}", resize=SIDE, weights=clip)


def test_a_folder_without_some_weights_is_refused(dinov2: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(dinov2 / "model.safetensors")
    state.pop("layernorm.weight")
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((dinov2 / "config.json").read_text())
    with pytest.raises(WeightsError, match=r"got none for 1, layernorm.weight say"):
        extract(images(), f"dinov2@sha256:{digest_of(tmp_path)}", resize=SIDE, weights=tmp_path)
    config = json.loads((dinov2 / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "mlp_ratio": 4}))
    with pytest.raises(WeightsError, match="expected a transformers folder of dinov2, got"):
        extract(images(), f"dinov2@sha256:{digest_of(tmp_path)}", resize=SIDE, weights=tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(WeightsError, match=r"config.json: expected JSON"):
        extract(images(), f"dinov2@sha256:{digest_of(tmp_path)}", resize=SIDE, weights=tmp_path)


def siglip(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "siglip"}')


def own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "modeling.BiomedCLIPModel"}}))


def open_clip(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "open_clip_model.safetensors")
    (folder / "config.json").rename(folder / "open_clip_config.json")


def other_normalisation(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}')


def no_normalisation(folder: Path) -> None:
    (folder / "processor_config.json").write_text('{"image_processor": {"image_std": [1, 2]}}')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (siglip, r"config.json: expected model_type clip, got 'siglip'; name a folder of clip"),
        (own_code, r"config.json: expected a network of the transformers libr.*, got one of its own code \(auto_map\)"),
        (open_clip, r"expected a folder of the transformers library, got one of open_clip .*, which is not supported"),
        (other_normalisation, r"preprocessor_config.json: expected image_mean \[0.48.*, got \[0.5, 0.5, 0.5\]; images"),
        (no_normalisation, r"processor_config.json: expected image_std \[0.26.*, got \[1, 2\]; images normalised"),
    ],
)
def test_what_is_not_supported_is_one_line_before_a_run(
    change: Callable[[Path], None], said: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(clip, tmp_path / "copy"))
    change(folder)
    digest = digest_of(folder) if (folder / "config.json").is_file() else "0" * 12
    find = NETWORKS.load("clip").find
    assert find is not None
    monkeypatch.setenv("LDBENCH_WEIGHTS_CLIP", str(folder))
    with pytest.raises(WeightsError, match=said) as error:
        find(digest)
    assert "\n" not in str(error.value)


def test_a_densenet_of_chest_films_gives_torchvisions_features(tmp_path: Path) -> None:
    from torchvision.models import densenet121

    torch.manual_seed(0)
    network = densenet121(weights=None, num_classes=18).eval()
    network.features.conv0 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    path = tmp_path / "own.pt"
    torch.save({**network.state_dict(), "op_threshs": torch.zeros(18)}, path)
    features = extract(
        images(2), f"torchxrayvision-densenet121@sha256:{sha256_file(path)}", resize=40, weights=path
    )
    grey = 1024 * (2 * torch.from_numpy(images(2)).mean(dim=1, keepdim=True) - 1)
    with torch.inference_mode():
        expected = torch.relu(network.features(grey)).mean(dim=(2, 3))
    assert np.allclose(features, expected.numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("numbered", [False, True])
def test_a_resnet_of_radimagenet_gives_torchvisions_features(numbered: bool, tmp_path: Path) -> None:
    from torchvision.models import resnet50

    torch.manual_seed(0)
    network = resnet50(weights=None).eval()
    children = nn.Sequential(*list(network.children())[:-1])
    state = children.state_dict(prefix="backbone.") if numbered else network.state_dict()
    path = tmp_path / "own.pt"
    torch.save(state, path)
    features = extract(images(2), f"radimagenet-resnet50@sha256:{sha256_file(path)}", resize=40, weights=path)
    with torch.inference_mode():
        expected = children(2 * torch.from_numpy(images(2)) - 1).flatten(1)
    assert np.allclose(features, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_another_state_dictionary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.pt"
    torch.save({"features.conv0.weight": torch.zeros(3)}, path)
    for name in ("radimagenet-resnet50", "torchxrayvision-densenet121"):
        with pytest.raises(WeightsError, match=f"expected the state dictionary of {name}, got "):
            extract(images(1), f"{name}@sha256:{sha256_file(path)}", weights=path)


class Pools(nn.Module):
    """Two features of an image: the mean and the largest of its first channel."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.flat = flat

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = x[:, 0].flatten(1)
        return torch.stack([first.mean(dim=1), first.amax(dim=1)], dim=1) if self.flat else x


@torchscript
def test_a_torchscript_file_gives_what_it_gives(tmp_path: Path) -> None:
    path = tmp_path / "own.pt"
    torch.jit.save(torch.jit.script(Pools(flat=True)), path)
    features = extract(images(), f"torchscript@sha256:{sha256_file(path)}", resize=40, weights=path)
    assert np.allclose(features[:, 0], images()[:, 0].mean(axis=(1, 2)), atol=1e-5)
    torch.jit.save(torch.jit.script(Pools(flat=False)), path)
    with pytest.raises(MetricError, match=r"expected features \(1, d\), got \(1, 3, 224, 224\); trace a network"):
        extract(images(), f"torchscript@sha256:{sha256_file(path)}", weights=path)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="expected a TorchScript file"):
        extract(images(), f"torchscript@sha256:{sha256_file(path)}", weights=path)


@pytest.mark.parametrize("name", ["dinov2", "torchscript@sha256:0123456789ab", "radimagenet-resnet50"])
def test_a_run_knows_beforehand_that_they_are_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    task = replace(card.load("sandbox-brain-t2i"), metrics={"fid": DistributionSpec(name, 224)})
    (error,) = inspect(task, 0).unmet
    assert isinstance(error, LdbenchError)
    assert str(error).startswith(f"{name}: ")
