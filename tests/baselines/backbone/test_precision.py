"""The number format that a device computes in, unless the user chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.backbone.precision import automatic_precision, first_parameter
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.fitting.masters import in_half
from peft import LoraConfig, get_peft_model


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((6, 1), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_a_card_computes_in_bfloat16_from_compute_capability_8_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    asked: list[torch.device] = []

    def of_device(device: torch.device) -> tuple[int, int]:
        asked.append(device)
        return capability

    monkeypatch.setattr(torch.cuda, "get_device_capability", of_device)
    assert automatic_precision(torch.device("cuda:1")) == expected
    assert asked == [torch.device("cuda:1")]  # the run's own, not the current one


def test_a_cpu_computes_in_float32() -> None:
    assert automatic_precision(torch.device("cpu")) == "float32"


def test_a_networks_first_parameter_has_the_type_and_device_that_diffusers_finds(random_backbone: Path) -> None:
    """Also where masters round it, where it is brought to another type or device, and beside adapters."""

    def check(expected: torch.dtype) -> None:
        for part in (model.unet, model.vae):
            first = first_parameter(part)
            assert (first.dtype, first.device) == (part.dtype, part.device)
        assert first_parameter(model.unet).dtype == expected

    model = load_backbone(str(random_backbone), torch.device("cpu"))
    check(torch.float32)
    blocks: Any = model.unet.mid_block
    trained: list[list[torch.nn.Parameter]] = [[], list(blocks.parameters()), list(model.unet.parameters())]
    for some, inside in zip(trained, (torch.bfloat16, torch.bfloat16, torch.float32), strict=True):
        with in_half(model, some):
            check(inside)
        check(torch.float32)
    model.cast("bfloat16")
    check(torch.bfloat16)
    config = LoraConfig(r=1, target_modules=["to_k", "conv_in"])
    model.unet.add_adapter(config)
    for parameter in model.unet.parameters():
        parameter.data = parameter.data.float() if parameter.requires_grad else parameter.data
    check(torch.bfloat16)
    model.unet.to("meta")
    check(torch.bfloat16)


def test_a_network_that_peft_wraps_has_the_first_parameter_of_the_one_inside(random_backbone: Path) -> None:
    unet: Any = load_backbone(str(random_backbone), torch.device("cpu"), precision="bfloat16").unet
    before = first_parameter(unet)
    wrapped: Any = get_peft_model(unet, LoraConfig(r=1, target_modules=["to_k", "conv_in"]))
    assert first_parameter(wrapped) is before
