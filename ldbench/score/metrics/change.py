"""How much an edit changes: in all, when asked for nothing, and after being asked back.

`minimality` is the mean absolute difference between result and source: the proximity of counterfactual explanations
(Wachter et al. 2017, arXiv 1711.00399) and the l_in of the paper's Eq. 5. Doing nothing is perfect on it, and the true
edit is not, so it must be read beside effectiveness. It is not the counterfactual latent divergence (Sanchez and
Tsaftaris 2022, arXiv 2202.10166; Melistas et al. 2024): where subjects differ more than classes do, that one scores a
random other subject of the target class better than the truth (on sandbox-brain-disease, equal weights, KL of the
shipped autoencoder's latents, lower being better: 1.21 against 1.31 on average, and in 98 % of 200 cases).
`composition` asks for the null edit, `reversibility` for the edit and then back (Monteiro et al. 2023, arXiv
2303.01274); both compare with the source, which a counterfactual model returns by Pearl's axioms. Refuses images of
different shape and pixels outside [0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.measured import Measured

if TYPE_CHECKING:
    import torch

_BATCH = 64


def minimality_score(result: torch.Tensor, source: torch.Tensor) -> Measured:
    """Mean |x' - x| of results and their sources; see `change_values`."""
    return _score("minimality", result, source, "result and source")


def composition_score(null_result: torch.Tensor, source: torch.Tensor) -> Measured:
    """Mean |f(x, null) - x| of null edits and their sources; see `change_values`."""
    return _score("composition", null_result, source, "null edit and source")


def reversibility_score(back_result: torch.Tensor, source: torch.Tensor) -> Measured:
    """Mean |f(f(x, a'), a) - x| of results that were edited back and the first sources; see `change_values`."""
    return _score("reversibility", back_result, source, "result edited back and source")


def change_values(metric: str, result: torch.Tensor, source: torch.Tensor) -> Array:
    """Mean absolute difference of each pair `(N, 3, H, W) float32 in [0, 1]` over pixels and channels, in [0, 1]."""

    def values(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x.double() - y.double()).abs().mean(dim=(1, 2, 3))

    return in_batches(values, *validated_pairs(metric, result, source, smallest=1), _BATCH)


def _score(metric: str, result: torch.Tensor, source: torch.Tensor, compared: str) -> Measured:
    what = {"distance": "mean absolute difference of pixels in [0, 1]", "between": compared}
    return mean_score(metric, change_values(metric, result, source), "lower", what)
