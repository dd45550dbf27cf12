"""What all fine-tuners share: training sets, resumption, refusals, and the switches that must not change a result."""

from __future__ import annotations

import dataclasses
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.custom_diffusion import CustomDiffusion
from ldbench_baselines.dreambooth import DreamBooth
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.encoded import CACHE
from ldbench_baselines.fitting.fine_tuner import FineTuner
from ldbench_baselines.lora import LoRA
from ldbench_baselines.textual_inversion import TextualInversion
from safetensors.torch import load_file, save_file

from ldbench.api import Example
from ldbench.errors import GeneratorError, UsageError
from tests.baselines.discs import Discs, context, loss_on_a_fixed_batch, quick, requests, weights
from tests.baselines.fitting import slow_fit
from tests.baselines.rows import ROWS
from tests.forked import processes

METHODS: list[type[FineTuner]] = [BasicFT, TextualInversion, DreamBooth, CustomDiffusion, LoRA]
# one of them in every run, the others among the slow tests
EACH = [METHODS[0], *(pytest.param(method, marks=pytest.mark.slow) for method in METHODS[1:])]


@dataclasses.dataclass
class Stop:
    """Progress that is interrupted after a step, once."""

    step: int
    told: list[tuple[str, int]] = dataclasses.field(default_factory=list)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.told.append((stage, done))
        if stage == "fit" and done == self.step:
            raise KeyboardInterrupt


def test_sampling_does_not_go_through_what_was_compiled_for_training(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[torch.nn.Module] = []

    def compile_module(module: torch.nn.Module) -> None:
        compiled.append(module)
        module._compiled_call_impl = module._call_impl  # what torch.nn.Module.compile sets, uncompiled

    monkeypatch.setattr(torch.nn.Module, "compile", compile_module)
    generator = quick(BasicFT, steps=1, compile=True)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    unet = generator._fitted().unet
    assert compiled == [unet]
    assert unet._compiled_call_impl is None


def test_a_fit_does_not_go_on_from_weights_that_were_replaced(backbone_copy: Path, tmp_path: Path) -> None:
    where = context(tmp_path / "fit", backbone_copy)
    quick(BasicFT, steps=2).fit(Discs(), where)
    file = backbone_copy / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: value / 2 for name, value in load_file(file).items()}, file, metadata={"format": "pt"})
    with pytest.raises(GeneratorError, match=r"other settings \(backbone_content: '.{16}', now '.{16}'\)"):
        quick(BasicFT, steps=2).fit(Discs(), where)


@dataclasses.dataclass(frozen=True)
class Reordered:
    """Discs in another order."""

    discs: Discs
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Example:
        return self.discs[self.order[index]]


def first_gradients(folder: Path) -> dict[str, torch.Tensor]:
    """Adam's first moments after one step: a tenth of the (clipped) gradients."""
    return {name: value for name, value in load_file(folder / STATE).items() if name.startswith("adam.exp_avg.")}


@pytest.mark.parametrize(("method", "fewest"), [(BasicFT, 16), *((each, 3) for each in METHODS[1:])])
def test_too_few_training_images_are_one_line(
    method: type[FineTuner], fewest: int, random_backbone: Path, tmp_path: Path
) -> None:
    where = context(tmp_path, random_backbone)
    message = rf"{method.name}: expected at least {fewest} training images and at most all, got {fewest - 1} of"
    with pytest.raises(GeneratorError, match=message) as caught:
        method().fit(Discs(fewest - 1), where)
    assert "\n" not in str(caught.value)
    with pytest.raises(GeneratorError, match=rf"got {fewest - 1} of 40; .*another --set images=N"):
        method(images=fewest - 1).fit(Discs(40), where)
    with pytest.raises(GeneratorError, match=r"at most all, got 41 of 40"):
        method(images=41).fit(Discs(40), where)


