"""Feature networks and estimators on a few images: both turn images into numbers, and are held to one contract."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ldbench.api import Estimator, Network, ParameterValue
from ldbench.errors import ImageError, LdbenchError
from ldbench.plugins.blame import ANYTHING
from ldbench.score.metrics.attribute_error import readings_of
from ldbench.score.networks.features import extract, extractor_parameters, find_weights, network_of
from ldbench.testing import plugin_clauses as clauses
from ldbench.testing.contract import SETTINGS
from ldbench.testing.finding import Clause, ClauseError, Finding, judge, stopped
from ldbench.testing.surroundings import Moved, seed_all, settings_undisturbed, settings_watched, states, undisturbed

if TYPE_CHECKING:
    from ldbench.api.network import Features

_TOLERANCE = 1e-3  # of the spread over images: kernels differ with the batch's shape
_NARROWER = 3 / 4  # the other size's height; its width stays

Images = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Reading = Callable[[npt.NDArray[Any]], Any]


@dataclass(frozen=True)
class Reader:
    """Anything that reads images `(N, 3, H, W) float32 in [0, 1]`, loaded anew at each call, to `(N, d)` or `(N,)`.

    `batch_size` None is as the suite would take them. `written` gets a line for each batch that was changed in place.
    """

    read: Callable[[Images, int | None], Numbers]
    device: torch.device
    written: list[str]


def of_network(name: str, images: Images, device: torch.device) -> list[Finding]:
    """The findings on the network that a card calls `name`; `WeightsError` where its weights are missing."""
    find_weights(name)
    network, digest = network_of(name)
    written = list[str]()

    @functools.wraps(network.load)
    def load(*, resize: int, device: torch.device | str, weights: Path | None, digest: str) -> Features:
        features = network.load(resize=resize, device=device, weights=weights, digest=pinned)
        return _watched(features, written)

    def parameters(*, resize: int, digest: str) -> Mapping[str, ParameterValue]:
        return network.parameters(resize=resize, digest=pinned)

    pinned, watched = digest, replace(network, load=load, parameters=parameters)

    def read(some: Images, batch_size: int | None) -> Numbers:
        return extract(some, watched, device=device, batch_size=batch_size).astype(np.float64)

    described = judge(clauses.DESCRIBED, lambda: _described(watched))
    return [described, *_look(Reader(read, device, written), images)]


def of_estimator(estimator: Estimator, images: Images, device: torch.device) -> list[Finding]:
    """The findings on an estimator."""
    written = list[str]()
    watched = _watched(estimator.read, written)

    def read(some: Images, batch_size: int | None) -> Numbers:
        parts = np.array_split(some, len(some)) if batch_size == 1 else [some]
        return np.concatenate([readings_of(estimator.name, torch.from_numpy(part), watched) for part in parts])

    return _look(Reader(read, device, written), images)


def _watched(function: Reading, written: list[str]) -> Reading:
    """The function, which notes where it changes what it is given."""

    @functools.wraps(function)
    def called(images: npt.NDArray[Any]) -> Any:
        before = images.copy()
        returned = function(images)
        if not np.array_equal(images, before):
            written.append(f"a batch of {len(images)} changed in place")
        return returned

    return called


def _described(network: Network) -> str:
    one, other = extractor_parameters(network), extractor_parameters(network)
    if one != other:
        raise ClauseError(f"{one}, then {other}")
    said = ", ".join(f"{key} {value}" for key, value in one.items())
    return said if "weights_sha256" in one else f"{said}; no weights_sha256, so it must have no weights"


def _look(reader: Reader, images: Images) -> list[Finding]:
    moved = list[Moved]()
    seed_all(1, reader.device)
    before = states(reader.device)
    try:
        with settings_watched("reading", moved):
            found = reader.read(images, None)
    except ANYTHING as error:  # a plug-in's own code may raise it
        return [stopped(clauses.READ, error)]
    after = states(reader.device)
    checks: dict[Clause, Callable[[], str]] = {
        clauses.READ: lambda: f"{found.shape}, from {found.min():.3g} to {found.max():.3g}",
        clauses.READ_AGAIN: lambda: _again(reader, images, found),
        clauses.READ_ALONE: lambda: _alone(reader, images, found),
        clauses.TELLS_APART: lambda: _told_apart(found),
        clauses.OTHER_SIZE: lambda: _other_size(reader, images, found),
        clauses.UNDISTURBED: lambda: undisturbed(before, after),
        SETTINGS: lambda: settings_undisturbed(moved),
        clauses.INPUTS_KEPT: lambda: _as_before(reader),
    }
    return [judge(clause, check) for clause, check in checks.items()]


def _again(reader: Reader, images: Images, found: Numbers) -> str:
    seed_all(2, reader.device)
    if not np.array_equal(other := reader.read(images, None), found):
        raise ClauseError(f"up to {np.abs(other - found).max():.3g} apart")
    return "equal"


def _alone(reader: Reader, images: Images, found: Numbers) -> str:
    together = reader.read(images, len(images))
    alone = reader.read(np.ascontiguousarray(images[::-1]), 1)[::-1]
    spread = float(np.ptp(found)) or 1.0
    apart = float(max(np.abs(other - found).max() for other in (together, alone))) / spread
    if apart > _TOLERANCE:
        raise ClauseError(f"up to {apart:.2%} of their spread apart")
    return f"largest difference {apart:.2g} of their spread"


def _told_apart(found: Numbers) -> str:
    distinct = len(np.unique(found.reshape(len(found), -1), axis=0))
    if distinct == 1:
        raise ClauseError(f"the same numbers for all {len(found)} images")
    return f"{distinct} of {len(found)}"


def _other_size(reader: Reader, images: Images, found: Numbers) -> str:
    smaller = np.ascontiguousarray(images[:, :, : int(images.shape[2] * _NARROWER)])
    try:
        read = reader.read(smaller, None)
    except LdbenchError as error:
        if not isinstance(error.__cause__ or error, ImageError):
            raise
        return f"refused: {error}"
    if read.shape != found.shape:
        raise ClauseError(f"{read.shape} for images {smaller.shape}, {found.shape} for {images.shape}")
    return f"{read.shape} for images {smaller.shape}"


def _as_before(reader: Reader) -> str:
    if reader.written:
        raise ClauseError(reader.written[0])
    return "as before, in each batch"
