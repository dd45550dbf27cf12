"""A Stable Diffusion backbone as its four parts, from a packaged name, a diffusers folder or a hub id.

Loads the parts one by one, so an absent or gated safety checker stops nothing. Refuses to download without
permission, to load weights in any format but safetensors, and to start from weights that lack a tensor.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers import AddedToken, CLIPTextModel, CLIPTokenizer

from ldbench.api import Batches
from ldbench.errors import UsageError, WeightsError

from ..backbone.parts import load_model, load_schedule, load_tokenizer
from ..backbone.precision import Precision, check_precision, first_parameter
from ..backbone.source import find_backbone

ImageShape = tuple[int, int, int]  # 3, H, W
LARGE_UNET = 100_000_000
IMAGES_AT_ONCE = 8  # through the autoencoder on a GPU
EXCERPT = 48  # characters of a prompt in a message
logger = logging.getLogger("ldbench.baselines")


@dataclass(frozen=True)
class LatentDiffusion:
    """Tokenizer, text encoder, U-Net, autoencoder and the training schedule, in one precision on one device.

    Latents are scaled: `(z - shift) * scale` of what the autoencoder gives, shift and scale from its own config.
    """

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    schedule: DDPMScheduler
    _warned: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _at_once: Batches = field(
        default_factory=lambda: Batches("autoencoder", IMAGES_AT_ONCE), init=False, repr=False, compare=False
    )

    @property
    def is_large(self) -> bool:
        """Whether the U-Net is of Stable Diffusion's order of size (more than 100 M parameters)."""
        return sum(parameter.numel() for parameter in self.unet.parameters()) > LARGE_UNET

    @property
    def prompt_length(self) -> int:
        """L, the tokens that the text encoder takes, start and end included (77 in Stable Diffusion)."""
        return int(min(self.tokenizer.model_max_length, self.text_encoder.config.max_position_embeddings))

    def cast(self, precision: Precision) -> LatentDiffusion:
        """This backbone, text encoder and U-Net brought to `precision` in place: what training leaves is float32."""
        for part in (self.text_encoder, self.unet):
            torch.nn.Module.to(part, getattr(torch, precision))  # diffusers' own prints a warning about no layers
        return self

    def latent_shape(self, image_shape: ImageShape) -> tuple[int, int, int]:
        """`(C, h, w)` of the latents of images `(3, H, W)`."""
        factor = 2 ** (len(self.vae.config["block_out_channels"]) - 1)
        if image_shape[1] % factor or image_shape[2] % factor:
            raise UsageError(
                f"images of {image_shape[1]} x {image_shape[2]}: expected multiples of {factor} for this backbone's "
                "autoencoder; choose another resolution or backbone"
            )
        return self.vae.config["latent_channels"], image_shape[1] // factor, image_shape[2] // factor

    def tokenise(self, prompts: Sequence[str], cases: Sequence[str] | None = None) -> torch.Tensor:
        """Token ids `(B, L) int64`, padded; a longer prompt is cut, with one warning a prompt that names its case."""
        # verbose=False: transformers would print a line of its own, once, that names neither prompt nor case
        whole = self.tokenizer(list(prompts), verbose=False, return_offsets_mapping=True)
        for index, (prompt, ids) in enumerate(zip(prompts, whole["input_ids"], strict=True)):
            if len(ids) > self.prompt_length and prompt not in self._warned:
                self._warned.add(prompt)
                cut = prompt[whole["offset_mapping"][index][self.prompt_length - 1][0] :]
                _warn_of_cut(prompt, cut, (len(ids), self.prompt_length), cases[index] if cases else None)
        padded = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=self.prompt_length, return_tensors="pt"
        )
        return cast(torch.Tensor, padded["input_ids"])

    def hidden_states(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Hidden states `(B, L, d)` of token ids `(B, L) int64`, in the text encoder's precision, with gradient."""
        return cast(torch.Tensor, self.text_encoder(input_ids.to(self.text_encoder.device))[0])

    @torch.no_grad()
    def embed(self, prompts: Sequence[str], cases: Sequence[str] | None = None) -> torch.Tensor:
        """Hidden states of the prompts, `(B, L, d) float32`; `cases` are the ids to name where a prompt is cut."""
        return self.hidden_states(self.tokenise(prompts, cases)).float()

    @torch.no_grad()
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Mean and deviation of the scaled latents' posterior, `(2, B, C, h, w) float32`, of images in [0, 1]."""

        def of_rows(rows: slice) -> torch.Tensor:
            weight = first_parameter(self.vae)
            pixels = images[rows].to(weight.device, weight.dtype) * 2 - 1
            posterior = self.vae.encode(pixels).latent_dist
            mean = (posterior.mean.float() - self._shift) * self.vae.config["scaling_factor"]
            return torch.stack([mean, posterior.std.float() * self.vae.config["scaling_factor"]])

        return torch.cat(self._few(len(images)).run(len(images), of_rows), 1)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images `(B, 3, H, W) float32 in [0, 1]` of scaled latents `(B, C, h, w)`."""

        def of_rows(rows: slice) -> torch.Tensor:
            unscaled = self.unscaled(latents[rows].float()).to(first_parameter(self.vae).dtype)
            images: torch.Tensor = self.vae.decode(unscaled).sample.float()
            return (images / 2 + 0.5).clamp(0, 1)

        return torch.cat(self._few(len(latents)).run(len(latents), of_rows))

    def _few(self, count: int) -> Batches:
        """How many images go through the autoencoder at a time: on a CPU all, on a GPU few, as it has the highest
        resolution of all parts and so the largest activations."""
        return Batches("autoencoder", count) if first_parameter(self.vae).device.type == "cpu" else self._at_once

    def unscaled(self, latents: torch.Tensor) -> torch.Tensor:
        """Scaled latents in the autoencoder's own scale."""
        return latents / float(self.vae.config["scaling_factor"]) + self._shift

    @property
    def _shift(self) -> float:
        return float(self.vae.config["shift_factor"] or 0.0)

    @torch.no_grad()
    def add_tokens(self, names: Sequence[str], like: str) -> tuple[int, ...]:
        """Add placeholder tokens to this backbone (not to its files), each embedded as the word `like`; their ids.

        A name is matched as a whole word in any case. `like` of several pieces gives their mean. Raises `UsageError`
        for a name that is one token already, is empty or holds a space, and for a `like` without tokens.
        """
        for index, name in enumerate(names):
            if not name.strip() or name.split() != [name]:
                raise UsageError(f"token {name!r}: expected one word without spaces, such as <brain-mri>")
            is_token = len(self.tokenizer.tokenize(name)) == 1
            if is_token or name.lower() in (earlier.lower() for earlier in names[:index]):
                other = f"<my-{name.strip('<>')}>"
                raise UsageError(f"token {name!r}: the tokenizer has it already; choose another, such as {other}")
        pieces = self.tokenizer(like, add_special_tokens=False)["input_ids"]
        if not pieces:
            raise UsageError(f"initial word {like!r}: expected a word with at least one token")
        # single_word: CLIP's vocabulary would otherwise find "sks" inside longer words
        self.tokenizer.add_tokens([AddedToken(name, single_word=True, normalized=True) for name in names])
        rows = max(len(self.tokenizer), self.embeddings.num_embeddings)
        device = self.text_encoder.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            # transformers fills new rows from the global state of the table's device; they are overwritten below
            self.text_encoder.resize_token_embeddings(rows, mean_resizing=False)
        ids = tuple(cast(list[int], self.tokenizer.convert_tokens_to_ids(list(names))))
        self.embeddings.weight[list(ids)] = self.embeddings.weight[pieces].mean(0)
        return ids

    @property
    def embeddings(self) -> torch.nn.Embedding:
        """The text encoder's table of tokens."""
        return cast(torch.nn.Embedding, self.text_encoder.get_input_embeddings())


def load_backbone(
    name: str | None, device: torch.device, *, download: bool = False, precision: Precision = "float32",
    float32_parts: Collection[str] = (),
) -> LatentDiffusion:
    """The backbone `name`, frozen, on `device`: a packaged one (tiny-sd), a diffusers folder, or a hub id.

    `float32_parts` ("unet", "text_encoder") stay in float32 whatever the precision is: what is trained starts from
    there. A hub id is read from the hub's cache; `download` permits to fetch what is missing of it. Raises
    `WeightsError` where it isn't a Stable Diffusion backbone (one text encoder, a U-Net on the latents alone),
    `UsageError` for a precision that the device can't compute in.
    """
    if name is None:
        raise WeightsError("backbone: the task's card recommends none; give one with --set backbone=FOLDER")
    check_precision(precision, device)
    folder = find_backbone(name, "float32" if float32_parts else precision, download)
    text_encoder, unet, vae = (
        load_model(name, folder, part, "float32" if part in float32_parts else precision)
        .requires_grad_(False).eval().to(device)
        for part in ("text_encoder", "unet", "vae")
    )
    unet.to(memory_format=torch.channels_last)  # 4 % faster on two CPU threads
    tokenizer = load_tokenizer(name, folder, text_encoder.config.vocab_size)
    return LatentDiffusion(tokenizer, text_encoder, unet, vae, load_schedule(folder))


def _warn_of_cut(prompt: str, cut: str, tokens: tuple[int, int], case: str | None) -> None:
    logger.warning(
        "%sprompt %r has %d tokens, start and end included, and the text encoder takes %d; cut off: %r",
        f"case {case}: " if case is not None else "", _shortened(prompt), *tokens, _shortened(cut),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "..."