def test_images_takes_the_same_scans_in_whatever_order_they_come() -> None:
    generator, discs = BasicFT(images=20), Discs(40)
    chosen = generator._chosen(discs)
    ids = [chosen[index].id for index in range(len(chosen))]
    assert len(set(ids)) == 20
    assert ids != [discs[index].id for index in range(20)]  # not the first ones
    order = list(range(40))
    random.Random(0).shuffle(order)
    others = generator._chosen(Reordered(discs, order))
    assert {others[index].id for index in range(20)} == set(ids)
    more = BasicFT(images=30)._chosen(discs)
    assert set(ids) < {more[index].id for index in range(30)}  # a learning curve adds scans, it swaps none
    assert BasicFT()._chosen(discs) is discs


def test_what_is_fitted_on_is_what_was_chosen(random_backbone: Path, tmp_path: Path) -> None:
    quick(LoRA, images=5, flip=True, steps=1).fit(Discs(9), context(tmp_path, random_backbone))
    assert load_file(tmp_path / CACHE)["moments"].shape == (2, 10, 4, 8, 8)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"steps": 0}, "steps: expected 1 or more, got 0"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, got 0"),
        ({"micro_batch_size": -1}, "micro_batch_size: expected 0 or more, got -1"),
        ({"checkpoint_every": 0}, "checkpoint_every: expected 1 or more, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BasicFT(**parameters)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "share"),  # of the loss before: 0.74, 0.97, 0.74, 0.93, 0.89 were seen, in this order
    [(BasicFT, 0.8), (TextualInversion, 0.985), (DreamBooth, 0.8), (CustomDiffusion, 0.96), (LoRA, 0.93)],
)
def test_each_method_lowers_its_loss(
    method: type[FineTuner], share: float, random_backbone: Path, tmp_path: Path
) -> None:
    losses = []
    for steps, rate in ((1, 1e-60), (40, None)):
        generator = quick(method, steps=steps, batch_size=8, learning_rate=rate)
        generator.fit(Discs(), context(tmp_path / str(steps), random_backbone))
        losses.append(loss_on_a_fixed_batch(generator, Discs(), tmp_path / "loss"))
    assert losses[1] < share * losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", EACH)
