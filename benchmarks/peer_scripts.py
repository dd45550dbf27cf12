"""What each of diffusers' example scripts wants on its command line to do the work of one of our fine-tuners.

The work: float32 or mixed precision as asked, no averaging of weights, no augmentation, no checkpoint before the end,
prior preservation where the method has it. Everything else is each side's own way.

None of their code is kept here: the user names the `examples` folder of a checkout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NEVER = 1_000_000_000
CLASS_IMAGES = 16
CLASS_PROMPT = "a picture"


@dataclass(frozen=True)
class Work:
    """What both sides are asked to do; the folders hold the training images in the forms the scripts read."""

    backbone: Path
    captioned: Path
    plain: Path
    side: int
    batch_size: int
    precision: str
    steps: int


@dataclass(frozen=True)
class Method:
    """One of our fine-tuners and its peer.

    `images_a_step` is how many images go through the U-Net for one of the batch: 2 where prior preservation adds one
    of the class. `ours` are settings that make our side do the peer's work.
    """

    model: str
    script: str
    images_a_step: int
    ours: Mapping[str, str]
    extra: Sequence[str]

    def peer_arguments(self, work: Work, out: Path) -> list[str]:
        """The command line of the peer's script, without its own path."""
        common = {
            "pretrained_model_name_or_path": work.backbone, "resolution": work.side,
            "train_batch_size": work.batch_size, "max_train_steps": work.steps, "checkpointing_steps": NEVER,
            "mixed_precision": {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}[work.precision],
            "learning_rate": 1e-5, "lr_scheduler": "constant", "output_dir": out / "trained",
        }
        words = [word for key, value in common.items() for word in (f"--{key}", str(value))]
        places = {"CAPTIONED": work.captioned, "PLAIN": work.plain, "CLASS": out / "class"}
        return words + [str(places.get(word, word)) for word in self.extra]


# the pipeline's own defaults, with which the scripts make their class images
_CLASS_IMAGES = {
    "class_images": str(CLASS_IMAGES), "sampler": "pndm", "sampling_steps": "50", "guidance_scale": "7.5",
}
_PRIOR = (
    "--with_prior_preservation", "--class_data_dir", "CLASS", "--class_prompt", CLASS_PROMPT,
    "--num_class_images", str(CLASS_IMAGES), "--sample_batch_size", str(CLASS_IMAGES),
)

METHODS = (
    Method(
        "basic-ft", "text_to_image/train_text_to_image.py", 1, {},
        ("--train_data_dir", "CAPTIONED"),
    ),
    Method(
        "lora", "text_to_image/train_text_to_image_lora.py", 1, {"rank": "16"},
        ("--train_data_dir", "CAPTIONED", "--rank", "16"),
    ),
    Method(
        "dreambooth", "dreambooth/train_dreambooth.py", 2, _CLASS_IMAGES,
        ("--instance_data_dir", "PLAIN", "--instance_prompt", "a brain MRI of sks", *_PRIOR),
    ),
    Method(
        "textual-inversion", "textual_inversion/textual_inversion.py", 1, {"vectors": "1"},
        ("--train_data_dir", "PLAIN", "--placeholder_token", "<scan>", "--initializer_token", "a",
         "--repeats", "1", "--save_steps", str(NEVER)),
    ),
    Method(
        "custom-diffusion", "custom_diffusion/train_custom_diffusion.py", 2, _CLASS_IMAGES,
        ("--instance_data_dir", "PLAIN", "--instance_prompt", "a brain MRI of <new1>", "--modifier_token", "<new1>",
         "--initializer_token", "a", "--noaug", *_PRIOR),
    ),
)
