"""Files of generators as their authors write them, for tests that put one into a folder and edit it."""

from __future__ import annotations

GREY = """
from dataclasses import dataclass
from typing import ClassVar
import torch
from ldbench.api import Generator

@dataclass
class Grey(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def generate(self, requests, context):
        return torch.full((len(requests), *context.image_shape), 0.5)
"""
