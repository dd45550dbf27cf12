"""Any Stable Diffusion backbone loads: precisions, schedules, widths, scales; its prompts are cut, its tokens added."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    UNet2DConditionModel,
)
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from ldbench.errors import UsageError, WeightsError
from tests.baselines.conftest import edit_json
from tests.stand_ins.backbone import save_random_backbone

CPU = torch.device("cpu")
LONG = "a brain MRI of an 81 year old " + "female " * 60 + "with Alzheimer's disease"
MODELS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


@pytest.fixture
def model(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), CPU)


def predict(model: LatentDiffusion) -> torch.Tensor:
    """The U-Net's answer to one noisy latent, float32."""
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)).to(model.unet.dtype)
    text = model.embed(["a brain MRI"]).to(model.unet.dtype)
    with torch.no_grad():
        return model.unet(z, torch.tensor(500), text).sample.float()


def test_every_part_is_frozen_and_attention_is_the_fused_one(model: LatentDiffusion) -> None:
    for part in (model.text_encoder, model.unet, model.vae):
        assert not part.training
        assert not any(parameter.requires_grad for parameter in part.parameters())
    assert {type(processor).__name__ for processor in model.unet.attn_processors.values()} == {"AttnProcessor2_0"}
    assert model.text_encoder.config._attn_implementation == "sdpa"
    kernels = [p for p in model.unet.parameters() if p.ndim == 4 and p.shape[1] > 1 and p.shape[2] > 1]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


@pytest.mark.parametrize(("width", "channels"), [(24, (8, 8)), (48, (8, 8, 16, 16))])
def test_any_width_of_text_and_any_number_of_blocks(width: int, channels: tuple[int, ...], tmp_path: Path) -> None:
    model = load_backbone(str(save_random_backbone(tmp_path / "other", width, channels)), CPU)
    assert model.embed(["a", "b"]).shape == (2, 48, width)
    assert predict(model).shape == (1, 4, 8, 8)


def half(folder: Path, **options: Any) -> None:
    """Put float16 files in place of the plain ones, as fp16 repositories on the hub have them."""
    for part, cls in MODELS.items():
        saved: Any = cls.from_pretrained(folder / part).half()
        for path in (folder / part).glob("*.safetensors"):
            path.unlink()
        saved.save_pretrained(folder / part, variant="fp16", **options)


@pytest.mark.parametrize("options", [{}, {"max_shard_size": "20KB"}], ids=["one file", "shards"])
def test_a_folder_with_fp16_files_alone_loads_as_float32(options: dict[str, Any], backbone_copy: Path) -> None:
    plain = load_backbone(str(backbone_copy), CPU)
    half(backbone_copy, **options)
    assert (len(list((backbone_copy / "unet").glob("*.fp16-*"))) > 1) == bool(options)
    model = load_backbone(str(backbone_copy), CPU)
    assert {model.unet.dtype, model.vae.dtype, model.text_encoder.dtype} == {torch.float32}
    for ours, theirs in zip(model.unet.parameters(), plain.unet.parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())


def test_the_plain_files_are_preferred_where_both_are_there(backbone_copy: Path) -> None:
    path = backbone_copy / "unet" / "diffusion_pytorch_model.safetensors"
    zeros = {key: torch.zeros_like(value).half() for key, value in load_file(path).items()}
    save_file(zeros, path.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
    assert float(predict(load_backbone(str(backbone_copy), CPU)).abs().sum()) > 0


def test_bfloat16_is_close_to_float32_and_gives_float32(random_backbone: Path) -> None:
    model, exact = (load_backbone(str(random_backbone), CPU, precision=p) for p in ("bfloat16", "float32"))
    assert {model.unet.dtype, model.vae.dtype, model.text_encoder.dtype} == {torch.bfloat16}
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    latents = exact.encode(images)[0]
    for rough, fine in (
        (model.embed(["a brain"]), exact.embed(["a brain"])), (predict(model), predict(exact)),
        (model.encode(images), exact.encode(images)), (model.decode(latents), exact.decode(latents)),
    ):
        assert rough.dtype == torch.float32
        assert 0 < float((rough - fine).norm() / fine.norm()) < 0.03


def test_float16_on_a_cpu_and_unknown_precisions_are_refused(random_backbone: Path) -> None:
    with pytest.raises(UsageError, match="float16 needs a GPU, got device cpu; give --set precision=float32"):
        load_backbone(str(random_backbone), CPU, precision="float16")
    with pytest.raises(UsageError, match="expected one of float32, bfloat16, float16, got 'int8'"):
        load_backbone(str(random_backbone), CPU, precision="int8")  # type: ignore[arg-type]


def test_no_backbone_is_refused() -> None:
    with pytest.raises(WeightsError, match="give one with --set backbone=FOLDER"):
        load_backbone(None, CPU)


def absent(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def null(folder: Path) -> None:
    edit_json(folder / "model_index.json", safety_checker=[None, None], requires_safety_checker=True)


def listed_and_absent(folder: Path) -> None:
    edit_json(folder / "model_index.json", safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])


def broken(folder: Path) -> None:
    listed_and_absent(folder)
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "pytorch_model.bin").write_bytes(b"gated")


