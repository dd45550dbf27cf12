"""A U-Net that sees a source image beside the noisy latent: its extra channels, its objective, its guidance.

Brooks et al. 2023, InstructPix2Pix (arXiv 2211.09800). The image condition is the mode of the autoencoder's posterior
in the autoencoder's own scale, not the latents', as in the authors' code and diffusers' pipeline. Which method trains
it on what is instruct_pix2pix.py's; nothing here reads settings.

Shapes: B images, N training pairs, C latent channels, h and w latent pixels, L tokens, d width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..backbone.precision import first_parameter
from ..diffusion.latent_diffusion import LatentDiffusion
from ..diffusion.sampling import Predict
from ..fitting.denoising import Denoising
from ..fitting.loop import Batch
from ..fitting.transfer import sent


@dataclass(frozen=True)
class EditBatch(Batch):
    """A `Batch` in which `dropped` is the instruction's, and `image_dropped (B,) bool`: source image left out."""

    image_dropped: torch.Tensor


@dataclass(frozen=True)
class EditDenoising:
    """`denoising` of the targets, with the sources' conditions `(N, C, h, w)` beside them: `model.unscaled` latents.

    The instruction alone is left out with probability `dropout`, the image alone with the same, and both with the same
    (Sec. 3.2.1: 5 % each), by one draw: Eq. 3 needs all three.
    """

    denoising: Denoising
    conditions: torch.Tensor
    dropout: float

    def draw(self, source: torch.Generator) -> EditBatch:
        """One batch."""
        batch = self.denoising.draw(source)
        chance = torch.rand(len(batch.index), generator=source)
        image_dropped = (chance >= self.dropout) & (chance < 3 * self.dropout)
        return EditBatch(**vars(batch) | {"dropped": chance < 2 * self.dropout, "image_dropped": image_dropped})

    def loss(self, batch: EditBatch) -> torch.Tensor:
        """Weighted mean squared errors, summed over the images of a part of a batch."""
        device = first_parameter(self.denoising.model.unet).device
        text = self.denoising.condition(batch.index, batch.dropped)
        kept = (~batch.image_dropped)[:, None, None, None]
        image = sent(self.conditions[sent(batch.index, self.conditions.device)], device) * sent(kept, device)
        network = self.denoising.predicted
        return self.denoising.errors_of(lambda z_t, t: network(torch.cat([z_t, image], 1), t, text), batch)


@torch.no_grad()
def widen(model: LatentDiffusion) -> None:
    """Give the U-Net, in place, as many input channels again for a source image, with weights of zero: until they are
    trained it predicts what it did."""
    layer: Any = model.unet.conv_in
    wide = torch.cat([layer.weight, torch.zeros_like(layer.weight)], 1)
    layer.weight = torch.nn.Parameter(wide.to(memory_format=torch.channels_last), layer.weight.requires_grad)
    layer.in_channels *= 2
    model.unet.register_to_config(in_channels=layer.in_channels)


def edit_predictor(
    model: LatentDiffusion, text_BLd: torch.Tensor, image_BChw: torch.Tensor, guidance_scale: float,
    image_guidance_scale: float,
) -> Predict:
    """The prediction of a widened U-Net under instruction and image, guided by both (Eq. 3).

    e(0,0) + s_I (e(c_I,0) - e(0,0)) + s_T (e(c_I,c_T) - e(c_I,0)), with s_T `guidance_scale` and s_I
    `image_guidance_scale`: a weighted sum, of which the terms without weight are not computed. Both scales 1 take one
    network call a step, equal scales or s_I = 1 two, others three.
    """
    dtype = first_parameter(model.unet).dtype
    text, image = text_BLd.to(dtype), image_BChw.to(first_parameter(model.unet).device, dtype)
    empty, none = model.embed([""]).to(dtype).expand_as(text), torch.zeros_like(image)
    weighted = [
        (1 - image_guidance_scale, none, empty),
        (image_guidance_scale - guidance_scale, image, empty),
        (guidance_scale, image, text),
    ]
    terms = [term for term in weighted if term[0] != 0]
    images, texts = torch.cat([term[1] for term in terms]), torch.cat([term[2] for term in terms])

    def predict(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        repeated = torch.cat([z.to(dtype)] * len(terms))  # latents stay float32 whatever the network's precision is
        parts = model.unet(torch.cat([repeated, images], 1), t, texts).sample.float().chunk(len(terms))
        guided = torch.zeros_like(parts[0])
        for (weight, _, _), part in zip(terms, parts, strict=True):
            guided = guided + weight * part
        return guided

    return predict