def test_an_interrupted_fit_resumes_to_the_same_weights_and_images(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path
) -> None:
    def fitted(folder: Path, stop: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        generator = quick(method, steps=5, checkpoint_every=2)
        where = context(folder, random_backbone, progress=Stop(stop))
        generator.fit(Discs(), where)
        return weights(generator), generator.generate(requests(2), where)

    whole, images = fitted(tmp_path / "whole", stop=99)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", stop=3)
    again, same = fitted(tmp_path / "cut", stop=99)
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert torch.equal(same, images)


@pytest.mark.slow
def test_killed_twice_and_resumed_gives_the_weights_of_an_uninterrupted_fit(
    random_backbone: Path, tmp_path: Path
) -> None:
    """SIGKILL in a process of its own, each time after a checkpoint more."""
    state, made = tmp_path / "cut" / STATE, 0
    for _ in range(2):
        process = processes.Process(
            target=slow_fit.fitted, args=(random_backbone, tmp_path / "cut", 0.5), daemon=True
        )
        process.start()
        deadline = time.monotonic() + 240
        while not state.exists() or state.stat().st_mtime_ns == made:
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        made = state.stat().st_mtime_ns
    whole, again = (weights(slow_fit.fitted(random_backbone, tmp_path / name, pause=0)) for name in ("whole", "cut"))
    assert state.stat().st_mtime_ns > made  # it did go on from there
    assert all(torch.equal(again[name], whole[name]) for name in whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "named"),
    [
        (quick(BasicFT, learning_rate=1e-4), "learning_rate"),
        (quick(BasicFT, precision="bfloat16"), "precision"),
        (quick(ROWS["basic-ft-ld"]), r"delta: 0\.0, now 0\.1"),
        (quick(ROWS["basic-ft-zero-snr"]), "zero_terminal_snr: False, now True"),
        (quick(LoRA, steps=3, ema_decay=0.99, batch_size=4), "method: 'basic-ft', now 'lora'|rank"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_a_checkpoint_of_other_parameters_is_refused_by_name_and_kept(
    other: FineTuner, named: str, one_fit: Path, random_backbone: Path
) -> None:
    before = (one_fit / STATE).read_bytes()
    with pytest.raises(GeneratorError, match=rf"made with other settings \(({named})") as caught:
        other.fit(Discs(), context(one_fit, random_backbone))
    assert "\n" not in str(caught.value)
    assert (one_fit / STATE).read_bytes() == before


@pytest.fixture(scope="module")
def one_fit(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished fit of `quick(BasicFT)`."""
    folder = tmp_path_factory.mktemp("fit")
    quick(BasicFT).fit(Discs(), context(folder, random_backbone))
    return folder


@pytest.mark.parametrize(
    "other",
    [
        quick(BasicFT, sampling_steps=3, sampler="ddim", guidance_scale=2.0, drift="step", delta_total=0.3),
        quick(ROWS["basic-ft-signal-leak"], checkpoint_every=1, micro_batch_size=2),
    ],
)
def test_what_fitting_does_not_read_asks_for_no_new_fit(
    other: FineTuner, one_fit: Path, random_backbone: Path
) -> None:
    told = Stop(99)
    other.fit(Discs(), context(one_fit, random_backbone, progress=told))
    assert [stage for stage, _ in told.told if stage == "fit"] == []


@pytest.mark.slow
@pytest.mark.usefixtures("moments_kept")
@pytest.mark.parametrize("method", [EACH[0], EACH[1], EACH[4]])
def test_gradient_checkpointing_gives_the_same_gradients(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path
) -> None:
    for saving in (False, True):
        generator = quick(method, steps=1, gradient_checkpointing=saving)
        generator.fit(Discs(), context(tmp_path / str(saving), random_backbone))
        assert generator._model is not None
        assert not generator._model.unet.is_gradient_checkpointing
    plain, saved = first_gradients(tmp_path / "False"), first_gradients(tmp_path / "True")
    assert plain.keys() == saved.keys()
    for name, value in plain.items():
        torch.testing.assert_close(saved[name], value, atol=1e-6, rtol=1e-4)
    assert any(value.any() for value in plain.values())


@pytest.mark.parametrize("method", EACH)
def test_a_cut_batch_gives_the_same_gradients(method: type[FineTuner], random_backbone: Path, tmp_path: Path) -> None:
    for size in (0, 3):
        generator = quick(method, steps=1, micro_batch_size=size)
        generator.fit(Discs(), context(tmp_path / str(size), random_backbone))
    whole, cut = first_gradients(tmp_path / "0"), first_gradients(tmp_path / "3")
    for name, value in whole.items():
        torch.testing.assert_close(cut[name], value, atol=1e-6, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_bfloat16_trains_float32_values_with_nearly_the_same_loss(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path
) -> None:
    losses: dict[str, list[float]] = {}
    for precision in ("float32", "bfloat16"):
        noted = losses[precision] = []

        def progress(stage: str, done: int, total: int, note: str = "", noted: list[float] = noted) -> None:
            if stage == "fit":
                noted.append(float(note.removeprefix("loss ")))

        generator = quick(method, precision=precision)
        where = context(tmp_path / precision, random_backbone, progress=progress)
        generator.fit(Discs(), where)
        assert {value.dtype for value in load_file(tmp_path / precision / STATE).values()} == {torch.float32}
        images = generator.generate(requests(2), where)
        assert images.dtype == torch.float32
        assert images.isfinite().all()
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.03)


@pytest.mark.parametrize("method", EACH)
def test_nothing_is_left_to_train_after_a_fit(method: type[FineTuner], random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(method, steps=1)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    assert generator._model is not None
    parts = (generator._model.unet, generator._model.vae, generator._model.text_encoder)
    assert not [name for part in parts for name, value in part.named_parameters() if value.requires_grad]
