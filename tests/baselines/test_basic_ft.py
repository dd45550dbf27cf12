"""Basic fine-tuning: the whole U-Net and nothing else, averaged, from the prompts as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.fitting.checkpoint import STATE
from safetensors.torch import load_file

from ldbench.api import silent

from .discs import Discs, context, frozen, loss_on_a_fixed_batch, quick, requests, seen_prompts, weights
from .rows import ROWS


def test_the_whole_unet_is_trained_and_nothing_else(random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(BasicFT)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    before, after = frozen(random_backbone), weights(generator)
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    assert changed == {name for name in before if name.startswith("unet.")}


@pytest.mark.usefixtures("moments_kept")
def test_what_is_sampled_from_is_the_moving_average(random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(BasicFT, steps=6, learning_rate=0.01)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    state, after = load_file(tmp_path / STATE), weights(generator)
    name = "conv_in.weight"
    assert torch.equal(after[f"unet.{name}"], state[f"averaged.{name}"])
    assert not torch.allclose(state[f"averaged.{name}"], state[f"trained.{name}"])


def test_prompts_stay_as_they_are(random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, where = seen_prompts(monkeypatch), context(tmp_path, random_backbone)
    generator = quick(BasicFT)
    generator.fit(Discs(), where)
    generator.generate(requests(1), where)
    assert seen == [*(f"a disc of size {size}" for size in range(8)), "", "a disc of size 0"]


def test_the_drift_row_trains_and_samples_with_the_papers_drift(random_backbone: Path, tmp_path: Path) -> None:
    generator, where = quick(ROWS["basic-ft-ld"]), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    assert generator._model is not None
    drift = generator._drift(generator._model)
    assert (drift.train, drift.sample, drift.kind) == ((0.1,), (0.1,), "noise")
    start = next(iter(generator.trajectory(requests(1), where))).latents
    torch.testing.assert_close(start, requests(1)[0].noise((4, 8, 8))[None] + 0.1)
    assert load_file(tmp_path / STATE)  # and is trained, which test_denoising.py shows of any drift


@pytest.mark.usefixtures("moments_kept")
def test_drift_can_be_on_one_side_alone(random_backbone: Path, tmp_path: Path) -> None:
    for where, expected in (("train", ((0.1,), (0.0,))), ("sample", ((0.0,), (0.1,)))):
        generator = quick(ROWS["basic-ft-ld"], steps=1, drift_where=where)
        generator.fit(Discs(), context(tmp_path / where, random_backbone))
        assert generator._model is not None
        drift = generator._drift(generator._model)
        assert (drift.train, drift.sample) == expected
    first, second = (load_file(tmp_path / where / STATE)["adam.exp_avg.conv_in.bias"] for where in ("train", "sample"))
    assert not torch.allclose(first, second)


@pytest.mark.slow
def test_on_the_packaged_backbone_it_learns_and_resumes_to_the_same_images(tmp_path: Path) -> None:
    stopped = False

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        nonlocal stopped
        if stage == "fit" and done == 12 and not stopped:  # the first pass is cut after its checkpoint at step 10
            stopped = True
            raise KeyboardInterrupt

    def fitted(folder: Path, stop: bool) -> tuple[BasicFT, torch.Tensor]:
        generator = BasicFT(steps=20, batch_size=8, checkpoint_every=10, sampling_steps=4)
        where = context(folder, "tiny-sd", side=32, progress=progress if stop else silent)
        generator.fit(Discs(side=32), where)
        return generator, generator.generate(requests(2), where)

    generator, whole = fitted(tmp_path / "whole", stop=False)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", stop=True)
    assert torch.equal(fitted(tmp_path / "cut", stop=True)[1], whole)
    untrained = replace(generator, steps=1, learning_rate=1e-60)
    untrained.fit(Discs(side=32), context(tmp_path / "untrained", "tiny-sd", side=32))
    before, after = (loss_on_a_fixed_batch(each, Discs(side=32), tmp_path / "loss") for each in (untrained, generator))
    assert after < 0.9 * before
