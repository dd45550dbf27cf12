"""Stable Diffusion and basic fine-tuning on the packaged backbone: contract, drift, resumption, bad input."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT, BasicFTDrift, Draw, EncodedSet, denoising_loss, encode_set
from ldbench_baselines.drift import Drift
from ldbench_baselines.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.sampling import make_scheduler
from ldbench_baselines.stable_diffusion import StableDiffusion, StableDiffusionDrift

from ldbench import card
from ldbench.api import Case, Context, Example, Request, silent
from ldbench.errors import GeneratorError, WeightsError
from ldbench.testing import check_generator

CPU = torch.device("cpu")


class Examples:
    """A few grey discs with prompts."""

    def __init__(self, count: int = 16) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
        disc = ((x**2 + y**2) < 0.3 + 0.02 * index).float().expand(3, -1, -1) * 0.8
        return Example(f"disc-{index}", disc.clone(), f"a disc of size {index}", {"size": index})


def requests(count: int) -> list[Request]:
    return [Request(Case(f"case-{index}", f"a disc of size {index}", {}), 1000 + index) for index in range(count)]


def context(folder: Path) -> Context:
    return Context(CPU, 0, folder, (3, 64, 64), "tiny-sd", silent)


def recording_model(seen: list[tuple[torch.Tensor, torch.Tensor]]) -> SimpleNamespace:
    """A backbone whose U-Net answers zero and notes what it was shown."""

    def unet(z: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> SimpleNamespace:
        seen.append((z, t))
        return SimpleNamespace(sample=torch.zeros_like(z))

    unet.device = CPU  # type: ignore[attr-defined]
    schedule = make_scheduler("ddpm", {
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
    })
    return SimpleNamespace(unet=unet, schedule=schedule)


@pytest.mark.parametrize("delta", [0.0, 0.1, -0.3])
def test_training_mixes_in_and_predicts_the_drifted_noise(delta: float) -> None:
    """With a zero prediction and z_0 = 0 the loss is E[(eps + delta)^2] = 1 + delta^2, and z_t = b_t (eps + delta)."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    model = recording_model(seen)
    data = EncodedSet(
        torch.zeros(2, 4, 4, 16, 16), torch.zeros(4, dtype=torch.long), torch.zeros(1, 3, 8), torch.zeros(1, 3, 8)
    )
    source = torch.Generator().manual_seed(0)
    loss = denoising_loss(model, data, Draw(256, 0.1, 0.3), Drift(delta, delta), source)  # type: ignore[arg-type]
    assert float(loss) == pytest.approx(1 + delta**2, abs=0.01)
    z_t, t = seen[0]
    b_t = (1 - model.schedule.alphas_cumprod[t]).sqrt()
    assert float((z_t.mean((1, 2, 3)) / b_t).mean()) == pytest.approx(delta, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_high_noise_is_the_share_that_was_asked_for(share: float) -> None:
    t = Draw(20_000, 0.1, share).timesteps(1000, torch.Generator().manual_seed(0))
    assert 0 <= int(t.min()) < int(t.max()) <= 999
    assert float((t >= 700).float().mean()) == pytest.approx(share + (1 - share) * 0.3, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "generator",
    [StableDiffusion(sampling_steps=3), StableDiffusionDrift(sampling_steps=3, sampler="ddpm"),
     BasicFT(steps=2, sampling_steps=3), BasicFTDrift(steps=2, sampling_steps=3)],
    ids=lambda generator: type(generator).__name__,
)
def test_built_in_generators_pass_the_kit_that_outsiders_pass(generator: StableDiffusion) -> None:
    failed = [finding for finding in check_generator(generator, backbone="tiny-sd") if not finding.passed]
    assert not failed


@pytest.mark.slow
def test_another_batch_size_changes_no_pixel_by_more_than_one_grey_level(tmp_path: Path) -> None:
    generator = StableDiffusion()
    generator.fit(Examples(), context(tmp_path))
    wanted = requests(6)
    together = generator.generate(wanted, context(tmp_path))
    apart = torch.cat([generator.generate(wanted[i : i + 2], context(tmp_path)) for i in (0, 2, 4)])
    assert float((together - apart).abs().max()) <= 1 / 255


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm"])
def test_drift_in_sampling_moves_the_image(sampler: str, tmp_path: Path) -> None:
    def images(delta: float) -> torch.Tensor:
        generator = StableDiffusion(sampler=sampler, sampling_steps=8, delta_sample=delta)  # type: ignore[arg-type]
        generator.fit(Examples(), context(tmp_path))
        return generator.generate(requests(4), context(tmp_path))

    assert torch.equal(images(0.0), images(0.0))
    near, far = ((images(delta) - images(0.0)).abs().mean() for delta in (0.05, 0.3))
    assert 0 < float(near) < float(far)


@pytest.mark.slow
def test_fine_tuning_lowers_the_loss_and_resumes_to_the_same_weights(tmp_path: Path) -> None:
    stopped = False

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        nonlocal stopped
        if stage == "fit" and done == 25 and not stopped:  # the first pass is cut after its checkpoint at step 20
            stopped = True
            raise KeyboardInterrupt

    def loss(model: LatentDiffusion) -> float:
        data = encode_set(model, Examples(), context(tmp_path))
        with torch.no_grad():
            drawn = denoising_loss(model, data, Draw(128, 0.0, 0.0), Drift(), torch.Generator().manual_seed(9))
        return float(drawn)

    def fitted(folder: Path, report: object) -> torch.Tensor:
        generator = BasicFT(steps=40, batch_size=8, checkpoint_every=20)
        generator.fit(Examples(), Context(CPU, 0, folder, (3, 64, 64), "tiny-sd", report))  # type: ignore[arg-type]
        assert generator._model is not None
        assert loss(generator._model) < 0.8 * loss(load_backbone("tiny-sd", CPU))
        return generator.generate(requests(2), context(folder))

    whole = fitted(tmp_path / "whole", silent)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", progress)
    assert torch.equal(fitted(tmp_path / "cut", progress), whole)


def test_a_backbone_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    for name in (str(tmp_path), "no-such/backbone"):
        with pytest.raises(WeightsError, match=r"can't load \w+/.*expected a diffusers Stable") as caught:
            load_backbone(name, CPU)
        assert "\n" not in str(caught.value)


def test_a_backbone_without_its_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "backbone"
    packaged = Path(str(resources.files("ldbench_baselines.backbone"))) / "tiny-sd"
    shutil.copytree(packaged, folder, ignore=shutil.ignore_patterns("tokenizer"))
    with pytest.raises(WeightsError, match=r"tokenizer"):
        load_backbone(str(folder), CPU)


def test_too_few_training_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="expected at least 16 training images, got 5"):
        BasicFT().fit(Examples(5), context(tmp_path))


@pytest.mark.parametrize("name", card.task_names())
def test_the_backbone_that_cards_recommend_is_there(name: str) -> None:
    model = load_backbone(card.load(name).protocol.backbone, CPU)
    assert model.latent_shape((3, 64, 64)) == (4, 16, 16)
    assert model.embed(["a brain MRI", "a chest x-ray"]).isfinite().all()
