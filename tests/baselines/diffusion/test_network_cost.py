"""What a backbone costs: operations against a formula, bytes against loaded models, needs against parameters."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.custom_diffusion import CustomDiffusion
from ldbench_baselines.diffusion.generator import StableDiffusion
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.diffusion.network_cost import call_flops, network_cost
from ldbench_baselines.dreambooth import DreamBooth
from ldbench_baselines.editing.pairs import PAIRS
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.encoded import CACHE
from ldbench_baselines.fitting.fine_tuner import FineTuner
from ldbench_baselines.fitting.prior import CLASS_IMAGES
from ldbench_baselines.instruct_pix2pix import InstructPix2Pix, InstructPix2PixFT
from ldbench_baselines.lora import LoRA
from ldbench_baselines.pix2pix_zero import Pix2PixZero
from ldbench_baselines.sdedit import SDEdit
from ldbench_baselines.textual_inversion import TextualInversion
from safetensors.torch import load_file

from ldbench.api import TrainingSet
from tests.baselines.discs import Discs, context, quick
from tests.baselines.editing.disc_pairs import DiscPairs, LoneDiscs


@pytest.fixture
def counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One count of a backbone's cost serves all generators of a test."""
    monkeypatch.setattr("ldbench_baselines.diffusion.generator.network_cost", functools.cache(network_cost))


