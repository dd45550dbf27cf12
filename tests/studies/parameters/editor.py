"""An editing generator whose effect is known: the source, made brighter by `amount` where AD is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request


@dataclass
class Brighten(Generator):
    """Adds `amount` for AD and takes it away for CN, and nothing for the null edit."""

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    sampling_parameters: ClassVar[frozenset[str]] = frozenset({"amount"})

    amount: float = 0.1

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The sources, shifted."""
        images = []
        for request in requests:
            assert request.case.source is not None
            sign = 0 if request.case.edit is None else 1 if request.case.attributes["diagnosis"] == "AD" else -1
            images.append((request.case.source + sign * self.amount).clamp(0, 1))
        return torch.stack(images)
