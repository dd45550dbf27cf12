"""How much an edit changes: in all, when asked for nothing, and after being asked back.

`minimality` is the mean absolute difference between result and source: the proximity of counterfactual explanations
(Wachter et al. 2017, arXiv 1711.00399) and the l_in of the paper's Eq. 5. Doing nothing is perfect on it, and the true
edit is not, so it must be read beside effectiveness. It is not the counterfactual latent divergence (Sanchez and
Tsaftaris 2022, arXiv 2202.10166; Melistas et al. 2024): where subjects differ more than classes do, that one scores a
random other subject of the target class better than the truth (on sandbox-brain-disease, equal weights, KL of the
shipped autoencoder's latents, lower being better: 1.21 against 1.31 on average, and in 98 % of 200 cases).
`composition` asks for the null edit, `reversibility` for the edit and then back (Monteiro et al. 2023, arXiv
2303.01274); both compare with the source, which a counterfactual model returns by Pearl's axioms. Where the card has
viewing conditions, images are compared under them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldbench.api import ImageSet, Measured, Metric
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.viewed import viewed

if TYPE_CHECKING:
    import torch

_BATCH = 64
_COMPARED = {
    "minimality": "result and source", "composition": "null edit and source",
    "reversibility": "result edited back and source",
}


@dataclass(frozen=True)
class PassSpec:
    """A metric that needs further images of the generator: of so many cases, chosen by a hash of their ids."""

    cases: int

    def __post_init__(self) -> None:
        if self.cases < 2:
            raise TypedError(f"cases: expected 2 or more, got {self.cases}")


def change_score(metric: str, result: ImageSet, source: ImageSet) -> Measured:
    """Mean over cases of `change_values` under the name of one of the three metrics, with Student's t interval."""
    what = {"distance": "mean absolute difference of pixels in [0, 1]", "between": _COMPARED[metric]}
    return mean_score(metric, change_values(metric, result, source), "lower", what)


def change_values(metric: str, result: ImageSet, source: ImageSet) -> Array:
    """Mean absolute difference of each pair `(N, 3, H, W) float32 in [0, 1]` over pixels and channels, in [0, 1]."""

    def values(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x.double() - y.double()).abs().mean(dim=(1, 2, 3))

    return in_batches(values, *validated_pairs(metric, result, source, smallest=1), _BATCH)


MINIMALITY = Metric(
    name="minimality", title="Mean change",
    summary="Mean |x' - x|; doing nothing is perfect, so read it beside flip_rate or age_error.", direction="lower",
    compute=viewed(lambda inputs, settings: change_score("minimality", inputs.lazy.generated, inputs.lazy.sources)),
    compares="edited images and their sources", needs=frozenset({"source"}), bounds=(0.0, 1.0), axis="identity",
    catches=(
        "too-much", "other-subject", "noise", "gain", "jpeg", "veil", "shift", "left-right", "upside-down", "lesion",
        "hole",
    ),
    blind_to=("too-little", "unedited"),
)

COMPOSITION = Metric(
    name="composition", title="Mean change by the null edit",
    summary="Mean |f(x, null) - x|; 0 for a sound counterfactual model.", direction="lower",
    compute=viewed(lambda inputs, settings: change_score("composition", *inputs.lazy.further("null"))),
    compares="images edited to what they are, and their sources", settings=PassSpec,
    needs=frozenset({"source", "null"}), bounds=(0.0, 1.0), axis="identity",
)

REVERSIBILITY = Metric(
    name="reversibility", title="Mean change there and back",
    summary="Mean |f(f(x, a'), a) - x|; 0 for a sound counterfactual model.", direction="lower",
    compute=viewed(lambda inputs, settings: change_score("reversibility", *inputs.lazy.further("back"))),
    compares="images edited and edited back, and their sources", settings=PassSpec, needs=frozenset({"source", "back"}),
    bounds=(0.0, 1.0), axis="identity",
)
