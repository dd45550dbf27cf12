"""The tiny pretrained backbone: a Stable-Diffusion-v1-shaped latent diffusion model and the recipe that made it.

`baselines/backbone/tiny-sd` is the shipped folder. `python -m recipes.tiny_sd.pretrain` makes it again from a
procedural corpus of captioned everyday images. No medical image and no medical caption is rendered here, so
fine-tuning on a medical task is a real shift of domain.
"""

from ldbench.api import declare_missing_ops

declare_missing_ops()  # at import, because every module here imports diffusers or transformers at its top
