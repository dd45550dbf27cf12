"""Textual Inversion: one new word is learnt for the task's images; every weight of the backbone stays.

Gal et al. 2023 (arXiv 2208.01618); the paper's Table 1. The word, of `vectors` tokens, stands before each prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ldbench.api import Context
from ldbench.errors import UsageError

from .backbone.folder import BackboneFolder
from .bounds import Bounds
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.network_cost import NetworkCost
from .fitting.encoded import EncodedSet
from .fitting.fine_tuner import FineTuner, Rates, Trainable
from .fitting.learned_tokens import LearnedTokens, token_names

CLIP_LENGTH = 77  # where a config doesn't say


@dataclass
class TextualInversion(FineTuner):
    """Textual Inversion: the word `placeholder` is learnt, from `initial_word`; every weight stays."""

    name: ClassVar[str] = "textual-inversion"
    rates: ClassVar[Rates] = Rates(5e-4, 2e-2)
    float32_parts: ClassVar[frozenset[str]] = frozenset({"text_encoder"})
    fewest_images: ClassVar[int] = 3
    bounds: ClassVar[Mapping[str, Bounds]] = {**FineTuner.bounds, "vectors": Bounds(1)}

    steps: int = 500
    batch_size: int = 8
    prompt_dropout: float = 0.0  # without the word there is nothing to learn
    placeholder: str = "<concept>"
    initial_word: str = "scan"
    vectors: int = 4

    def _prompt(self, prompt: str) -> str:
        return " ".join([*token_names(self.placeholder, self.vectors), prompt])

    def _trained_values(self, cost: NetworkCost) -> tuple[int, int]:
        return 0, self.vectors * cost.text_width

    def _check_on(self, backbone: BackboneFolder) -> None:
        super()._check_on(backbone)
        self._leave_room(backbone.configs["text_encoder"].get("max_position_embeddings", CLIP_LENGTH))

    def _leave_room(self, length: int) -> None:
        """UsageError where a prompt of `length` tokens, start and end included, has no room for a word of the card."""
        if (most := length - 3) < self.vectors:
            raise UsageError(
                f"vectors: expected at most {most}, as the text encoder takes {length} tokens, got {self.vectors}, "
                "which leave no room for the caption"
            )

    def _prepare(self, model: LatentDiffusion, data: EncodedSet, context: Context) -> Trainable:
        self._leave_room(model.prompt_length)  # a tokenizer may take fewer than the text encoder
        names = token_names(self.placeholder, self.vectors)
        tokens = LearnedTokens.added(model, names, self.initial_word)
        model.cast(self._precision(context))  # the rows are float32 beside it
        return Trainable({"rows": tokens.rows}, tokens.condition(data), tokens)
