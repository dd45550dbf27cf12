"""Sandbox brains: one subject, renderable at any age and diagnosis with everything else the same.

A subject is a sex, a slice height, a head size and shape, a smooth diffeomorphism, contrasts, a bias field, noise, and
a pace of ageing and disease. Rendering at another age or diagnosis changes the atrophy (`atrophy.py`) and nothing
else, so the pair of images is the counterfactual, known and not estimated.

Every field comes from (build seed, subject number).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .anatomy import FRAME, SLICE_HEIGHTS, Field, load_slices
from .atlas import Atlas, build_atlas, open_sulci, ventricle_warp
from .atrophy import History, Pace
from .population import SHIPPED, Population
from .warp import compose, exponential, identity_warp, pull, smooth_noise

Sex = Literal["female", "male"]

SIZE = 64
_BLOCK = FRAME // SIZE

# Mean linear size of a head in the frame; men's brains are about 11 % larger by volume (Ruigrok et al.,
# Neuroscience and Biobehavioral Reviews 39, 2014), 3.6 % by length.
_HEAD_SIZE = {"female": 0.915, "male": 0.948}

# Rows and columns that the head fills.
_HEAD = slice(24, FRAME - 24)


@dataclass(frozen=True)
class Subject:
    """What stays the same in one person.

    Attributes:
        number: 1, 2, ...; with the build seed it gives all fields below and the identity's random fields.
        seed: build seed.
        sex: acts through head size.
        height: slice of the template.
        size: linear head size, 1 is the template.
        aspect: width over length, relative to the template.
        angle: in-plane rotation, radians.
        shift: rows and columns, pixels of 1 mm.
        levels: grey values of (white matter, grey matter, fluid), in [0, 1].
        noise: standard deviation of the noise in either channel, in [0, 1].
        ventricle_size: factor on the volume of the ventricles.
        sulcal_reserve: fraction of tissue lost at the sulci before ageing begins.
        pace: of ageing and disease.
        population: the revision that the draws are of.
    """

    number: int
    seed: int
    sex: Sex
    height: int
    size: float
    aspect: float
    angle: float
    shift: tuple[float, float]
    levels: tuple[float, float, float]
    noise: float
    ventricle_size: float
    sulcal_reserve: float
    pace: Pace
    population: Population = SHIPPED


@dataclass(frozen=True)
class Identity:
    """The random fields of one subject.

    Attributes:
        warp: (2, 192, 192) pull map from the subject's head to the template.
        sulci: (192, 192) log-odds offset of sulcal fluid, in the template's frame.
        gain: (64, 64) bias field around 1.
        noise: (2, 64, 64) unit normal, real and imaginary channel.
    """

    warp: Field
    sulci: Field
    gain: Field
    noise: Field


def draw_subject(number: int, sex: Sex, seed: int, population: Population = SHIPPED) -> Subject:
    """A subject from its number; the same arguments give the same subject."""
    rng = np.random.default_rng([seed, number, 0])

    def normal(mean: float, spread: float) -> float:
        return float(mean + spread * np.clip(rng.standard_normal(), -2.2, 2.2))

    white = normal(0.86, 0.035)
    return Subject(
        number=number, seed=seed, sex=sex, height=int(rng.choice(SLICE_HEIGHTS)),
        size=normal(_HEAD_SIZE[sex], population.head_spread), aspect=normal(1.0, 0.025), angle=normal(0.0, 0.025),
        shift=(normal(0.0, 0.8), normal(0.0, 0.8)),
        levels=(white, white * normal(0.65, 0.03), white * normal(0.16, 0.025)),
        noise=normal(0.014, 0.003),
        ventricle_size=float(np.exp(normal(population.ventricle_mean, population.ventricle_spread))),
        sulcal_reserve=max(0.0, normal(0.02, 0.008)),
        pace=Pace(
            ageing=float(np.exp(normal(0.0, population.ageing_spread))),
            disease=float(np.exp(normal(0.0, population.disease_spread))),
            mci_years=float(rng.uniform(2.5, 5.0)), ad_years=float(rng.uniform(*population.ad_years)),
        ),
        population=population,
    )


def draw_identity(subject: Subject) -> Identity:
    """The subject's random fields; about 0.05 s."""
    rng = np.random.default_rng([subject.seed, subject.number, 1])
    velocity = np.stack([2.0 * smooth_noise(rng, FRAME, 24) + 1.1 * smooth_noise(rng, FRAME, 9) for _ in range(2)])
    # The head stays in the frame: only the shape is random here, the place is `shift`.
    velocity -= velocity[:, _HEAD, _HEAD].mean(axis=(1, 2), keepdims=True)
    velocity *= _border_taper()
    centre = np.float32((FRAME - 1) / 2)
    rows, columns = identity_warp(FRAME) - centre
    cos, sin = np.cos(subject.angle), np.sin(subject.angle)
    rows, columns = rows - np.float32(subject.shift[0]), columns - np.float32(subject.shift[1])
    turned = np.stack(
        [
            (cos * rows - sin * columns) / subject.size + centre,
            (sin * rows + cos * columns) / (subject.size * subject.aspect) + centre,
        ]
    ).astype(np.float32)
    return Identity(
        warp=compose(turned, exponential(velocity)),
        sulci=0.4 * smooth_noise(rng, FRAME, 14) + 0.4 * smooth_noise(rng, FRAME, 6),
        gain=1 + 0.04 * smooth_noise(rng, SIZE, 16), noise=rng.standard_normal((2, SIZE, SIZE), dtype=np.float32),
    )


