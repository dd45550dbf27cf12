"""A training set as a denoiser sees it: latents' moments and prompts, computed once and kept on disk.

Augmentation that caching still allows: the posterior is sampled anew at every step, and with `flip` each image is
encoded a second time mirrored. A cache that was made otherwise (flip, size, autoencoder) is made again. Refuses one
that was made from other images.

Shapes: N images (2N with flip), C latent channels, h and w latent pixels, P distinct prompts, L tokens, d width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from ldbench.api import Context, TrainingSet
from ldbench.errors import GeneratorError

from ..diffusion.latent_diffusion import LatentDiffusion
from .checkpoint import read_metadata, save_atomic

CACHE = "latents.safetensors"


@dataclass(frozen=True)
class EncodedSet:
    """Posterior moments `(2, N, C, h, w)` (mean, standard deviation), `prompt_of (N,) int64` and the prompts."""

    moments: torch.Tensor
    prompt_of: torch.Tensor
    prompts: tuple[str, ...]

    def __len__(self) -> int:
        """Number of images."""
        return self.prompt_of.numel()

    def z_0(self, index: torch.Tensor, posterior_eps: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Scaled latents `(B, C, h, w)` of images `index`, drawn from their posteriors."""
        mean, std = self.moments[:, index].to(device)
        return mean + std * posterior_eps.to(device)

    def mean_latent(self) -> torch.Tensor:
        """The mean of each latent channel over images and pixels, `(C,)`."""
        return self.moments[0].mean((0, 2, 3))


def encode_set(
    model: LatentDiffusion, train: TrainingSet, context: Context, *, flip: bool = False, batch_size: int = 8
) -> EncodedSet:
    """Encode every image once, or check and take what an earlier call left in `context.folder`.

    `batch_size` images at a time: more of them cost memory and saved no time.
    """
    how = {"flip": flip, "image_shape": list(context.image_shape), "autoencoder": _autoencoder(model)}
    kept = _kept(context.folder / CACHE, how)
    prompts: list[str] = []
    moments: list[torch.Tensor] = []
    digest = hashlib.sha256()
    for start in range(0, len(train), batch_size):
        examples = [train[index] for index in range(start, min(start + batch_size, len(train)))]
        images = torch.stack([example.image for example in examples])
        digest.update(images.numpy().tobytes())
        prompts += [example.prompt for example in examples]
        if kept is None:
            moments.append(_moments(model, images, flip))
        context.progress("encode", len(prompts), len(train))
    if kept is None:
        kept = _Kept(torch.cat(moments, 2).flatten(1, 2), digest.hexdigest())
        if context.process == 0:
            made_of = json.dumps({**how, "images": kept.images})
            save_atomic({"moments": kept.moments}, context.folder / CACHE, {"made_of": made_of})
    elif kept.images != digest.hexdigest():
        raise GeneratorError(f"{context.folder / CACHE}: holds other images' latents; remove the folder to start anew")
    distinct = tuple(sorted(set(prompts)))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    prompt_of = torch.tensor([place[prompt] for prompt in prompts] * (2 if flip else 1))
    return EncodedSet(kept.moments, prompt_of, distinct)


@dataclass(frozen=True)
class _Kept:
    """What the cache holds: moments `(2, N, C, h, w)`, and the SHA-256 of the images that they come from."""

    moments: torch.Tensor
    images: str


def _moments(model: LatentDiffusion, images: torch.Tensor, flip: bool) -> torch.Tensor:
    """Moments of a batch `(2, 1, B, C, h, w)`, or with the mirrored images `(2, 2, B, C, h, w)`."""
    views = [images, images.flip(3)] if flip else [images]
    return torch.stack([model.encode(view).float().cpu() for view in views], 1)


def _kept(path: Path, made_of: Mapping[str, object]) -> _Kept | None:
    if not path.exists():
        return None
    found = json.loads(read_metadata(path).get("made_of", "{}"))
    if {key: found.get(key) for key in made_of} != made_of:
        return None
    return _Kept(load_file(path)["moments"], str(found.get("images")))


def _autoencoder(model: LatentDiffusion) -> str:
    """SHA-256 of the autoencoder's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.vae.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