@pytest.mark.parametrize("safety_checker", [absent, null, listed_and_absent, broken])
def test_the_safety_checker_does_not_matter(safety_checker: Callable[[Path], None], backbone_copy: Path) -> None:
    safety_checker(backbone_copy)
    assert predict(load_backbone(str(backbone_copy), CPU)).isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "cls", [PNDMScheduler, DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler]
)
def test_the_training_schedule_is_that_of_whatever_scheduler_was_saved(
    cls: Any, prediction: str, backbone_copy: Path
) -> None:
    saved = cls(beta_start=0.001, beta_end=0.013, beta_schedule="linear", prediction_type=prediction,
                num_train_timesteps=500)
    saved.save_pretrained(backbone_copy / "scheduler")
    schedule = load_backbone(str(backbone_copy), CPU).schedule
    assert type(schedule) is DDPMScheduler
    assert torch.equal(schedule.alphas_cumprod, saved.alphas_cumprod)
    assert schedule.config.prediction_type == prediction
    assert not DDIMScheduler.from_config(schedule.config).config.clip_sample


def test_trained_betas_and_zero_terminal_snr_are_kept(backbone_copy: Path) -> None:
    betas = torch.linspace(0.001, 0.02, 50).tolist()
    path = backbone_copy / "scheduler" / "scheduler_config.json"
    edit_json(path, trained_betas=betas, beta_schedule=None, num_train_timesteps=50)
    assert torch.allclose(load_backbone(str(backbone_copy), CPU).schedule.betas, torch.tensor(betas))
    edit_json(path, trained_betas=None, beta_schedule="scaled_linear", rescale_betas_zero_snr=True)
    assert float(load_backbone(str(backbone_copy), CPU).schedule.alphas_cumprod[-1]) < 1e-6


@pytest.mark.parametrize(("scale", "shift"), [(0.18215, None), (2.0, 0.5)])
def test_latents_are_shifted_and_scaled_as_the_autoencoder_says(
    scale: float, shift: float | None, model: LatentDiffusion, backbone_copy: Path
) -> None:
    edit_json(backbone_copy / "vae" / "config.json", scaling_factor=scale, shift_factor=shift)
    other = load_backbone(str(backbone_copy), CPU)
    images = torch.rand(2, 3, 16, 16)
    mean, deviation = other.encode(images)
    raw = model.vae.encode(images * 2 - 1).latent_dist
    assert torch.allclose(mean, (raw.mean - (shift or 0)) * scale, atol=1e-5)
    assert torch.allclose(deviation, raw.std * scale, atol=1e-5)
    assert torch.allclose(other.decode(mean), (model.vae.decode(raw.mean).sample / 2 + 0.5).clamp(0, 1), atol=1e-5)


def test_the_latents_of_an_image(model: LatentDiffusion) -> None:
    assert model.latent_shape((3, 16, 24)) == (4, 8, 12) == tuple(model.encode(torch.rand(1, 3, 16, 24))[0, 0].shape)
    with pytest.raises(UsageError, match="expected multiples of 2 for this backbone's autoencoder"):
        model.latent_shape((3, 15, 16))


def test_a_prompt_that_is_too_long_is_cut_and_warned_of_once(
    model: LatentDiffusion, library_log: pytest.LogCaptureFixture
) -> None:
    caplog = library_log
    with caplog.at_level(logging.WARNING):
        first = model.embed(["short", LONG, LONG], cases=["c-0", "c-1", "c-2"])
        assert torch.equal(model.embed([LONG])[0], first[1])
    assert first.shape == (3, 48, 32)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("ldbench.baselines", "WARNING")
    length = len(model.tokenizer.tokenize(LONG)) + 2
    message = record.getMessage()
    assert message.startswith(f"case c-1: prompt {LONG[:48] + '...'!r} has {length} tokens")
    assert "the text encoder takes 48; cut off: 'female female" in message
    assert "\n" not in message
    caplog.clear()
    model.embed([LONG + "!"])
    assert [record.getMessage().startswith("prompt 'a brain") for record in caplog.records] == [True]


def test_what_is_cut_off_is_exactly_what_is_not_embedded(
    model: LatentDiffusion, caplog: pytest.LogCaptureFixture
) -> None:
    fitting = "a " * 46
    assert model.embed([fitting]).shape == (1, 48, 32)
    assert not caplog.records
    assert torch.equal(model.embed([fitting + "lung"]), model.embed([fitting]))
    assert caplog.records[0].getMessage().endswith("has 49 tokens, start and end included, and the text encoder takes "
                                                   "48; cut off: 'lung'")


