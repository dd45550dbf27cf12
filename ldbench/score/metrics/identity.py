"""Identity: how much of the source an edit has kept where it had nothing to change.

The paper compares whole images ("SSIM between the target and the source image to determine how well the identity of
the source image is retained", Sec. 4.2.2): `source_ssim`. That punishes the edit itself, and the truth with it. So
`identity_ssim` and `identity_lpips` look at the rest: inside the region that truth says must change, the result is
replaced by the source, so that nothing an edit does there counts; SSIM (Wang et al. 2004) is then averaged over the
pixels outside the region, and LPIPS (Zhang et al. 2018, arXiv 1801.03924) compares the composite with the source.
Where truth is unknown the region is None and the whole image counts. Where the card has viewing conditions, images
are compared under them. A copy of the source is perfect on all three,
so they are read beside effectiveness. Cases that have no pixel outside are left out, and `n` says so.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ldbench.api import ImageSet, Measured, Metric, ParameterValue
from ldbench.score.image_sets import DerivedSet, PickedSet
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.lpips import PerceptualSpec, lpips_score
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.region import by_region, outside, region_means, validated_region, with_pixels
from ldbench.score.metrics.ssim import WINDOW, ssim_map, ssim_parameters, ssim_score, ssim_values
from ldbench.score.metrics.viewed import viewed

if TYPE_CHECKING:
    import torch

_WHOLE: dict[str, ParameterValue] = {"against": "source", "region": "whole image"}
_OUTSIDE: dict[str, ParameterValue] = {"against": "source", "region": "outside what the true image changes"}


def source_ssim_score(result: ImageSet, source: ImageSet) -> Measured:
    """Plain SSIM between results and their sources, `(N, 3, H, W) float32 in [0, 1]`, with Student's t interval."""
    score = ssim_score(result, source)
    return replace(score, metric="source_ssim", parameters={**score.parameters, **_WHOLE})


def identity_ssim_score(result: ImageSet, source: ImageSet, region: ImageSet | None) -> Measured:
    """Mean SSIM to the source outside the region `(N, H, W) bool`, with Student's t interval over cases."""
    if region is None:
        return replace(source_ssim_score(result, source), metric="identity_ssim")
    values = identity_ssim_values(result, source, region)
    score = mean_score("identity_ssim", values, "higher", {**ssim_parameters(), **_OUTSIDE})
    return score.among(with_pixels(_away_from_border(region)))


def identity_ssim_values(result: ImageSet, source: ImageSet, region: ImageSet | None) -> Array:
    """One value a case that has pixels outside the region and away from the border, in [-1, 1]."""
    validated_pairs("identity_ssim", result, source, smallest=WINDOW)
    if region is None:
        return ssim_values(result, source)
    validated_region("identity_ssim", region, result)
    return region_means("identity_ssim", DerivedSet(_outer_ssim, (result, source, region)), _away_from_border(region))


def _outer_ssim(result: torch.Tensor, source: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    return ssim_map(composite(result, source, region), source).mean(dim=1)


def identity_lpips_score(
    result: ImageSet, source: ImageSet, region: ImageSet | None, extractor: str = "stlpips-alex",
    device: torch.device | str = "cpu",
) -> Measured:
    """Mean LPIPS between composite and source, with Student's t interval over cases that have pixels outside."""
    validated_pairs("identity_lpips", result, source, smallest=WINDOW)
    settings = _WHOLE
    if region is not None:
        kept_n = with_pixels(outside(validated_region("identity_lpips", region, result)))
        indices = tuple(np.flatnonzero(kept_n).tolist())
        result = PickedSet(DerivedSet(composite, (result, source, region)), indices)
        source, settings = PickedSet(source, indices), _OUTSIDE
    score = lpips_score(result, source, extractor=extractor, device=device)
    named = replace(score, metric="identity_lpips", parameters={**score.parameters, **settings})
    return named if region is None else named.among(kept_n)


def _away_from_border(region: ImageSet) -> DerivedSet:
    """What lies outside the region and has a whole SSIM window around it, `(N, H - 10, W - 10) bool`."""
    border = WINDOW // 2
    return DerivedSet(lambda mask: ~mask[:, border:-border, border:-border], (region,))


def composite(result: torch.Tensor, source: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """The result outside the region `(N, H, W) bool` and the source inside, `(N, 3, H, W)`."""
    import torch

    return torch.where(region[:, None], source, result)


SOURCE_SSIM = Metric(
    name="source_ssim", title="Structural similarity to the source",
    summary="SSIM of result and source over the whole image; punishes the edit itself.", direction="higher",
    compute=viewed(lambda inputs, settings: source_ssim_score(inputs.lazy.generated, inputs.lazy.sources)),
    compares="edited images and their sources", needs=frozenset({"source"}), bounds=(-1.0, 1.0), axis="identity",
    catches=(
        "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right", "upside-down",
        "lesion", "hole",
    ),
    blind_to=("too-little", "unedited"),
)

IDENTITY_SSIM = Metric(
    name="identity_ssim", title="Structural similarity to the source outside the edit",
    summary="SSIM to the source where truth changes nothing (whole image where truth is unknown); 1 for a copy.",
    direction="higher", compares="edited images, their sources and their true counterparts",
    compute=viewed(lambda inputs, settings: by_region(
        identity_ssim_score(inputs.lazy.generated, inputs.lazy.sources, inputs.lazy.region), inputs
    )),
    needs=frozenset({"source"}), bounds=(-1.0, 1.0), axis="identity",
    catches=(
        "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right", "upside-down",
        "lesion", "hole",
    ),
    blind_to=("too-little", "unedited"),
)

IDENTITY_LPIPS = Metric(
    name="identity_lpips", title="Perceptual distance to the source outside the edit",
    summary="LPIPS to the source, the region that truth changes taken from the source; 0 for a copy.",
    direction="lower", compares="edited images, their sources and their true counterparts",
    compute=viewed(lambda inputs, settings: by_region(
        identity_lpips_score(
            inputs.lazy.generated, inputs.lazy.sources, inputs.lazy.region, settings.extractor, inputs.device
        ), inputs
    )),
    settings=PerceptualSpec, needs=frozenset({"source"}), bounds=(0.0, math.inf),
    networks=("stlpips-alex", "lpips-alex"), axis="identity",
    catches=(
        "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right", "upside-down",
        "hole",
    ),
    blind_to=("too-little", "unedited"),
)
