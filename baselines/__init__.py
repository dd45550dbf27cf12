"""The built-in generators: one file a method, registered through entry points like anybody's."""

from ldbench.api import declare_missing_ops

declare_missing_ops()  # before anything here imports diffusers or transformers, which import torchvision
