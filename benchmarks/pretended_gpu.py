"""What a training step at Stable Diffusion 1.4's shapes asks of a GPU, counted on a pretended one.

    python benchmarks/pretended_gpu.py METHOD ours|diffusers [IMAGES [SIDE [KEY=VALUE ...]]]
    python benchmarks/pretended_gpu.py METHOD generate [IMAGES [SIDE [KEY=VALUE ...]]]
    python benchmarks/pretended_gpu.py dreambooth class-images [IMAGES [SIDE [KEY=VALUE ...]]]

METHOD is a fine-tuner; `diffusers` is the step of its example script as written (pretended_peers.py). IMAGES go through
the U-Net in a step: where the prior is preserved, half of them are the class's. KEY=VALUE are parameters of ours.
Prints one row of a Markdown table: peak GiB, milliseconds by the roofline of an H100 (tests/pretend_gpu/device.py),
launches, waits of the host. No weights are needed, as tensors have shapes alone (tests/pretend_gpu). Needs a C++
compiler.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.pretend_gpu import guard

if TYPE_CHECKING:
    from tests.pretend_gpu.device import Meter

UNET = {
    "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8,  # the rest are diffusers' defaults
}
VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4, "sample_size": 512,
}
TEXT = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "hidden_act": "quick_gelu", "projection_dim": 768,
}
WITH_PRIOR = ("dreambooth", "custom-diffusion")


@dataclass(frozen=True)
class Counted:
    """What a step asked of the device."""

    peak: int
    seconds: float
    launches: int
    waits: int

    @classmethod
    def of(cls, meter: Meter) -> Counted:
        """What was counted since the meter was last reset."""
        return cls(meter.peak, meter.seconds, meter.kernels, meter.waits.total())


def main(method: str, side: str, count: str = "16", pixels: str = "512", *settings: str) -> None:
    """Measure one step, or one batch of generation, and print its row."""
    with tempfile.TemporaryDirectory() as folder:
        started(guard.build(Path(folder)))
    counted = measured(method, side, int(count), int(pixels), settings)
    print(
        f"| {method} | {side} | {count} | {counted.peak / 2**30:.1f} GiB | {1000 * counted.seconds:.0f} ms "
        f"| {counted.launches} | {counted.waits} |", flush=True,
    )


def started(library: Path) -> None:
    """Begin to pretend, with the guard's library."""
    guard.load(library)
    from ldbench._torchvision import declare_missing_ops
    from tests.pretend_gpu.device import install

    install()
    declare_missing_ops()  # before diffusers is imported


def measured(method: str, side: str, count: int, pixels: int, settings: Sequence[str] = ()) -> Counted:
    """What one step, or one batch of generation, asks of the device. Ours can be measured once in a process, and
    nothing after it."""
    from tests.pretend_gpu.device import Meter

    meter = Meter()
    with meter:
        if side != "diffusers":
            return our_step(meter, method, count, pixels, side, settings)
        from pretended_peers import peer_step

        peer_step(meter, built, method, count, pixels)
        return Counted.of(meter)


def built(part: str, precision: str) -> Any:
    """A part of Stable Diffusion 1.4 with fake weights on the CPU."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from tests.pretend_gpu.shapes import fake_mode

    with fake_mode:
        if part == "text_encoder":
            model: Any = CLIPTextModel(CLIPTextConfig(**TEXT))
        else:
            model = UNet2DConditionModel(**UNET) if part == "unet" else AutoencoderKL(**VAE)
        return torch.nn.Module.to(model, getattr(torch, precision))


def our_step(
    meter: Meter, method: str, count: int, pixels: int, side: str, settings: Sequence[str]
) -> Counted:
    """What the second step of a fit, from the end of the first, asks of the device, or generating a batch after it, or
    sampling a batch of class images before it."""
    import torch
    from ldbench_baselines.diffusion import latent_diffusion
    from ldbench_baselines.fitting import encoded, prior
    from ldbench_baselines.fitting.checkpoint import Checkpoint
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from ldbench.api import Case, Context, Example, Request
    from ldbench.plugins.generators import load_generator
    from ldbench.plugins.parameters import build, key_values
    from tests.pretend_gpu.device import DEVICE

    tokenizer = latent_diffusion.load_tokenizer

    def long_tokenizer(name: str, folder: Any, embeddings: int) -> Any:
        whole = tokenizer(name, folder, embeddings)
        whole.model_max_length = 77
        return whole

    latent_diffusion.load_model = lambda name, folder, part, precision: built(part, precision)
    latent_diffusion.load_tokenizer = long_tokenizer
    encoded._autoencoder = lambda model: "fake"
    Checkpoint.save = lambda *state, **last: None  # type: ignore[method-assign, assignment]
    counted: list[Counted] = []

    def stepped(*args: object) -> None:
        counted.append(Counted.of(meter))
        meter.reset()

    register_optimizer_step_post_hook(stepped)
    sample = prior.sample

    def sampled(*args: Any) -> torch.Tensor:
        meter.reset()
        images = sample(*args)
        counted.append(Counted.of(meter))
        return images

    prior.sample = sampled
    batch = {"generate": 1, "class-images": count}.get(side, count // 2 if method in WITH_PRIOR else count)
    few = {"steps": "2", "batch_size": str(batch), "sampling_steps": "2"}
    few |= {"class_images": str(count if side == "class-images" else 2)} if method in WITH_PRIOR else {}
    generator = build(load_generator(method), few | key_values(settings))
    image = torch.full((3, pixels, pixels), 0.5)
    pair: tuple[Any, ...] = (image, {}, "a brain, 60 years", "a brain, 70 years", "make it older")
    train = [
        Example(f"e{index}", image, f"a brain, {index} years", {}, *(pair if "pix2pix" in method else ()))
        for index in range(16)
    ]
    with tempfile.TemporaryDirectory() as folder:
        context = Context(DEVICE, 0, Path(folder), (3, pixels, pixels), "tiny-sd")
        generator.fit(train, context)
        if side == "class-images":
            return counted[0]
        if side == "generate":
            requests = [Request(Case(f"c{index}", "a brain", {}), index) for index in range(count)]
            meter.reset()
            generator.generate(requests, context)
            counted.append(Counted.of(meter))
    return counted[-1]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
