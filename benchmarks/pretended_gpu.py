"""Peak memory and launches of one training step at Stable Diffusion 1.4's shapes, on a pretended GPU.

    python benchmarks/pretended_gpu.py METHOD ours|diffusers [BATCH [SIDE]]
    python benchmarks/pretended_gpu.py METHOD generate [IMAGES [SIDE]]

METHOD is basic-ft, lora or textual-inversion; `diffusers` is the step of its example script as written: images and
prompts encoded in every step, autocast to bfloat16, AdamW. Prints one row of a Markdown table: peak GiB, launches,
waits of the host. A process measures once.
No weights are needed, as tensors have shapes alone (tests/pretend_gpu); no time is measured. Needs a C++ compiler.
"""

from __future__ import annotations

import sys
import tempfile
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
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]


def main(method: str, side: str, count: str = "16", pixels: str = "512") -> None:
    """Measure one step, or one batch of generation, and print its row."""
    with tempfile.TemporaryDirectory() as folder:
        guard.load(guard.build(Path(folder)))
    from ldbench._torchvision import declare_missing_ops
    from tests.pretend_gpu.device import Meter, install

    install()
    declare_missing_ops()  # before diffusers is imported
    meter = Meter()
    with meter:
        if side == "diffusers":
            peak, kernels, waits = their_step(meter, method, int(count), int(pixels))
        else:
            peak, kernels, waits = our_step(meter, method, int(count), int(pixels), side == "generate")
    print(f"| {method} | {side} | {count} | {peak / 2**30:.1f} GiB | {kernels} | {waits} |", flush=True)


def built(part: str, precision: str) -> Any:
    """A part of Stable Diffusion 1.4 with fake weights on the CPU."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from tests.pretend_gpu.device import fake_mode

    with fake_mode:
        if part == "text_encoder":
            model: Any = CLIPTextModel(CLIPTextConfig(**TEXT))
        else:
            model = UNet2DConditionModel(**UNET) if part == "unet" else AutoencoderKL(**VAE)
        return torch.nn.Module.to(model, getattr(torch, precision))


def our_step(meter: Meter, method: str, count: int, pixels: int, generate: bool) -> tuple[int, int, int]:
    """Peak, launches and waits of the second step of a fit, or of generating a batch after it."""
    import torch
    from ldbench_baselines.basic_ft import BasicFT
    from ldbench_baselines.diffusion import latent_diffusion
    from ldbench_baselines.fitting import encoded
    from ldbench_baselines.fitting.checkpoint import Checkpoint
    from ldbench_baselines.lora import LoRA
    from ldbench_baselines.textual_inversion import TextualInversion

    from ldbench.api import Case, Context, Example, Request
    from tests.pretend_gpu.device import DEVICE

    tokenizer = latent_diffusion.load_tokenizer

    def long_tokenizer(name: str, folder: Any, embeddings: int) -> Any:
        whole = tokenizer(name, folder, embeddings)
        whole.model_max_length = 77
        return whole

    latent_diffusion.load_model = lambda name, folder, part, precision: built(part, precision)
    latent_diffusion.load_tokenizer = long_tokenizer
    encoded._autoencoder = lambda model: "fake"
    Checkpoint.save = lambda *args: None  # type: ignore[method-assign, assignment]
    counted: list[tuple[int, int, int]] = []

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        counted.append((meter.peak, meter.kernels, meter.waits.total()))
        meter.reset()

    cls = {"basic-ft": BasicFT, "lora": LoRA, "textual-inversion": TextualInversion}[method]
    generator = cls(steps=2, batch_size=1 if generate else count, sampling_steps=2)
    image = torch.full((3, pixels, pixels), 0.5)
    train = [Example(f"e{index}", image, f"a brain, {index} years", {}) for index in range(16)]
    with tempfile.TemporaryDirectory() as folder:
        context = Context(DEVICE, 0, Path(folder), (3, pixels, pixels), "tiny-sd", progress)
        generator.fit(train, context)
        if generate:
            requests = [Request(Case(f"c{index}", "a brain", {}), index) for index in range(count)]
            meter.reset()
            generator.generate(requests, context)
            counted.append((meter.peak, meter.kernels, meter.waits.total()))
    return counted[-1]


def their_step(meter: Meter, method: str, count: int, pixels: int) -> tuple[int, int, int]:
    """The same of the second step as diffusers' example script of the method takes it."""
    import torch
    from diffusers import DDPMScheduler
    from peft import LoraConfig

    from tests.pretend_gpu.device import DEVICE

    low = "float32" if method == "basic-ft" else "bfloat16"
    unet = built("unet", low).requires_grad_(False).to(DEVICE)
    vae = built("vae", "bfloat16").requires_grad_(False).to(DEVICE)
    text = built("text_encoder", "float32" if method == "textual-inversion" else "bfloat16").requires_grad_(False)
    text.to(DEVICE)
    if method == "lora":
        unet.add_adapter(LoraConfig(r=16, lora_alpha=16, init_lora_weights="gaussian", target_modules=TARGETS))
        torch.nn.Module.to(unet, DEVICE)
        trained = [value for value in unet.parameters() if value.requires_grad]
    elif method == "textual-inversion":
        trained = [text.get_input_embeddings().weight.requires_grad_(True)]
    else:
        trained = list(unet.requires_grad_(True).parameters())
    unet.train()
    optimiser = torch.optim.AdamW(trained, lr=1e-5, foreach=True)  # as torch chooses on a real device
    schedule: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    latent = pixels // 8
    for _ in range(2):
        meter.reset()
        images = torch.zeros(count, 3, pixels, pixels).to(DEVICE, torch.bfloat16)
        latents = vae.encode(images).latent_dist.sample() * 0.18215
        noise, t = torch.randn_like(latents), torch.randint(0, 1000, (count,), device=DEVICE)
        assert latents.shape[2:] == (latent, latent)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            hidden = text(torch.zeros(count, 77, dtype=torch.int64).to(DEVICE))[0].to(torch.bfloat16)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=method != "textual-inversion"):
            predicted = unet(schedule.add_noise(latents, noise, t), t, hidden).sample
        loss = torch.nn.functional.mse_loss(predicted.float(), noise.float())
        loss.backward()
        if method != "textual-inversion":
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss.detach().item()
    return meter.peak, meter.kernels, meter.waits.total()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
