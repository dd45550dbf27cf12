"""Generators of edited discs: one that is honest, and one that was tuned to the public test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from ldbench.api import Case, Context, Generator, Request, TrainingSet

from .toy_simulator import PUBLIC_SEED, draw


@dataclass
class Honest(Generator):
    """Brightens the middle, which grows a disc; its fit leaves a line for each time that it really fitted."""

    kinds: ClassVar[frozenset[str]] = frozenset({"disease-counterfactual"})

    def fit(self, train: TrainingSet, context: Context) -> None:
        mark = context.folder / "fitted"
        if not mark.exists():
            mark.write_text(str(len(train)), encoding="utf-8")
            with Path(context.folder / "times").open("a", encoding="utf-8") as file:
                file.write("fitted\n")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        assert (context.folder / "fitted").is_file()
        return torch.stack([self.edited(request.case) for request in requests])

    def edited(self, case: Case) -> torch.Tensor:
        assert case.source is not None
        return (case.source + 0.1).clamp(0, 1)


@dataclass
class Tuned(Honest):
    """Knows the public answers by heart."""

    def edited(self, case: Case) -> torch.Tensor:
        discs = draw(PUBLIC_SEED)
        answers = {record.subject: record for record in discs.select("test", "other")}
        record = answers.get(case.id.removesuffix("-scan"))
        return super().edited(case) if record is None else torch.from_numpy(discs.image(record))
