"""New words for a backbone whose embeddings are learnt, while every other word keeps its own.

The rows stand beside the text encoder's table and are put in place of the placeholders' in each forward pass, so
nothing else of the table has a gradient to restore.

Shapes: T learned tokens, L tokens a prompt, d width, B images, P prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..diffusion.latent_diffusion import LatentDiffusion
from .checkpoint import save_atomic
from .denoising import Condition
from .encoded import EncodedSet
from .transfer import sent

EMBEDDINGS = "learned_embeds.safetensors"


@dataclass(frozen=True)
class LearnedTokens:
    """Tokens `ids` of a backbone with their embeddings `rows (T, d) float32`, which have gradients."""

    model: LatentDiffusion
    names: tuple[str, ...]
    ids: tuple[int, ...]
    rows: torch.nn.Parameter

    @classmethod
    def added(cls, model: LatentDiffusion, names: tuple[str, ...], like: str) -> LearnedTokens:
        """New tokens `names`, each starting from the word `like`, in a backbone's copy in memory."""
        ids = model.add_tokens(names, like)
        rows = model.embeddings.weight.detach()[list(ids)].float().clone()
        return cls(model, names, ids, torch.nn.Parameter(rows))

    def condition(self, data: EncodedSet) -> Condition:
        """Hidden states of prompts with these rows, with gradient; each distinct prompt of a batch is encoded once."""
        ids_PL, device = self.model.tokenise([*data.prompts, ""]), self.model.text_encoder.device
        empty = len(data.prompts)

        def condition(index: torch.Tensor, dropped: torch.Tensor) -> torch.Tensor:
            prompts = torch.where(dropped, torch.full_like(index, empty), data.prompt_of[index])
            distinct, position = torch.unique(prompts, return_inverse=True)
            handle = self.model.embeddings.register_forward_hook(self._put)
            try:
                hidden = self.model.hidden_states(sent(ids_PL[distinct], device))
            finally:
                handle.remove()
            return hidden[sent(position, device)]

        return condition

    def _put(self, table: torch.nn.Module, inputs: tuple[torch.Tensor, ...], looked_up: torch.Tensor) -> torch.Tensor:
        """Replace what the table gave for the placeholders."""
        for index, token in enumerate(self.ids):
            chosen = (inputs[0] == token)[..., None]
            looked_up = torch.where(chosen, self.rows[index].to(looked_up.dtype), looked_up)
        return looked_up

    @torch.no_grad()
    def settle(self) -> None:
        """Write the rows into the backbone's table, for sampling."""
        table = self.model.embeddings.weight
        table[list(self.ids)] = self.rows.detach().to(table.dtype)

    def save(self, path: Path) -> None:
        """Write the embeddings as diffusers' `load_textual_inversion` reads them: one tensor `(T, d)` by the name."""
        save_atomic({self.names[0]: self.rows}, path, {"format": "pt"})


def token_names(word: str, count: int) -> tuple[str, ...]:
    """`word`, `word_1`, `word_2`, ...: as diffusers names a concept of several vectors."""
    return (word, *(f"{word}_{index}" for index in range(1, count)))
