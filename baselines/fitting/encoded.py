"""A training set as a denoiser sees it: latents' moments and prompts, computed once and kept on disk.

Augmentation that caching still allows: the posterior is sampled anew at every step, and with `flip` each image is
encoded a second time mirrored. A cache that was made otherwise (flip, size, autoencoder) is made again. Refuses one
that was made from other images.

Shapes: N images (2N with flip), C latent channels, h and w latent pixels, P distinct prompts, L tokens, d width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from safetensors.torch import load_file

from ldbench.api import Context, Example, TrainingSet
from ldbench.errors import GeneratorError

from ..diffusion.latent_diffusion import LatentDiffusion
from .checkpoint import read_metadata, save_atomic
from .transfer import resident, sent

CACHE = "latents.safetensors"
MOMENTS = 2  # mean and standard deviation


@dataclass(frozen=True)
class View:
    """Some examples of a training set, changed: those at `indices`, each as `seen_as` returns it."""

    train: TrainingSet
    indices: Sequence[int]
    seen_as: Callable[[Example], Example] = lambda example: example

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Example:
        """The example at `index`, as it is seen here."""
        return self.seen_as(self.train[self.indices[index]])


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
        mean, std = sent(self.moments[:, sent(index, self.moments.device)], device).unbind()
        return mean + std * sent(posterior_eps, device)

    def resident(self, device: torch.device) -> EncodedSet:
        """The set with its moments on `device`, where they take little of its memory."""
        return replace(self, moments=resident(self.moments, device))

    def mean_latent(self) -> torch.Tensor:
        """The mean of each latent channel over images and pixels, `(C,)`."""
        return self.moments[0].mean((0, 2, 3))


def encode_set(
    model: LatentDiffusion, train: TrainingSet, context: Context, *, flip: bool = False, batch_size: int = 8
) -> EncodedSet:
    """Encode every image once, or check and take what an earlier call left in `context.folder`.

    `batch_size` images at a time: more of them cost memory and saved no time.
    """
    path = context.folder / CACHE
    how = {"flip": flip, "image_shape": list(context.image_shape), "autoencoder": _autoencoder(model)}
    made_of = json.loads(read_metadata(path).get("made_of", "{}")) if path.exists() else {}
    moments = load_file(path)["moments"] if {key: made_of.get(key) for key in how} == how else None
    encoded: torch.Tensor | None = None  # as large as the whole set from the first batch on: a list would be joined
    prompts: list[str] = []
    digest = hashlib.sha256()
    for start in range(0, len(train), batch_size):
        examples = [train[index] for index in range(start, min(start + batch_size, len(train)))]
        images = torch.stack([example.image for example in examples])
        digest.update(images.numpy().tobytes())
        prompts += [example.prompt for example in examples]
        if moments is None:
            of_batch = _moments(model, images, flip)
            if encoded is None:
                encoded = of_batch.new_empty((*of_batch.shape[:2], len(train), *of_batch.shape[3:]))
            encoded[:, :, start : start + len(images)] = of_batch
        context.progress("encode", len(prompts), len(train))
    if encoded is not None:
        moments = encoded.flatten(1, 2)
        if context.process == 0:
            save_atomic({"moments": moments}, path, {"made_of": json.dumps({**how, "images": digest.hexdigest()})})
    elif moments is None or made_of.get("images") != digest.hexdigest():
        raise GeneratorError(f"{path}: holds other images' latents; remove the folder to start anew")
    distinct = tuple(sorted(set(prompts)))
    index_of = {prompt: index for index, prompt in enumerate(distinct)}
    prompt_of = torch.tensor([index_of[prompt] for prompt in prompts] * (2 if flip else 1))
    return EncodedSet(moments, prompt_of, distinct)


def _moments(model: LatentDiffusion, images: torch.Tensor, flip: bool) -> torch.Tensor:
    """Moments of a batch `(2, 1, B, C, h, w)`, or with the mirrored images `(2, 2, B, C, h, w)`."""
    views = [images, images.flip(3)] if flip else [images]
    return torch.stack([model.encode(view).float().cpu() for view in views], 1)


def _autoencoder(model: LatentDiffusion) -> str:
    """SHA-256 of the autoencoder's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.vae.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
