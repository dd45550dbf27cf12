"""Frechet distances over what can be read off an image: radiomics, or an anatomy's estimators.

As FID, but over numbers that have a meaning, in standard deviations of the real scans. FRD takes radiomics, as the
Frechet radiomics distance does (Osuala et al. 2024, arXiv 2403.13890; Konz et al. 2024, arXiv 2412.01496); its features
here are those of `ldbench.score.networks.radiomics`, which are not pyradiomics', and there is no logarithm. The
distance of readings takes the registered estimators that a card names: an age, a ratio of two widths.

Shape suffixes: n real samples, m generated samples, d features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, NoSettings, ParameterValue
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.attribute_error import unknown_estimators
from ldbench.score.metrics.fid import fid, gaussians_score, validated_features
from ldbench.score.metrics.gaussians import Gaussian, Gaussians, frechet
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, dependence_of, set_distance_score
from ldbench.score.metrics.viewed import viewed
from ldbench.score.networks.radiomics import LEAST_SPREADS
from ldbench.score.networks.radiomics import NAME as RADIOMICS

_INTERVAL = "expected value at these sample sizes (delete-a-group jackknife)"
_UNIT = "standard deviations of the real scans, squared"
_CONSTANT = 1e-9  # of a feature's size: a spread below this is round-off of a constant


@dataclass(frozen=True)
class ReadingsSpec:
    """A distance of what one or more estimators read off the images (`ldbench list estimators`)."""

    estimators: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.estimators or len(set(self.estimators)) < len(self.estimators):
            raise TypedError(f"estimators: expected one or more, none twice, got {list(self.estimators)}")

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: estimators that nobody registered."""
        return unknown_estimators(self.estimators)


def standardised_fid(real_nd: Array, generated_md: Array, least_d: npt.ArrayLike = 0.0) -> float:
    """The Frechet distance of `(n, d)` and `(m, d)` features, each in standard deviations of the real ones.

    A feature that is the same in all real images is counted in its own unit. `least_d` `(d,)` are the least standard
    deviations that are believed: without, one scan that differs a little from all others makes a unit so small that it
    decides the distance. Raises `MetricError` as `fid` does.
    """
    units_d = _units(real_nd.std(axis=0, ddof=1), np.abs(real_nd).max(axis=0), least_d)
    return fid(real_nd / units_d, generated_md / units_d)


def standardised_fid_score(
    metric: str, real: npt.ArrayLike, generated: npt.ArrayLike, *, extractor: str,
    parameters: Mapping[str, ParameterValue], dependence: Dependence = INDEPENDENT, least_d: npt.ArrayLike = 0.0,
) -> Measured:
    """`standardised_fid` as a score, with FID's interval; every replicate has its own standard deviations."""
    real_nd, generated_md = (
        np.asarray(each, np.float64) for each in validated_features(metric, real, generated, least=4)
    )
    return set_distance_score(
        metric, partial(standardised_fid, least_d=least_d), real_nd, generated_md, extractor=extractor, seed=0,
        dependence=dependence, parameters={**parameters, "unit": _UNIT},
    )


def standardised_frechet(real: Gaussian, generated: Gaussian, least_d: npt.ArrayLike = 0.0) -> float:
    """`standardised_fid` of two sets of which no more than their Gaussians is known."""
    spread_d = np.sqrt((real.factor_kd**2).sum(axis=0))
    units_d = _units(spread_d, np.abs(real.mean_d) + spread_d, least_d)
    return frechet(*(Gaussian(one.mean_d / units_d, one.factor_kd / units_d) for one in (real, generated)))


def standardised_gaussians_score(
    metric: str, real: Gaussians, generated: Gaussians, *, extractor: str,
    parameters: Mapping[str, ParameterValue], dependence: Dependence, least_d: npt.ArrayLike = 0.0,
) -> Measured:
    """`standardised_fid_score` of such sets."""
    return gaussians_score(
        metric, real, generated, extractor=extractor, parameters={**parameters, "unit": _UNIT},
        distance=partial(standardised_frechet, least_d=least_d), dependence=dependence,
    )


def _units(spread_d: Array, size_d: Array, least_d: npt.ArrayLike) -> Array:
    """What each feature is counted in, by its standard deviation and how large it is."""
    units_d = np.maximum(np.where(spread_d < _CONSTANT * size_d, 0.0, spread_d), least_d)
    units_d[units_d == 0] = 1
    return units_d


def _radiomics(inputs: MetricInputs) -> tuple[Array, Array]:
    real_nd, generated_md = inputs.features(RADIOMICS, _side(inputs))
    return real_nd.astype(np.float64), generated_md.astype(np.float64)


def _side(inputs: MetricInputs) -> int:
    return int(inputs.lazy.generated.shape[-1])


def _frd(inputs: MetricInputs, settings: NoSettings) -> Measured:
    return standardised_fid_score(
        "frd", *_radiomics(inputs), extractor=RADIOMICS, dependence=dependence_of(inputs),
        parameters=inputs.network_parameters(RADIOMICS, _side(inputs)), least_d=LEAST_SPREADS,
    )


def _readings(inputs: MetricInputs, settings: ReadingsSpec) -> tuple[Array, Array]:
    """What all estimators of the card read off real and generated images, `(n, d)` and `(m, d)`."""
    real, generated = zip(*map(inputs.readings, settings.estimators), strict=True)
    return np.stack(real, axis=1), np.stack(generated, axis=1)


def _readings_fid(inputs: MetricInputs, settings: ReadingsSpec) -> Measured:
    return standardised_fid_score(
        "readings_fid", *_readings(inputs, settings), extractor=", ".join(settings.estimators),
        parameters={"readings": len(settings.estimators)}, dependence=dependence_of(inputs),
    )


FRD = Metric(
    name="frd", title="Frechet radiomics distance",
    summary="Frechet distance of radiomics features in standard deviations of real scans; no network, any images.",
    direction="lower", whole_sets=True, compares="generated and real sets", compute=viewed(_frd), interval=_INTERVAL,
    groups="excess", value=lambda inputs, settings: standardised_fid(*_radiomics(inputs.viewed), LEAST_SPREADS),
    bounds=(0.0, math.inf), networks=("radiomics",), axis="fidelity",
    catches=(
        "blur", "noise", "contrast", "gain", "averaged", "collapse", "tails", "other-modality", "upside-down",
        "chimera", "mirrored", "hole", "shuffled", "inverted",
    ),
    blind_to=("swapped-classes", "copies", "test-copies"),
)

READINGS_FID = Metric(
    name="readings_fid", title="Frechet distance of anatomical readings",
    summary="Frechet distance of what estimators read off the images, in standard deviations of real scans.",
    direction="lower", whole_sets=True, compares="generated and real sets", compute=viewed(_readings_fid),
    interval=_INTERVAL, groups="excess",
    value=lambda inputs, settings: standardised_fid(*_readings(inputs.viewed, settings)),
    settings=ReadingsSpec, bounds=(0.0, math.inf), axis="fidelity",
    catches=(
        "blur", "noise", "contrast", "gain", "averaged", "collapse", "class-share", "other-modality", "upside-down",
        "chimera", "mirrored", "hole", "shuffled", "inverted",
    ),
    blind_to=("swapped-classes", "copies", "shifted-copies", "noisy-copies", "test-copies"),
)
