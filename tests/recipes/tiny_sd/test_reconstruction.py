"""The measures of reconstruction, on images whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recipes.tiny_sd.architecture import build_autoencoder
from recipes.tiny_sd.reconstruction import psnr, reconstructed


def test_a_uniform_error_has_its_decibels() -> None:
    scans = np.full((2, 8, 8), 0.5)
    results = scans + np.array([0.1, 0.01])[:, None, None]
    assert psnr(scans, results).tolist() == pytest.approx([20.0, 40.0])


def test_reconstructions_are_grey_scans_in_range() -> None:
    torch.manual_seed(0)
    scans = np.random.default_rng(0).random((3, 64, 64))
    results = reconstructed(build_autoencoder().eval(), scans)
    assert results.shape == scans.shape
    assert results.min() >= 0.0
    assert results.max() <= 1.0
