"""The direction of an edit in the space of text: mean hidden states of its target's sentences minus its source's.

Parmar et al. 2023, arXiv 2302.03027, Sec. 3.1: many sentences that differ in nothing but what is edited, so that the
difference is the edit's alone. The card's sentences take the place of the paper's generated ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ldbench.api import Case, Edit

from ..diffusion.latent_diffusion import LatentDiffusion

_AT_ONCE = 64


def edit_directions(model: LatentDiffusion, cases: Sequence[Case]) -> torch.Tensor:
    """The directions `(B, L, d) float32` of the cases' edits; zeros for the null edit (`case.edit` None)."""
    edits = list(dict.fromkeys(case.edit for case in cases if case.edit is not None))
    sentences = list(dict.fromkeys(text for edit in edits for text in (*edit.source_sentences, *edit.target_sentences)))
    chunks = [sentences[start : start + _AT_ONCE] for start in range(0, len(sentences), _AT_ONCE)] or [[""]]
    states = torch.cat([model.embed(chunk) for chunk in chunks])
    directions: dict[Edit | None, torch.Tensor] = {None: torch.zeros_like(states[0])}
    for edit in edits:
        target, source = ([sentences.index(s) for s in side] for side in (edit.target_sentences, edit.source_sentences))
        directions[edit] = states[target].mean(0) - states[source].mean(0)
    return torch.stack([directions[case.edit] for case in cases])
