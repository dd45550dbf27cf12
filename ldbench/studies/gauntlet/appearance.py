"""Failures of appearance: blur, noise, contrast, brightness, compression, a veil, a shift; the anatomy stays.

Shape suffixes: n images, c channels, h rows, w columns.
"""

from __future__ import annotations

import io

import numpy as np

from ldbench.studies.gauntlet.failure import Images, Material, NotPossibleError

_BLACK = 0.02  # up to here a pixel is background: five grey levels
_LEAST_BACKGROUND = 0.01


def blurred(material: Material, sigma: float, random: np.random.Generator) -> Images:
    """A Gaussian blur of `sigma` 64ths of the side."""
    from scipy import ndimage

    width = sigma * material.step
    return np.asarray(ndimage.gaussian_filter(material.perfect, (0, 0, width, width)), np.float32)


def noisy(material: Material, deviation: float, random: np.random.Generator) -> Images:
    """White noise of this standard deviation, in grey levels from 0 to 1, the same in all channels."""
    return with_noise(material.perfect, deviation, random)


def noisy_background(material: Material, deviation: float, random: np.random.Generator) -> Images:
    """White noise where the image is black."""
    images_nchw = material.perfect
    black_nchw = images_nchw.max(axis=1, keepdims=True) <= _BLACK
    if black_nchw.mean() < _LEAST_BACKGROUND:
        raise NotPossibleError("the images have no black background")
    return np.where(black_nchw, with_noise(images_nchw, deviation, random), images_nchw)


def with_noise(images_nchw: Images, deviation: float, random: np.random.Generator) -> Images:
    """The images with white noise, cut at 0 and 1."""
    count, _, height, width = images_nchw.shape
    drawn_nchw = random.standard_normal((count, 1, height, width), dtype=np.float32)
    return (images_nchw + np.float32(deviation) * drawn_nchw).clip(0, 1)


def flatter(material: Material, lost: float, random: np.random.Generator) -> Images:
    """This share of each image's contrast around its mean is lost."""
    mean_nchw = material.perfect.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(mean_nchw + np.float32(1 - lost) * (material.perfect - mean_nchw), np.float32)


def darker(material: Material, lost: float, random: np.random.Generator) -> Images:
    """This share of the brightness is lost."""
    return material.perfect * np.float32(1 - lost)


def veiled(material: Material, level: float, random: np.random.Generator) -> Images:
    """A constant added to every pixel."""
    return (material.perfect + np.float32(level)).clip(0, 1)


def compressed(material: Material, quality: float, random: np.random.Generator) -> Images:
    """Written as JPEG of this quality and read again."""
    from PIL import Image

    results = np.empty_like(material.perfect)
    for index, image_chw in enumerate(material.perfect):
        buffer = io.BytesIO()
        pixels_hwc = np.rint(image_chw.transpose(1, 2, 0) * 255).astype(np.uint8)
        Image.fromarray(pixels_hwc).save(buffer, "JPEG", quality=int(quality))
        with Image.open(buffer) as image:
            results[index] = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    return results


def shifted(material: Material, distance: float, random: np.random.Generator) -> Images:
    """Moved to the right by `distance` 64ths of the side; what leaves comes in at the left."""
    return moved(material.perfect, distance * material.step)


def moved(images_nchw: Images, pixels: float) -> Images:
    """The images moved to the right by whole pixels, at least one."""
    return np.roll(images_nchw, max(round(pixels), 1), axis=-1)