def test_the_text_encoders_length_holds_where_the_tokenizer_has_none(backbone_copy: Path) -> None:
    edit_json(backbone_copy / "tokenizer" / "tokenizer_config.json", model_max_length=int(1e30))
    model = load_backbone(str(backbone_copy), CPU)
    assert model.tokenise(["a brain", LONG]).shape == (2, 48)


def test_hidden_states_carry_a_gradient_and_embed_does_not(model: LatentDiffusion) -> None:
    ids = model.tokenise(["a brain MRI", "a chest x-ray"])
    assert ids.shape == (2, 48)
    assert ids.dtype == torch.int64
    table = model.text_encoder.get_input_embeddings().weight.requires_grad_(True)
    assert not model.embed(["a brain MRI"]).requires_grad
    states = model.hidden_states(ids)
    assert torch.equal(states, model.embed(["a brain MRI", "a chest x-ray"]))
    states.sum().backward()
    assert table.grad is not None
    assert set(table.grad.abs().sum(1).nonzero().flatten().tolist()) == set(ids.flatten().tolist())


def test_added_tokens_start_as_the_word_they_are_like(random_backbone: Path, model: LatentDiffusion) -> None:
    packaged = {path: path.read_bytes() for path in (random_backbone / "tokenizer").iterdir()}
    before = model.embed(["a brain of a man"])
    rows = len(model.tokenizer)
    ids = model.add_tokens(["<brain-mri>", "Zqx*"], like="brain")
    assert ids == (rows, rows + 1)
    assert model.text_encoder.get_input_embeddings().weight.shape == (rows + 2, 32)
    assert not model.text_encoder.get_input_embeddings().weight.requires_grad
    for prompt in ("a <brain-mri> of a man", "a <BRAIN-MRI> of a man", "a zqx* of a man"):
        assert torch.equal(model.embed([prompt]), before)
    assert torch.equal(model.embed(["a brain of a man"]), before)
    assert not set(ids) & set(model.tokenise(["a zqx*ab of brain-mri <brain-mri>s"]).flatten().tolist())
    assert {path: path.read_bytes() for path in (random_backbone / "tokenizer").iterdir()} == packaged
    assert len(load_backbone(str(random_backbone), CPU).tokenizer) == rows


def test_a_word_of_several_pieces_gives_their_mean(model: LatentDiffusion) -> None:
    pieces = model.tokenizer("qzxv", add_special_tokens=False)["input_ids"]
    assert len(pieces) > 1
    (added,) = model.add_tokens(["<new>"], like="qzxv")
    table = model.text_encoder.get_input_embeddings().weight
    assert torch.allclose(table[added], table[pieces].mean(0))


@pytest.mark.parametrize(
    ("names", "like", "expected"),
    [(["brain"], "brain", "'brain': the tokenizer has it"), (["<a>", "<A>"], "brain", "'<A>': the tokenizer has it"),
     (["two words"], "brain", "expected one word without spaces"), ([""], "brain", "expected one word"),
     (["<a>"], " ", "initial word ' ': expected a word")],
)
def test_tokens_that_cannot_be_added_change_nothing(
    names: list[str], like: str, expected: str, model: LatentDiffusion
) -> None:
    rows = len(model.tokenizer)
    with pytest.raises(UsageError, match=expected):
        model.add_tokens(names, like)
    assert len(model.tokenizer) == rows == model.text_encoder.get_input_embeddings().num_embeddings


def test_a_token_cannot_be_added_twice(model: LatentDiffusion) -> None:
    model.add_tokens(["<brain-mri>"], "brain")
    with pytest.raises(UsageError, match="has it already; choose another, such as <my-brain-mri>"):
        model.add_tokens(["<brain-mri>"], "brain")


def test_the_libraries_say_nothing_while_loading(
    backbone_copy: Path, library_log: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = backbone_copy / "text_encoder" / "model.safetensors"
    extra = {"text_projection.weight": torch.zeros(32, 32)}  # transformers reports what it has no use for
    save_file({**load_file(path), **extra}, path, metadata={"format": "pt"})
    load_backbone(str(backbone_copy), CPU)
    assert capfd.readouterr() == ("", "")
    assert not library_log.records


def test_images_go_through_the_autoencoder_in_parts_that_memory_holds(
    random_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_backbone(str(random_backbone), CPU)
    images = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    moments = model.encode(images)
    decoded = model.decode(moments[0])
    for name in ("encode", "decode"):
        monkeypatch.setattr(model.vae, name, limited(getattr(model.vae, name), most=2))
    torch.testing.assert_close(model.encode(images), moments)
    torch.testing.assert_close(model.decode(moments[0]), decoded)


def limited(work: Callable[[torch.Tensor], Any], most: int) -> Callable[[torch.Tensor], Any]:
    """The work with memory for `most` rows."""

    def of_few(rows: torch.Tensor) -> Any:
        if len(rows) > most:
            raise torch.OutOfMemoryError("told to")
        return work(rows)

    return of_few
