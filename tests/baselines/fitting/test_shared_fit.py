"""The fits that several generators start from: done once, found again, never taken for one another."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.custom_diffusion import CustomDiffusion
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.shared_fit import LOCK, fit_key, shared_start, single_images
from safetensors.torch import load_file, save_file

from ldbench.api import Context, Example, TrainingSet
from ldbench.errors import GeneratorError
from tests.baselines.discs import Discs, context, quick, seen_prompts
from tests.baselines.editing.disc_pairs import DiscPairs, LoneDiscs
from tests.baselines.rows import ROWS

pytestmark = pytest.mark.slow


@dataclass
class Steps:
    """Progress that counts training steps."""

    taken: int = 0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.taken += stage == "fit"


@dataclass(frozen=True)
class Changed:
    """Discs of which one is changed."""

    change: Callable[[Example], Example]
    discs: Discs = field(default_factory=Discs)

    def __len__(self) -> int:
        return len(self.discs)

    def __getitem__(self, index: int) -> Example:
        return self.change(self.discs[index]) if index == 5 else self.discs[index]


def sharing(folder: Path, backbone: Path, **rest: Any) -> Context:
    return context(folder / "own", backbone, shared=folder / "shared", **rest)


def unet(model: LatentDiffusion) -> dict[str, torch.Tensor]:
    return dict(model.unet.state_dict())


def test_the_second_run_trains_nothing_and_has_the_firsts_weights(random_backbone: Path, tmp_path: Path) -> None:
    first, second = Steps(), Steps()
    made = shared_start(quick(BasicFT), Discs(), sharing(tmp_path, random_backbone, progress=first))
    found = shared_start(
        quick(BasicFT), Discs(), dataclasses.replace(sharing(tmp_path, random_backbone, progress=second),
                                                     folder=tmp_path / "another run"),
    )
    assert (first.taken, second.taken) == (3, 0)
    assert len(list((tmp_path / "shared").iterdir())) == 1
    assert all(torch.equal(value, unet(found)[name]) for name, value in unet(made).items())
    assert not any(parameter.requires_grad for parameter in found.unet.parameters())


def test_learnt_words_are_in_a_start_that_is_found_again(random_backbone: Path, tmp_path: Path) -> None:
    where = sharing(tmp_path, random_backbone)
    made, found = (shared_start(quick(CustomDiffusion), Discs(), where) for _ in range(2))
    texts = [model.embed(["<new1> a disc"]) for model in (made, found)]
    assert torch.equal(*texts)
    assert not torch.equal(texts[0], made.embed(["scan a disc"]))
    assert len(made.tokenizer.tokenize("<new1>")) == 1


def test_where_nothing_is_shared_it_lies_with_the_run(random_backbone: Path, tmp_path: Path) -> None:
    steps, where = Steps(), context(tmp_path, random_backbone)
    shared_start(quick(BasicFT), Discs(), where)
    shared_start(quick(BasicFT), Discs(), dataclasses.replace(where, progress=steps))
    assert len(list((tmp_path / "start").glob(f"basic-ft-*/{STATE}"))) == 1
    assert steps.taken == 0


OTHERS: dict[str, tuple[Any, TrainingSet, dict[str, Any]]] = {
    "parameter": (quick(BasicFT, learning_rate=1e-4), Discs(), {}),
    "drift": (quick(ROWS["basic-ft-ld"]), Discs(), {}),
    "method": (quick(CustomDiffusion), Discs(), {}),
    "precision": (quick(BasicFT, precision="bfloat16"), Discs(), {}),
    "seed": (quick(BasicFT), Discs(), {"seed": 1}),
    "shape": (quick(BasicFT), Discs(), {"side": 32}),
    "prompt": (quick(BasicFT), Changed(lambda each: dataclasses.replace(each, prompt="a square")), {}),
    "id": (quick(BasicFT), Changed(lambda each: dataclasses.replace(each, id="square")), {}),
    "pixel": (quick(BasicFT), Changed(lambda each: dataclasses.replace(each, image=each.image * 0.99)), {}),
    "count": (quick(BasicFT), Discs(15), {}),
    "pairs": (quick(BasicFT), DiscPairs(), {}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_the_weights_depend_on_is_in_the_key(other: str, random_backbone: Path, tmp_path: Path) -> None:
    start, train, changed = OTHERS[other]
    key = fit_key(quick(BasicFT), Discs(), context(tmp_path, random_backbone))
    assert (fit_key(start, train, context(tmp_path, random_backbone, **changed)) == key) == (other == "pairs")


def test_weights_that_are_replaced_in_place_are_another_start(backbone_copy: Path, tmp_path: Path) -> None:
    where = sharing(tmp_path, backbone_copy)
    first = unet(shared_start(quick(BasicFT), Discs(), where))
    file = backbone_copy / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: value / 2 for name, value in load_file(file).items()}, file, metadata={"format": "pt"})
    second = unet(shared_start(quick(BasicFT), Discs(), where))
    assert len(list((tmp_path / "shared").iterdir())) == 2
    assert not all(torch.equal(value, first[name]) for name, value in second.items())


def test_what_they_do_not_depend_on_is_not(random_backbone: Path, tmp_path: Path) -> None:
    key = fit_key(quick(BasicFT), Discs(), context(tmp_path, random_backbone))
    other = quick(BasicFT, sampling_steps=7, micro_batch_size=2, checkpoint_every=1, download=True)
    assert fit_key(other, Discs(), context(tmp_path / "elsewhere", random_backbone)) == key


def test_pairs_give_their_sources_with_their_captions(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = DiscPairs(20)
    singles = single_images(pairs)
    assert len(singles) == 20
    one, pair = singles[7], pairs[7]
    assert pair.source is not None
    assert torch.equal(one.image, pair.source)
    assert (one.id, one.prompt, one.attributes, one.source) == ("disc-7", "a disc of size 7", {"size": 7}, None)
    alone, lone = single_images(LoneDiscs())[0], LoneDiscs()[0]
    assert torch.equal(alone.image, lone.image)
    assert (alone.prompt, alone.target_prompt) == (lone.prompt, None)
    seen = seen_prompts(monkeypatch)
    shared_start(quick(BasicFT), pairs, sharing(tmp_path, random_backbone))
    assert set(seen) == {"", *(f"a disc of size {size}" for size in range(8))}


def test_a_pair_without_a_caption_is_one_line(random_backbone: Path, tmp_path: Path) -> None:
    class Bare(DiscPairs):
        def __getitem__(self, index: int) -> Example:
            return dataclasses.replace(super().__getitem__(index), source_prompt=None)

    message = "training example disc-0: expected a source_prompt .*, got none"
    with pytest.raises(GeneratorError, match=message) as caught:
        shared_start(quick(BasicFT), Bare(), sharing(tmp_path, random_backbone))
    assert "\n" not in str(caught.value)


def test_an_interrupted_start_gives_its_lock_back_and_goes_on(random_backbone: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "fit" and done == 2:
            raise KeyboardInterrupt

    start = quick(BasicFT, checkpoint_every=1)
    with pytest.raises(KeyboardInterrupt):
        shared_start(start, Discs(), sharing(tmp_path, random_backbone, progress=stop))
    steps = Steps()
    cut = shared_start(start, Discs(), sharing(tmp_path, random_backbone, progress=steps))
    whole = shared_start(start, Discs(), sharing(tmp_path / "whole", random_backbone))
    assert steps.taken == 1
    assert all(torch.equal(value, unet(cut)[name]) for name, value in unet(whole).items())


def test_two_at_once_train_once(random_backbone: Path, tmp_path: Path) -> None:
    """In two threads: flock is per open file, so they exclude each other as processes do."""
    steps = [Steps(), Steps()]
    threads = [
        threading.Thread(target=shared_start, args=(
            quick(BasicFT, steps=6, checkpoint_every=2), Discs(), sharing(tmp_path, random_backbone, progress=each)
        ))
        for each in steps
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(each.taken for each in steps) == [0, 6]


def test_another_process_finds_it_locked_until_it_is_done(random_backbone: Path, tmp_path: Path) -> None:
    attempt = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    refused: list[bool] = []

    def try_it(stage: str, done: int, total: int, note: str = "") -> None:
        if stage in ("fit", "over") and done != 2:
            lock = next((tmp_path / "shared").glob(f"*/{LOCK}"))
            finished = subprocess.run([sys.executable, "-c", attempt, lock], capture_output=True, check=False)
            assert not finished.returncode or b"BlockingIOError" in finished.stderr
            refused.append(finished.returncode != 0)

    shared_start(quick(BasicFT), Discs(), sharing(tmp_path, random_backbone, progress=try_it))
    try_it("over", 0, 0)
    assert refused == [True, True, False]
