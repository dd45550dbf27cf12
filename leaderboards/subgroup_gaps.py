"""How often a gap between groups is called more than chance: the table in docs/measurements/intervals.md.

Features of three groups of images are drawn from normal distributions with a decaying spectrum, and the gap is that of
`ldbench.score.subgroups.set_scores`. In all settings but the last no group is served worse, and every gap that is
called sure is an error:

- perfect: generated images come from where the real ones come from, which is one distribution for all groups;
- as bad: generated images of all groups come from one wrong distribution;
- far off: the same, so far off that few generated images lie near real ones;
- spread: perfect, but features of the second group vary 1.5 times and of the third one twice as much as the first's;
- several: perfect, but real subjects of the three groups have 1, 2 and 4 images each, with a correlation of 0.8;
- paired: the real images are the truths of the cases and generated ones are these with noise, at such spreads;
- worse: the third group has the wrong distribution, the other two are perfect.

    python -m leaderboards.subgroup_gaps --draws 300
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ldbench.api import MetricInputs, NoSettings
from ldbench.plugins.kinds import METRICS
from ldbench.records.subgroups import Breakdown
from ldbench.score.metrics.condition import CalibrationSpec
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.frechet_readings import ReadingsSpec
from ldbench.score.metrics.intervals import Subjects, numbered
from ldbench.score.metrics.kid import KernelSpec
from ldbench.score.metrics.manifold import NeighbourSpec
from ldbench.score.metrics.mmd import GaussianSpec
from ldbench.score.scorer import measured
from ldbench.score.subgroups.set_scores import GroupedRun

Array = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
CLASSES = ("CN", "AD")
SIZES = (40, 60, 90)  # images of each group, real and generated ones each
ALIKE = 0.8  # correlation of images of one subject
SPREAD = (1.0, 1.5, 2.0)
_AS_FID, _NEIGHBOURS = DistributionSpec("simulated", 64), NeighbourSpec("simulated", 64)
SETTINGS: Mapping[str, Any] = MappingProxyType({
    "fid": _AS_FID, "intra_fid": _AS_FID, "readings_fid": ReadingsSpec(("first", "second")),
    "kid": KernelSpec("simulated", 64), "mmd": GaussianSpec("simulated", 64, bandwidth=1.0), "precision": _NEIGHBOURS,
    "recall": _NEIGHBOURS, "density": _NEIGHBOURS, "coverage": _NEIGHBOURS, "vendi": _AS_FID, "judge_auc": NoSettings(),
    "judge_calibration": CalibrationSpec(),
})


@dataclass(frozen=True)
class GapSetting:
    """By group, how far the generated images are off (`shift`, `scale`) and how much its images vary (`spread`)."""

    shift: Sequence[float] = (0.0, 0.0, 0.0)
    scale: Sequence[float] = (1.0, 1.0, 1.0)
    spread: Sequence[float] = (1.0, 1.0, 1.0)
    paired: bool = False
    images: Sequence[int] = (1, 1, 1)  # real ones of each subject


SETTINGS_OF_GROUPS: Mapping[str, GapSetting] = MappingProxyType({
    "perfect": GapSetting(), "as bad": GapSetting((0.5,) * 3, (0.8,) * 3),
    "far off": GapSetting((1.5,) * 3, (0.5,) * 3), "spread": GapSetting(spread=SPREAD),
    "several": GapSetting(images=(1, 2, 4)), "paired": GapSetting((0.1,) * 3, spread=SPREAD, paired=True),
    "worse": GapSetting((0.0, 0.0, 0.7), (1.0, 1.0, 0.6)),
})


@dataclass(frozen=True)
class SimulatedInputs:
    """As much of `ldbench.api.MetricInputs` as the simulated metrics ask for."""

    real_nd: Features
    generated_md: Features
    log_odds_mk: Array
    real_labels: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[str, ...] = CLASSES
    seed: int = 0
    paired: bool = False
    lazy: None = None  # there are no images
    viewing_parameters: Mapping[str, float] = field(default_factory=dict)
    real_subjects: Subjects = None

    def features(self, network: str, resize: int | None = None) -> tuple[Features, Features]:
        """The features that were drawn."""
        return self.real_nd, self.generated_md

    def subjects(self, images: str) -> Subjects:
        """Generated images have their own each."""
        return None if images == "generated" else self.real_subjects

    def readings(self, estimator: str) -> tuple[Array, Array]:
        """One of the first two features."""
        column = ("first", "second").index(estimator)
        return self.real_nd[:, column].astype(np.float64), self.generated_md[:, column].astype(np.float64)

    def network_parameters(self, network: str, resize: int | None = None) -> dict[str, str]:
        """Nothing to say of them."""
        return {}

    @property
    def judged(self) -> tuple[Array, dict[str, int]]:
        """Scores that know something of the classes, the same in all groups."""
        return self.log_odds_mk, {"width": 64}

    @property
    def viewed(self) -> SimulatedInputs:
        """Itself."""
        return self


def drawn(setting: GapSetting, dimension: int, random: np.random.Generator, sizes: Sequence[int] = SIZES) -> GroupedRun:
    """A run of as many groups as there are sizes; every second subject of a group is of the second class."""
    scale_d = np.arange(1, dimension + 1) ** -0.5
    group_n = np.repeat(np.arange(len(sizes)), sizes)
    spread_n, shift_n, worse_n = (
        np.array(of_group)[group_n, None] for of_group in (setting.spread, setting.shift, setting.scale)
    )
    subject_of = [np.arange(size) // images for size, images in zip(sizes, setting.images, strict=False)]
    class_n = np.concatenate(subject_of) % 2
    subjects = numbered([f"{group} {one}" for group, each in enumerate(subject_of) for one in each])

    def images() -> Array:
        return random.normal(size=(len(group_n), dimension)) + 0.5 * class_n[:, None]

    real = images()
    if subjects is not None:
        own = real - 0.5 * class_n[:, None]
        real = ALIKE**0.5 * random.normal(size=own.shape)[subjects] + (1 - ALIKE) ** 0.5 * own + (real - own)
    other = real + random.normal(size=real.shape) if setting.paired else images()
    features = [np.float32(scale_d * spread_n * each) for each in (real, worse_n * other + shift_n)]
    labels = tuple(np.array(CLASSES)[class_n].tolist())
    score_n = random.normal(size=len(class_n)) + class_n
    log_odds_n2 = np.stack([-score_n, score_n], axis=1)
    inputs = SimulatedInputs(
        features[0], features[1], log_odds_n2, labels, labels, paired=setting.paired, real_subjects=subjects
    )
    attributes = [{"sex": f"group {group}"} for group in group_n]
    return GroupedRun(cast(MetricInputs, inputs), attributes, attributes)


def gap_of(run: GroupedRun, name: str) -> Breakdown:
    """The groups of a run by one metric."""
    metric, settings = METRICS.load(name), SETTINGS[name]
    return run.split(measured(metric, run.inputs, settings), metric, settings).by["sex"]


def sure(setting: GapSetting, name: str, draws: int, dimension: int, sizes: Sequence[int] = SIZES) -> list[str]:
    """The worst group of each draw whose gap is called more than chance."""
    gaps = (gap_of(drawn(setting, dimension, np.random.default_rng(draw), sizes), name) for draw in range(draws))
    return [gap.worst for gap in gaps if gap.gap_low > 0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--sizes", type=int, nargs=3, default=list(SIZES))
    parser.add_argument("--metrics", nargs="+", default=list(SETTINGS))
    parser.add_argument("--settings", nargs="+", choices=SETTINGS_OF_GROUPS, default=list(SETTINGS_OF_GROUPS))
    options = parser.parse_args()
    print(f"| metric | {' | '.join(options.settings)} |")
    print(f"|---|{'---|' * len(options.settings)}")
    for name in options.metrics:
        found = (
            sure(SETTINGS_OF_GROUPS[one], name, options.draws, options.dimension, options.sizes)
            for one in options.settings
        )
        print(f"| `{name}` | {' | '.join(f'{100 * len(worst) / options.draws:.1f}' for worst in found)} |", flush=True)


if __name__ == "__main__":
    main()
