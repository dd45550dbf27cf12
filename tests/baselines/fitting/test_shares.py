"""How a batch is cut: in shares for processes, and in the pieces that memory asks for."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.backbone.precision import Precision
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.diffusion.recomputation import Kept
from ldbench_baselines.dreambooth import DreamBooth
from ldbench_baselines.fitting import loop
from ldbench_baselines.fitting.fine_tuner import FineTuner, Trainable
from ldbench_baselines.fitting.loop import Share, train

from ldbench.api import silent
from tests.baselines.discs import CPU, context, quick

from .test_loop import SETTINGS, Line, Points, first_gradient, fit


@dataclass
class WithPrior(Line):
    """Twice as many rows as the settings say, as where images that preserve the prior are drawn too."""

    def draw(self, source: torch.Generator) -> Points:
        return Points(torch.randn(16, 3, generator=source), torch.ones(16))


@pytest.mark.parametrize(
    ("limit", "micro", "pieces"),
    [("4", 0, [4] * 4), ("8", 0, [8, 8]), ("3", 5, [3, 3, 3, 3, 3, 1]), ("9", 5, [5, 5, 5, 1])],
)
def test_the_limit_holds_for_all_rows_that_are_drawn(
    limit: str, micro: int, pieces: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_IMAGES_AT_ONCE", limit)
    line = WithPrior(torch.nn.Parameter(torch.zeros(3)), 8)
    settings = dataclasses.replace(SETTINGS, steps=1, micro_batch_size=micro)
    train({"slope": line.slope}, line, settings, tmp_path, {}, silent)
    assert line.sizes == pieces


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 45))
def test_shares_cut_a_batch_so_that_every_image_is_in_one_piece(processes: int, batch: int, micro: int) -> None:
    pieces = [list(Share(process, processes).slices(batch, micro)) for process in range(processes)]
    covered = [index for piece in itertools.chain(*pieces) for index in range(batch)[piece]]
    assert sorted(covered) == list(range(batch))
    assert all(0 < piece.stop - piece.start <= (micro or batch) for piece in itertools.chain(*pieces))
    shares = [sum(piece.stop - piece.start for piece in share) for share in pieces]
    assert max(shares) - min(shares) <= 1
    assert max(shares) == Share(0, processes).of(batch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "processes", "limit", "micro", "at_once"),
    [
        (BasicFT, 1, None, 0, 64), (BasicFT, 8, None, 0, 8), (BasicFT, 8, None, 3, 3), (BasicFT, 8, "4", 0, 4),
        (DreamBooth, 1, None, 0, 128), (DreamBooth, 8, None, 0, 16), (DreamBooth, 1, "100", 0, 100),
    ],
)
def test_what_is_computed_again_is_chosen_for_a_processs_own_images(
    method: type[FineTuner], processes: int, limit: str | None, micro: int, at_once: int, random_backbone: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the loop takes at once, the choice and the dry run count on: no more and no less."""
    if limit is not None:
        monkeypatch.setenv("LDBENCH_IMAGES_AT_ONCE", limit)
    generator = quick(method, batch_size=64, micro_batch_size=micro)
    where = context(tmp_path, random_backbone, processes=processes)
    monkeypatch.setattr("ldbench_baselines.diffusion.generator.free_bytes", lambda device: 80 * 2**30)
    step = Kept(nothing=7, top=7, all=7)
    monkeypatch.setattr("ldbench_baselines.diffusion.network_cost.kept", lambda *_: step)
    monkeypatch.setattr("ldbench_baselines.fitting.fine_tuner.kept", lambda *_: step)
    counted: list[int] = []
    monkeypatch.setattr(Kept, "choice", lambda self, images, free: counted.append(images) or "nothing")
    assert generator.needs(where).missing == ()
    monkeypatch.setattr("ldbench_baselines.fitting.fine_tuner.free_bytes", lambda device: 80 * 2**30)
    model, trainable = load_backbone(str(random_backbone), CPU), Trainable({}, lambda index, dropped: index)
    generator._recomputed(model, trainable, dataclasses.replace(SETTINGS, batch_size=64), where)
    assert counted == [at_once, at_once]


def own_alone(parameters: list[torch.nn.Parameter]) -> None:
    """A sum over processes of which the others have nothing."""
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


@pytest.mark.usefixtures("moments_kept")
@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("processes", [2, 3, 5, 8, 11])
def test_the_shares_gradients_add_up_to_that_of_the_whole_batch(
    processes: int, precision: Precision, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each process by itself, with a sum over processes that lets its own part through; some have no image."""
    monkeypatch.setattr(loop, "sum_over_processes", own_alone)
    settings = dataclasses.replace(SETTINGS, steps=1, ema_decay=0.0, precision=precision)
    parts = []
    for process in range(processes):
        slope = torch.nn.Parameter(torch.zeros(3))
        gradients = loop._Gradients([slope], Line(slope, 8, scale=0.01), settings, Share(process, processes))
        optimiser = torch.optim.AdamW([slope], lr=0.1, fused=True)
        gradients.step(0, optimiser)
        parts.append(optimiser.state[slope]["exp_avg"] / (1 - 0.9))
    fit(tmp_path, settings, scale=0.01)
    tolerance = {"atol": 2e-3, "rtol": 0.0} if precision == "float16" else {}
    torch.testing.assert_close(torch.stack(parts).sum(0), first_gradient(tmp_path), **tolerance)


def test_only_the_first_process_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loop, "sum_over_processes", own_alone)
    slope = torch.nn.Parameter(torch.zeros(3))
    train({"slope": slope}, Line(slope, 8), SETTINGS, tmp_path / "fit", {}, silent, Share(1, 2))
    assert not (tmp_path / "fit").exists()
