"""Settings of metrics that compare features of two sets of images, and what such metrics need and cannot get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ldbench.errors import LdbenchError, WeightsError
from ldbench.records.from_table import TypedError
from ldbench.score.networks.features import extractor_parameters

FEWEST = 3  # samples of a set that a distance of sets has an interval for


@dataclass(frozen=True)
class DistributionSpec:
    """FID: the feature extractor and the side, in pixels, that it sees."""

    extractor: str
    resize: int

    def __post_init__(self) -> None:
        check_side(self.resize)

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: too few images, a network that nobody registered or that can't be had in this size."""
        yield from too_few_images(name, smaller)
        yield from unknown_network(lambda: extractor_parameters(self.extractor, self.resize))


def check_side(resize: int) -> None:
    """Raises `TypedError` for a card's side that no image has."""
    if resize < 1:
        raise TypedError(f"resize: expected 1 or more, got {resize}")


def too_few_images(name: str, smaller: int) -> Iterator[str]:
    """Why there is no distance of sets as small as `smaller`."""
    if smaller < FEWEST:
        yield (
            f"{name}: expected at least {FEWEST} images in both sets, got {smaller}; ask for more evaluation cases, "
            "or prepare more test scans"
        )


def too_few_seen(name: str, seen: int, least: int) -> Iterator[str]:
    """Why `seen` training images are too few for a metric that looks for what a generator learnt from them."""
    if seen < least:
        yield (
            f"{name}: expected at least {least} training images, got {seen}; prepare more training scans, or drop the "
            "metric"
        )


def unknown_network(find: Callable[[], object]) -> Iterator[str]:
    """What is wrong with a network that `find` looks up; nothing of its weights, which the network itself looks for
    (`ldbench.api.Network.find`), once for all metrics of a card."""
    try:
        find()
    except WeightsError:
        return
    except LdbenchError as error:
        yield str(error)
