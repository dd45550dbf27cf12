"""Images with two marks that come and go independently of each other, for the tests of classifiers of labels."""

from __future__ import annotations

import torch

SIZE = 64
NAMES = ("left", "right")


def marked(seed: int, n: int, strength: float = 0.6) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise `(n, 3, 64, 64)` with a bright square on the left, on the right, on both or neither; which, `(n, 2)`."""
    random = torch.Generator().manual_seed(seed)
    images = torch.rand((n, 3, SIZE, SIZE), generator=random) * 0.4
    labels = torch.tensor([[index % 2, index // 2 % 2] for index in range(n)], dtype=torch.float32)
    for image, (left, right) in zip(images, labels.tolist(), strict=True):
        image[:, 20:40, 4:22] += strength * left
        image[:, 20:40, 40:58] += strength * right
    return images.clamp(0, 1), labels
