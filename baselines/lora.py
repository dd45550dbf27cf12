"""Low-rank adaptation: small matrices beside the U-Net's attention projections are trained, nothing else.

Hu et al. 2022 (arXiv 2106.09685), through peft. Not in the paper; the row that users would try first today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from ldbench.api import Context

from .bounds import Bounds
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.network_cost import NetworkCost
from .fitting.checkpoint import save_atomic
from .fitting.denoising import frozen_text
from .fitting.encoded import EncodedSet
from .fitting.fine_tuner import FineTuner, Rates, Trainable

PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
WEIGHTS = "pytorch_lora_weights.safetensors"


@dataclass
class LoRA(FineTuner):
    """Low-rank adaptation: matrices of `rank` beside the attention's projections are trained."""

    name: ClassVar[str] = "lora"
    rates: ClassVar[Rates] = Rates(1e-4, 1e-2)
    float32_parts: ClassVar[frozenset[str]] = frozenset()  # the matrices are made in float32 beside frozen weights
    fewest_images: ClassVar[int] = 3
    bounds: ClassVar[Mapping[str, Bounds]] = {**FineTuner.bounds, "rank": Bounds(1)}

    steps: int = 500
    batch_size: int = 8
    rank: int = 16

    def _trained_values(self, cost: NetworkCost) -> tuple[int, int]:
        layers = [module for name, module in cost.unet.named_modules() if name.endswith(PROJECTIONS)]
        return 0, self.rank * sum(layer.in_features + layer.out_features for layer in layers)

    def _prepare(self, model: LatentDiffusion, data: EncodedSet, context: Context) -> Trainable:
        config = LoraConfig(
            r=self.rank, lora_alpha=self.rank, init_lora_weights="gaussian",
            target_modules=list(PROJECTIONS),
        )
        with torch.random.fork_rng(devices=[]):  # peft draws its first matrices from the global state only
            torch.default_generator.manual_seed(context.seed)  # the CPU's alone: torch.manual_seed seeds every GPU too
            model.unet.add_adapter(config)
        trained = {name: value for name, value in model.unet.named_parameters() if value.requires_grad}
        for value in trained.values():
            value.data = value.data.float()  # peft takes the precision of the weight beside it
        return Trainable(trained, frozen_text(model, data))

    def _finish(self, model: LatentDiffusion, trainable: Trainable, context: Context) -> None:
        """Leave the adapters as diffusers' `load_lora_weights` reads them.

        In float32 they are added into the weights. In half precision they stay beside them, as they were trained: a
        sum would be rounded to steps that are coarse beside what was learnt.
        """
        if context.process == 0:
            state = convert_state_dict_to_diffusers(get_peft_model_state_dict(model.unet))
            tensors = {f"unet.{name}": value for name, value in state.items()}
            save_atomic(tensors, context.folder / WEIGHTS, {"format": "pt"})
        if self._precision(context) == "float32":
            model.unet.fuse_lora()
        super()._finish(model, trainable, context)
