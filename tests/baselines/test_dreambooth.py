"""DreamBooth: the whole U-Net and nothing else, and its rare word. The prior is tested in test_prior.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.dreambooth import DreamBooth

from .discs import Discs, context, frozen, quick, requests, seen_prompts, weights


def test_the_whole_unet_is_trained_and_nothing_else(random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(DreamBooth)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    before, after = frozen(random_backbone), weights(generator)
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    assert changed == {name for name in before if name.startswith("unet.")}


def test_the_rare_word_stands_before_the_tasks_prompts_and_not_before_the_classs(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_prompts(monkeypatch)
    generator, where = quick(DreamBooth, class_images=3), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    bare = [f"a disc of size {size}" for size in range(8)]
    assert set(seen[:3]) <= set(bare)  # the class images, made first
    assert [prompt for prompt in seen[3:] if prompt] == [f"sks {prompt}" for prompt in bare] + bare
    seen.clear()
    generator.generate(requests(1), where)
    assert seen == ["sks a disc of size 0"]
