"""The classifier itself: what it draws, and what it must not touch."""

from __future__ import annotations

import torch

from ldbench.score.metrics.classifier import train_classifier
from ldbench.task.metric_specs import ClassifierSpec

from .test_auc import marked


def test_same_seed_same_scores_and_no_trace_in_the_global_state() -> None:
    images, labels = marked(7, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    before = torch.get_rng_state()

    def run(seed: int) -> torch.Tensor:
        return train_classifier(
            images, index, classes=2, recipe=ClassifierSpec(1, 8, 1e-3), seed=seed
        ).scores(images)

    first = run(3)
    torch.manual_seed(12345)
    assert torch.equal(run(3), first)
    assert not torch.equal(run(4), first)
    torch.set_rng_state(before)
    run(3)
    assert torch.equal(torch.get_rng_state(), before)