class OneConvolution(torch.nn.Module):
    """A 3 x 3 convolution of 4 channels to 4, where a U-Net is expected."""

    def __init__(self) -> None:
        super().__init__()
        self.config = type("Config", (), {"in_channels": 4, "cross_attention_dim": 8})()
        self.layer = torch.nn.Conv2d(4, 4, 3, padding=1, device="meta")

    def forward(self, z: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> Any:
        return self.layer(z)


def test_operations_are_those_of_the_formula() -> None:
    assert call_flops(OneConvolution(), (16, 16), 77) == 2 * 4 * 4 * 3 * 3 * 16 * 16


def test_bytes_are_those_of_the_loaded_models(random_backbone: Path) -> None:
    cost = network_cost(str(random_backbone), "float32", (3, 16, 16))
    model = load_backbone(str(random_backbone), torch.device("cpu"))
    sizes = [4 * sum(p.numel() for p in part.parameters()) for part in (model.unet, model.vae, model.text_encoder)]
    assert cost.trained_bytes == sizes[0]
    assert cost.weight_bytes == sum(sizes)
    assert network_cost(str(random_backbone), "bfloat16", (3, 16, 16)).weight_bytes == sum(sizes) // 2
    assert network_cost(str(random_backbone), "float32", (3, 32, 32)).flops > 3 * cost.flops


@pytest.mark.usefixtures("counted_once")
def test_needs_follow_the_parameters(random_backbone: Path, tmp_path: Path) -> None:
    where = context(tmp_path, random_backbone)
    flops = network_cost(str(random_backbone), "float32", where.image_shape).flops

    def calls(generator: StableDiffusion) -> tuple[float, float]:
        needs = generator.needs(where)
        assert needs.missing == ()
        return needs.fit_flops / flops, needs.image_flops / flops

    assert calls(StableDiffusion(sampling_steps=7, guidance_scale=1)) == (0, 7)
    assert calls(StableDiffusion(sampling_steps=7, guidance_scale=3)) == (0, 14)
    assert calls(BasicFT(steps=5, batch_size=4, sampling_steps=2)) == (3 * 5 * 4, 4)
    assert calls(DreamBooth(steps=5, batch_size=4, sampling_steps=2)) == (3 * 5 * 8, 4)
    assert calls(SDEdit(start="sd", sampling_steps=10, strength=0.5, guidance_scale=1)) == (0, 5)
    assert calls(Pix2PixZero(start="sd", sampling_steps=10, guidance_scale=1, guidance_weight=0)) == (0, 20)
    fit, image = calls(InstructPix2PixFT(steps=5, batch_size=4, sampling_steps=2))
    assert (fit, image) == (3 * (5 * 4 + BasicFT().steps * BasicFT().batch_size), 4)


@pytest.mark.usefixtures("moments_kept")
@pytest.mark.parametrize(
    "method",
    [LoRA, *(pytest.param(one, marks=pytest.mark.slow) for one in (BasicFT, TextualInversion, CustomDiffusion))],
)
def test_disk_holds_two_checkpoints_of_what_is_trained(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path
) -> None:
    generator, where = quick(method, steps=1), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    state = load_file(tmp_path / STATE)
    values = sum(value.nbytes for name, value in state.items() if not name.startswith("adam.step."))
    class_images = load_file(tmp_path / CLASS_IMAGES)["moments"].nbytes if method is CustomDiffusion else 0
    assert generator.needs(where).disk_bytes == 2 * values + class_images


ON_PAIRS = {"steps": 1, "batch_size": 2, "sampling_steps": 2}


@pytest.mark.usefixtures("counted_once", "short_starts")
@pytest.mark.parametrize(
    ("generator", "train"),
    [
        (quick(LoRA, steps=1), Discs(20)), (quick(LoRA, steps=1, flip=True), Discs(20)),
        (quick(LoRA, steps=1, images=5, flip=True), Discs(20)), (quick(DreamBooth, steps=1, class_images=7), Discs(4)),
        (quick(DreamBooth, steps=1, prior_weight=0.0), Discs(4)), (SDEdit(start_steps=1), Discs(20)),
        (InstructPix2Pix(**ON_PAIRS), DiscPairs(20)), (InstructPix2Pix(**ON_PAIRS, flip=True), DiscPairs(20)),
        (InstructPix2Pix(**ON_PAIRS, images=17), DiscPairs(20)),
        pytest.param(InstructPix2PixFT(**ON_PAIRS), DiscPairs(20), marks=pytest.mark.slow),
        pytest.param(InstructPix2Pix(**ON_PAIRS), LoneDiscs(20), marks=pytest.mark.slow),
    ],
    ids=lambda value: type(value).__name__,
)
def test_latents_on_disk_are_those_that_were_told(
    generator: StableDiffusion, train: TrainingSet, random_backbone: Path, tmp_path: Path
) -> None:
    where = context(tmp_path / "fit", random_backbone, shared=tmp_path / "shared")
    generator.fit(train, where)
    files = [path for name in (CACHE, CLASS_IMAGES, PAIRS) for path in tmp_path.rglob(name)]
    found = sum(value.nbytes for path in files for value in load_file(path).values())
    latent = network_cost(str(random_backbone), "float32", where.image_shape).latent_bytes
    told, told_each = generator._kept_latents()
    assert 1 <= (told + len(train) * told_each) * latent / found < 1.2  # more where not every image has an edit
    needs = generator.needs(where)
    assert needs.example_bytes == told_each * latent
    assert needs.disk_bytes >= told * latent


@pytest.mark.usefixtures("counted_once")
def test_the_device_holds_masters_gradients_moments_and_average_of_what_is_trained(
    random_backbone: Path, tmp_path: Path
) -> None:
    where = context(tmp_path, random_backbone)
    model = load_backbone(str(random_backbone), torch.device("cpu"))
    unet, rest = (sum(p.numel() for part in parts for p in part.parameters())
                  for parts in ((model.unet,), (model.vae, model.text_encoder)))

    def on_device(method: type[FineTuner], **parameters: Any) -> int:
        return method(**parameters).needs(where).device_bytes

    assert on_device(BasicFT, ema_decay=0.0) == 4 * rest + unet * (4 + 4 + 8)
    assert on_device(BasicFT) == 4 * rest + unet * (4 + 4 + 8 + 4)
    assert on_device(BasicFT, precision="bfloat16") == 2 * rest + unet * (2 + 4 + 4 + 8 + 4)
    weights = 2 * (unet + rest)
    small = [on_device(LoRA, precision="bfloat16", rank=rank) - weights for rank in (1, 2)]
    assert 0 < 2 * small[0] == small[1] < unet
    editor = SDEdit(precision="bfloat16").needs(where)
    assert editor.device_bytes == on_device(BasicFT, precision="bfloat16")
    own = BasicFT().needs(where).disk_bytes // 2
    weights = own // 4  # beside two moments and the average
    assert InstructPix2PixFT().needs(where).disk_bytes == 2 * own + weights  # its own, half-written too; its start's


def test_what_is_missing_is_said_and_what_may_be_fetched_is_not(tmp_path: Path) -> None:
    where = context(tmp_path, "nobody/nothing")
    (line,) = StableDiffusion().needs(where).missing
    assert line.startswith("backbone 'nobody/nothing'")
    assert StableDiffusion(download=True).needs(where).missing == ()


@pytest.mark.parametrize("shape", [(3, 512, 512)])
def test_stable_diffusion_1_takes_about_0_8_tera_operations_a_call(shape: tuple[int, int, int]) -> None:
    """Its U-Net at 64 x 64 latents: 0.80 by this count (multiplications and additions apart)."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    assert sum(parameter.numel() for parameter in unet.parameters()) == 859_520_964
    assert call_flops(unet, (shape[1] // 8, shape[2] // 8), 77) == pytest.approx(0.8e12, rel=0.05)
