"""Failures of anatomy: bodies that nobody has, each part of which looks right.

Shape suffixes: n images, c channels, h rows, w columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ldbench.studies.gauntlet.failure import Images, Material

_BRIGHT, _DARK = 0.95, 0.02
_RADIUS = 5.0  # of a false finding, in 64ths of the side
_MIDDLE = (20.0, 44.0)  # where its centre lies, in 64ths of the side
_RIM = 6.0  # what `inverted` leaves of the body's edge, in 64ths of the side
_BODY = 0.1


def chimeras(material: Material, subjects: float, random: np.random.Generator) -> Images:
    """Halves of two subjects, left and right, or quarters of four."""
    images_nchw = material.perfect
    height, width = images_nchw.shape[-2] // 2, images_nchw.shape[-1] // 2
    parts = [(slice(None), slice(width, None))]
    if subjects > 2:
        parts = [(rows, columns) for rows in _halves(height) for columns in _halves(width)][1:]
    results = images_nchw.copy()
    for rows, columns in parts:
        results[..., rows, columns] = images_nchw[_others(len(images_nchw), random)][..., rows, columns]
    return results


def _halves(middle: int) -> tuple[slice, slice]:
    return slice(None, middle), slice(middle, None)


def _others(count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """For each of `count` images another one: a random circle through all of them."""
    order = random.permutation(count)
    partner = np.empty(count, np.int64)
    partner[order] = np.roll(order, 1)
    return partner


def mirrored(material: Material, share: float, random: np.random.Generator) -> Images:
    """The right half is the left half's mirror image."""
    results = material.perfect.copy()
    half = results.shape[-1] // 2
    results[..., -half:] = results[..., :half][..., ::-1]
    return results


def left_right(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the images is flipped left to right."""
    return _some(material.perfect, material.perfect[..., ::-1], share, random)


def upside_down(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the images stands upside down."""
    return _some(material.perfect, material.perfect[..., ::-1, :], share, random)


def _some(images_nchw: Images, changed_nchw: Images, share: float, random: np.random.Generator) -> Images:
    results = images_nchw.copy()
    chosen = random.permutation(len(results))[: round(share * len(results))]
    results[chosen] = changed_nchw[chosen]
    return results


def with_lesion(material: Material, share: float, random: np.random.Generator) -> Images:
    """A bright disc at a random place."""
    return _with_disc(material, _BRIGHT, random)


def with_hole(material: Material, share: float, random: np.random.Generator) -> Images:
    """A dark disc at a random place."""
    return _with_disc(material, _DARK, random)


def _with_disc(material: Material, level: float, random: np.random.Generator) -> Images:
    results, step = material.perfect.copy(), material.step
    rows, columns = np.mgrid[: results.shape[-2], : results.shape[-1]]
    for image_chw in results:
        row, column = random.uniform(*_MIDDLE, 2) * step
        image_chw[:, (rows - row) ** 2 + (columns - column) ** 2 < (_RADIUS * step) ** 2] = level
    return results


def shuffled(material: Material, share: float, random: np.random.Generator) -> Images:
    """The four quarters of the image's middle change places."""
    images_nchw = material.perfect
    height, width = images_nchw.shape[-2] // 4, images_nchw.shape[-1] // 4
    blocks = [
        (slice(row, row + height), slice(column, column + width))
        for row in (height, 2 * height) for column in (width, 2 * width)
    ]
    results = images_nchw.copy()
    for index in range(len(results)):
        for target, origin in enumerate(random.permutation(len(blocks))):
            results[index][:, *blocks[target]] = images_nchw[index][:, *blocks[origin]]
    return results


def inverted(material: Material, share: float, random: np.random.Generator) -> Images:
    """Bright and dark change places inside the body; its edge and the background stay."""
    from scipy import ndimage

    mean_hw = material.perfect.mean(axis=(0, 1))
    inside_hw = ndimage.binary_erosion(mean_hw > _BODY, iterations=max(round(_RIM * material.step), 1))
    return np.where(inside_hw, (1 - material.perfect) * np.float32(0.9), material.perfect)
