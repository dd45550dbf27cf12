"""Give the four latent channels zero mean and unit spread, inside the autoencoder's own 1 x 1 convolutions.

Diffusion adds noise of one size to all channels, so they must have like spreads; a KL term brings them near each
other only. What is decoded stays the same, and `scaling_factor` becomes 1.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL


@torch.no_grad()
def standardise(autoencoder: AutoencoderKL, images: torch.Tensor) -> None:
    """Rescale in place by the mean and spread that each channel has over `images`, (N, 3, S, S) in [-1, 1]."""
    chunks = [autoencoder.encode(batch).latent_dist.mean for batch in images.split(64)]
    latents = torch.cat(chunks).transpose(0, 1).flatten(1)
    mean, spread = latents.mean(dim=1), latents.std(dim=1)
    writer, reader = autoencoder.quant_conv, autoencoder.post_quant_conv
    channels = len(mean)
    writer.weight[:channels] /= spread.view(-1, 1, 1, 1)
    writer.bias[:channels] = (writer.bias[:channels] - mean) / spread
    writer.bias[channels:] -= 2.0 * spread.log()  # the other half is the logarithm of the variance
    reader.bias += reader.weight[:, :, 0, 0] @ mean
    reader.weight *= spread.view(1, -1, 1, 1)
    autoencoder.register_to_config(scaling_factor=1.0)
