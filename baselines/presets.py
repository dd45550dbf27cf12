"""Rows that are a method with other defaults: the paper's drift of 0.1, and other remedies for the same problem.

The problem: Stable Diffusion's last step still holds a_T = 0.068 of the signal, so z_T ~ N(0, I) is not what the
network was trained on (Lin et al. 2023, arXiv 2305.08891).
"""

from __future__ import annotations

from ldbench.api import Preset

from .basic_ft import BasicFT
from .custom_diffusion import CustomDiffusion
from .dreambooth import DreamBooth
from .instruct_pix2pix import InstructPix2Pix, InstructPix2PixCD, InstructPix2PixFT
from .lora import LoRA
from .pix2pix_zero import Pix2PixZero
from .sdedit import SDEdit
from .stable_diffusion import StableDiffusion
from .textual_inversion import TextualInversion

SD_LD = Preset(
    StableDiffusion, {"delta_sample": 0.1}, "Stable Diffusion as it comes, sampled with the paper's drift of 0.1."
)
BASIC_FT_LD = Preset(BasicFT, {"delta": 0.1}, "Basic fine-tuning, trained and sampled with the paper's drift of 0.1.")
TEXTUAL_INVERSION_LD = Preset(
    TextualInversion, {"delta": 0.1}, "Textual Inversion, trained and sampled with the paper's drift of 0.1."
)
DREAMBOOTH_LD = Preset(DreamBooth, {"delta": 0.1}, "DreamBooth, trained and sampled with the paper's drift of 0.1.")
CUSTOM_DIFFUSION_LD = Preset(
    CustomDiffusion, {"delta": 0.1}, "Custom Diffusion, trained and sampled with the paper's drift of 0.1."
)
LORA_LD = Preset(LoRA, {"delta": 0.1}, "Low-rank adaptation, trained and sampled with the paper's drift of 0.1.")
INSTRUCT_PIX2PIX_LD = Preset(
    InstructPix2Pix, {"delta": 0.1}, "InstructPix2Pix, trained and sampled with the paper's drift of 0.1."
)
INSTRUCT_PIX2PIX_CD_LD = Preset(
    InstructPix2PixCD, {"delta": 0.1}, "InstructPix2Pix after Custom Diffusion, both with the paper's drift of 0.1."
)
INSTRUCT_PIX2PIX_FT_LD = Preset(
    InstructPix2PixFT, {"delta": 0.1}, "InstructPix2Pix after basic fine-tuning, both with the paper's drift of 0.1."
)
PIX2PIX_ZERO_LD = Preset(
    Pix2PixZero, {"delta": 0.1}, "Pix2Pix-Zero on a backbone that was fine-tuned with the paper's drift of 0.1."
)
SDEDIT_LD = Preset(SDEdit, {"delta": 0.1}, "SDEdit on a backbone that was fine-tuned with the paper's drift of 0.1.")
BASIC_FT_OFFSET_NOISE = Preset(
    BasicFT, {"offset_noise": 0.1}, "Basic fine-tuning with noise of a random mean (Guttenberg, CrossLabs 2023)."
)
BASIC_FT_ZERO_SNR = Preset(
    BasicFT, {"zero_terminal_snr": True}, "Basic fine-tuning on a schedule without signal at its end (Lin et al. 2023)."
)
BASIC_FT_SIGNAL_LEAK = Preset(
    BasicFT, {"delta_sample": "signal-leak"},
    "Basic fine-tuning, sampled from the mean of the training images' z_T (Everaert et al. 2024).",
)
