"""Custom Diffusion: the cross-attention's keys and values and a modifier token are learnt, nothing else.

Kumari et al. 2023 (arXiv 2212.04488); the paper's Table 1. The modifier token stands before each prompt. `to_k` and
`to_v` are trained in place, which is what diffusers' attention processor for the method computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ldbench.api import Context

from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.network_cost import NetworkCost
from .fitting.checkpoint import save_atomic
from .fitting.encoded import EncodedSet
from .fitting.fine_tuner import Rates, Trainable
from .fitting.learned_tokens import LearnedTokens
from .fitting.prior import PreservesPrior

WEIGHTS = "custom_diffusion.safetensors"


@dataclass
class CustomDiffusion(PreservesPrior):
    """Custom Diffusion: keys and values of the text's attention and the word `modifier` are learnt."""

    name: ClassVar[str] = "custom-diffusion"
    rates: ClassVar[Rates] = Rates(1e-5, 6e-3)
    float32_parts: ClassVar[frozenset[str]] = frozenset({"unet", "text_encoder"})
    fewest_images: ClassVar[int] = 3

    steps: int = 250
    batch_size: int = 8
    modifier: str = "<new1>"
    initial_word: str = "scan"

    def _prompt(self, prompt: str) -> str:
        return f"{self.modifier} {prompt}"

    def _trained_values(self, cost: NetworkCost) -> tuple[int, int]:
        projections = (value.numel() for name, value in cost.unet.named_parameters() if _is_projection(name))
        return sum(projections), cost.text_width

    def _prepare(self, model: LatentDiffusion, data: EncodedSet, context: Context) -> Trainable:
        tokens = LearnedTokens.added(model, (self.modifier,), self.initial_word)
        projections = {name: value for name, value in model.unet.named_parameters() if _is_projection(name)}
        for value in projections.values():
            value.requires_grad_(True)
        return Trainable({**projections, "rows": tokens.rows}, tokens.condition(data), tokens)

    def _finish(self, model: LatentDiffusion, trainable: Trainable, context: Context) -> None:
        """Leave the projections in a file beside the token's."""
        super()._finish(model, trainable, context)
        if context.process == 0:
            trained = {name: value for name, value in model.unet.state_dict().items() if _is_projection(name)}
            save_atomic(trained, context.folder / WEIGHTS, {"format": "pt"})


def _is_projection(name: str) -> bool:
    """Whether a weight makes keys or values of the text."""
    return ".attn2.to_k." in name or ".attn2.to_v." in name
