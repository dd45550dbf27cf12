"""The measures of reconstruction, on images whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recipes.tiny_sd.architecture import build_autoencoder
from recipes.tiny_sd.reconstruction import psnr, reconstructed, viewed


def test_a_uniform_error_has_its_decibels() -> None:
    scans = np.full((2, 8, 8), 0.5)
    results = scans + np.array([0.1, 0.01])[:, None, None]
    assert psnr(scans, results).tolist() == pytest.approx([20.0, 40.0])


def test_viewing_blurs_and_adds_noise_anew_for_each_set() -> None:
    checks = np.indices((64, 64)).sum(axis=0)[None] % 2 * 0.5 + 0.25
    first, second = viewed(checks, 1), viewed(checks, 2)
    assert 0.015 < (first - 0.5).std() < 0.03  # the blur takes the finest pattern away, the noise of 0.02 stays
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < 0.3
    np.testing.assert_array_equal(first, viewed(checks, 1))


def test_reconstructions_are_grey_scans_in_range() -> None:
    torch.manual_seed(0)
    scans = np.random.default_rng(0).random((3, 64, 64))
    results = reconstructed(build_autoencoder().eval(), scans)
    assert results.shape == scans.shape
    assert results.min() >= 0.0
    assert results.max() <= 1.0
