"""One training step as each of diffusers' example scripts takes it, on tensors without numbers (pretended_gpu.py).

Images and prompts are encoded in every step; what is trained is in float32 under autocast to bfloat16, or, in the
scripts that train little, beside a network in bfloat16; AdamW as torch chooses it on a GPU, without moving averages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.pretend_gpu.device import Meter

TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
WHOLE_UNET = ("basic-ft", "dreambooth", "instruct-pix2pix")
TRAINS_WORDS = ("textual-inversion", "custom-diffusion")


@dataclass(frozen=True)
class Peer:
    """The parts of a script's model on the device, and what it trains."""

    unet: Any
    vae: Any
    text: Any
    trained: list[Any]


def peer_step(meter: Meter, built: Callable[[str, str], Any], method: str, count: int, pixels: int) -> None:
    """Take two steps of `count` images; the meter then holds what the second one asked of the device."""
    import torch
    from diffusers import DDPMScheduler

    peer = _parts(built, method)
    optimiser = torch.optim.AdamW(peer.trained, lr=1e-5, foreach=True)  # as torch chooses on a real device
    schedule = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    for _ in range(2):
        meter.reset()
        loss = _loss(peer, schedule, method, count, pixels)
        if method in ("basic-ft", "instruct-pix2pix", "lora"):
            loss.detach().item()  # these scripts log it before they differentiate
        loss.backward()
        if method != "textual-inversion":
            torch.nn.utils.clip_grad_norm_(peer.trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss.detach().item()


def _parts(built: Callable[[str, str], Any], method: str) -> Peer:
    """The model as the script loads and casts it."""
    import torch
    from peft import LoraConfig

    from tests.pretend_gpu.device import DEVICE

    def on_device(part: str, precision: str) -> Any:
        return built(part, precision).requires_grad_(False).to(DEVICE)

    unet = on_device("unet", "float32" if method in WHOLE_UNET else "bfloat16")
    vae = on_device("vae", "bfloat16")
    text = on_device("text_encoder", "float32" if method == "textual-inversion" else "bfloat16")
    trained: list[Any] = []
    if method == "lora":
        unet.add_adapter(LoraConfig(r=16, lora_alpha=16, init_lora_weights="gaussian", target_modules=TARGETS))
        torch.nn.Module.to(unet, DEVICE)
        trained = [value for value in unet.parameters() if value.requires_grad]
    elif method == "custom-diffusion":
        trained = _custom_layers(unet)
    elif method == "instruct-pix2pix":
        unet.conv_in = torch.nn.Conv2d(8, unet.conv_in.out_channels, 3, padding=1, device=DEVICE)
    if method in WHOLE_UNET:
        trained = list(unet.requires_grad_(True).parameters())
    if method in TRAINS_WORDS:
        trained.append(text.get_input_embeddings().weight.requires_grad_(True))
    unet.train()
    return Peer(unet, vae, text, trained)


def _custom_layers(unet: Any) -> list[Any]:
    """diffusers' processors of the method beside the attention's own projections, in float32."""
    from diffusers.models.attention_processor import CustomDiffusionAttnProcessor2_0

    from tests.pretend_gpu.device import DEVICE

    processors: dict[str, Any] = {}
    for name in unet.attn_processors:
        layer = unet.get_submodule(name.removesuffix(".processor"))
        of_text = name.endswith("attn2.processor")
        width = unet.config.cross_attention_dim if of_text else None
        processors[name] = CustomDiffusionAttnProcessor2_0(of_text, False, layer.to_q.out_features, width).to(DEVICE)
    unet.set_attn_processor(processors)
    return [value for processor in processors.values() for value in processor.parameters()]


def _loss(peer: Peer, schedule: Any, method: str, count: int, pixels: int) -> Any:
    """The script's loss of one batch."""
    import torch
    import torch.nn.functional as F

    from tests.pretend_gpu.device import DEVICE

    def images() -> Any:
        return torch.zeros(count, 3, pixels, pixels).to(DEVICE, torch.bfloat16)

    latents = peer.vae.encode(images()).latent_dist.sample() * 0.18215
    noise, t = torch.randn_like(latents), torch.randint(0, 1000, (count,), device=DEVICE)
    noisy = schedule.add_noise(latents, noise, t)
    autocast = method in (*WHOLE_UNET, "lora")  # the module that accelerate prepares
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=method in TRAINS_WORDS):
        hidden = peer.text(torch.zeros(count, 77, dtype=torch.int64).to(DEVICE))[0].to(torch.bfloat16)
    if method == "instruct-pix2pix":
        noisy = torch.cat([noisy, peer.vae.encode(images()).latent_dist.mode()], 1)
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
        predicted = peer.unet(noisy, t, hidden).sample.float()
    if method not in ("dreambooth", "custom-diffusion"):
        return F.mse_loss(predicted, noise.float())
    (instance, prior), (noise_1, noise_2) = predicted.chunk(2), noise.float().chunk(2)
    return F.mse_loss(instance, noise_1) + F.mse_loss(prior, noise_2)
