"""What can't be sampled is said before anything is trained or encoded, in the dry run too: for each row alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ldbench_baselines.backbone.folder import BETA_SCHEDULES
from ldbench_baselines.diffusion.schedulers import Sampler, reverse_path
from ldbench_baselines.editing.tuned_editor import TunedEditor

from ldbench.errors import LdbenchError, UsageError
from ldbench.run.dry_run import dry_run
from ldbench.run.settings import Settings
from tests.baselines.conftest import edit_json
from tests.baselines.discs import Discs, context
from tests.baselines.gaussian import STABLE_DIFFUSION

from .rows import ROWS

SAMPLED = sorted(name for name in ROWS if name != "autoencoder")  # which samples nothing
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"sampling_steps": 2000}, r"steps: expected 1 to \d+") for name in SAMPLED),
    *((name, {"delta_sample": "1,2"}, "delta_sample: expected one number or 4") for name in SAMPLED),
    *((name, {"precision": "float16"}, "precision: float16 needs a GPU") for name in ROWS),
    ("sd", {"sampler": "pndm", "sampling_steps": 1000}, "steps: expected 1 to 999"),
    ("basic-ft", {"zero_terminal_snr": True, "sampler": "pndm"}, "sampler: pndm divides by a_T"),
    ("basic-ft-zero-snr", {"sampler": "ddim", "sampling_steps": 30}, "ddim with trailing timesteps expects a divisor"),
    # its class images come from the backbone's own schedule, its images from the one without signal at its end
    ("dreambooth", {"zero_terminal_snr": True, "sampler": "ddim", "sampling_steps": 1000}, "steps: expected 1 to 999"),
    ("textual-inversion", {"vectors": 46}, "vectors: expected at most 45, as the text encoder takes 48 tokens, got 46"),
    ("basic-ft", {"drift_where": "train", "delta_sample": 0.5}, "delta_sample: expected none beside drift_where train"),
    ("instruct-pix2pix", {"drift": "step", "delta_sample": "signal-leak"}, "signal-leak is a start of z_T"),
]


class Untouched(Discs):
    """A training set that no fit may look into."""

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("the fit went on")


@pytest.mark.parametrize(("name", "parameters", "line"), REFUSED, ids=lambda value: str(value))
def test_the_fit_refuses_first_and_the_dry_run_says_so(
    name: str, parameters: dict[str, Any], line: str, random_backbone: Path, tmp_path: Path
) -> None:
    generator, where = ROWS[name](**parameters), context(tmp_path, random_backbone)
    (missing,) = generator.needs(where).missing
    with pytest.raises(UsageError, match=line) as caught:
        generator.fit(Untouched(), where)
    assert str(caught.value) == missing
    assert "\n" not in missing
    assert not list(tmp_path.iterdir())


def test_a_download_that_is_allowed_hides_no_refusal(random_backbone: Path, tmp_path: Path) -> None:
    generator = ROWS["sd"](download=True, sampling_steps=2000)
    assert generator.needs(context(tmp_path, random_backbone)).missing


def test_the_command_s_dry_run_names_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "runs", overrides={"sampling_steps": "2000"})
    (line,) = dry_run("sandbox-brain-t2i", "basic-ft", settings).missing
    assert line.startswith("steps: expected 1 to 1000")


def test_no_steps_and_a_total_of_drift_are_one_line() -> None:
    with pytest.raises(UsageError, match="sampling_steps: expected 1 or more, got 0"):
        ROWS["sd"](sampling_steps=0, drift="step", delta_total=1.0)


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if issubclass(row, TunedEditor)))
@pytest.mark.parametrize("key", ["delta", "delta_sample"])
def test_an_edit_of_a_source_has_no_start_of_the_signals_leak(name: str, key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}: expected numbers, got signal-leak"):
        ROWS[name](**{key: "signal-leak"})


def test_a_drift_of_sampling_is_refused_where_nothing_is_sampled() -> None:
    with pytest.raises(UsageError, match=r"delta_sample: expected none, as nothing is sampled, got 0.1; leave it out"):
        ROWS["autoencoder"](delta_sample=0.1)


@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm", "pndm", "euler", "euler-ancestral"])
@pytest.mark.parametrize("betas", BETA_SCHEDULES)
def test_every_sampler_knows_the_betas_that_a_backbone_may_have(sampler: Sampler, betas: str) -> None:
    assert len(reverse_path(sampler, 5, {**STABLE_DIFFUSION, "beta_schedule": betas}).calls) == 5


@pytest.mark.parametrize("betas", ["laplace", "sigmoid"])
def test_betas_that_a_sampler_does_not_know_are_refused(betas: str, random_backbone: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(random_backbone, tmp_path / "backbone"))
    edit_json(copy / "scheduler" / "scheduler_config.json", beta_schedule=betas)
    with pytest.raises(LdbenchError, match=r"expected beta_schedule linear, .*; write the betas into trained_betas"):
        ROWS["sd"]().fit(Untouched(), context(tmp_path / "fit", copy))


def test_a_folder_saved_with_another_scheduler_is_told_by_what_it_is_sampled(
    backbone_copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    where = context(tmp_path / "fit", backbone_copy)
    for parameters in ({"sampler": "pndm"}, {}, {}):  # it was saved with PNDM; what is told once is not told again
        assert not ROWS["sd"](**parameters).needs(where).missing
    assert not ROWS["autoencoder"]().needs(where).missing  # samples nothing
    (line,) = caplog.messages
    assert "sampled with sampler=ddpm, sampling_steps=10 and guidance_scale=4, not with the PNDMScheduler" in line


def test_the_packaged_backbone_needs_no_such_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not ROWS["sd"]().needs(context(tmp_path, "tiny-sd")).missing
    assert not caplog.messages
