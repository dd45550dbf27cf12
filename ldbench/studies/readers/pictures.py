"""The images of a study as readers get them: the same size, mode and encoding whatever they come from.

Under a card that measures grey images every image is averaged over its channels, as for the scores, so a tint gives
nobody away. A PNG holds pixels and nothing else, stored without compression: all are equally long, and no length tells
a smooth image from a grainy one. What the pixels themselves show is what readers are asked about, and stays. Images of
two sizes are an error.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from ldbench.data.images import quantise, read_image
from ldbench.errors import DataError, ImageError
from ldbench.studies.readers.key import StudyImage
from ldbench.studies.readers.runs import StudyMaterial

if TYPE_CHECKING:
    import torch

Pixels = npt.NDArray[np.uint8]


class Gallery:
    """Finds and encodes the pictures of a study."""

    def __init__(self, material: StudyMaterial) -> None:
        """Remember where the runs' images, the scans and the truths are; nothing is read yet."""
        self._material = material
        self._grey = material.data.task.protocol.channels == "grey-as-rgb"
        self._records = {record.id: record for record in material.data.dataset.records}

    def png(self, picture: StudyImage) -> bytes:
        """The picture as PNG; raises `ImageError` where it is missing, unreadable or not of the task's size."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels(picture)).save(buffer, "PNG", compress_level=0)
        return buffer.getvalue()

    def pixels(self, picture: StudyImage) -> Pixels:
        """The picture as shown: `(H, W) uint8` under a grey card, else `(H, W, 3) uint8`."""
        image, side = self._image(picture), self._material.data.task.protocol.resolution
        if tuple(image.shape) != (3, side, side):
            raise ImageError(
                f"{picture.kind} of {picture.id}: expected {side} x {side} RGB pixels, got {tuple(image.shape)}; "
                "prepare the data at the card's resolution"
            )
        if self._grey:
            pixels = quantise(image.mean(dim=0)).numpy()
        else:
            pixels = np.ascontiguousarray(quantise(image).permute(1, 2, 0).numpy())
        return _scattered(pixels, picture.id) if picture.kind == "noise" else pixels

    def _image(self, picture: StudyImage) -> torch.Tensor:
        import torch

        data = self._material.data
        if picture.kind == "result" and picture.run is not None:
            folder = self._material.images[picture.run]
            return read_image(folder / f"{picture.id}.png", size=data.task.protocol.resolution, root=folder)
        if picture.kind == "truth":
            if data.truth is None:
                raise DataError(f"{data.task.id}: expected true images, got none; it has no known answers")
            return data.truth(picture.id)
        return torch.from_numpy(data.dataset.image(self._records[picture.id]))


def _scattered(pixels: Pixels, name: str) -> Pixels:
    """The image's pixels in an order drawn by its id: its histogram stays, all that it shows goes."""
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(f"noise\0{name}".encode()).digest()[:8], "big"))
    flat = pixels.reshape(-1, *pixels.shape[2:])
    return flat[random.permutation(len(flat))].reshape(pixels.shape)