def _border_taper() -> Field:
    """1 in the middle of the frame, falling to 0 at its border over 30 pixels."""
    edge = np.clip(np.minimum(np.arange(FRAME), np.arange(FRAME)[::-1]) / 30.0, 0.0, 1.0).astype(np.float32)
    return edge[:, None] * edge[None, :]


def load_atlas(heights: Collection[int] = SLICE_HEIGHTS, *, shrinks: bool = SHIPPED.shrinks) -> dict[int, Atlas]:
    """Slices with their flows, by height; about 0.3 s each. DataError where nilearn or scipy isn't installed."""
    return {height: build_atlas(template, shrinks=shrinks) for height, template in load_slices().items()
            if height in heights}


def render(
    atlases: Mapping[int, Atlas], subject: Subject, identity: Identity, age: float, history: History
) -> npt.NDArray[np.uint8]:
    """One slice of `subject` at `age` after `history`, (64, 64) uint8, black outside the skull."""
    atlas = atlases[subject.height]
    loss = subject.population.loss(age, history, subject.pace)
    grey, white = open_sulci(atlas, identity.sulci, subject.sulcal_reserve + loss.ageing_tissue, loss.disease_tissue)
    ratio = subject.population.shown(subject.ventricle_size * loss.ventricle_ratio)
    warp = compose(identity.warp, ventricle_warp(atlas, ratio))
    grey, white, inside = pull(grey, warp), pull(white, warp), pull(atlas.slice.inside, identity.warp)
    bright, middle, dark = subject.levels
    # Whatever is neither grey nor white inside the skull is fluid.
    signal = _shrink(bright * white + middle * grey + dark * np.clip(1 - white - grey, 0, 1))
    measured = np.hypot(signal * identity.gain + subject.noise * identity.noise[0], subject.noise * identity.noise[1])
    picture = np.clip(measured, 0, 1) * _shrink(inside)
    return np.asarray(np.rint(255 * picture), dtype=np.uint8)


def _shrink(image: Field) -> Field:
    """Area average to 64 pixels."""
    return np.asarray(image.reshape(SIZE, _BLOCK, SIZE, _BLOCK).mean(axis=(1, 3)), dtype=np.float32)
