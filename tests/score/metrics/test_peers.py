"""The panel's metrics against other people's packages, where they agree to the last digits and where they differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.ms_ssim import WEIGHTS, ms_ssim_values
from ldbench.score.metrics.novelty import authpct_score, ct_score
from ldbench.score.metrics.vendi import vendi
from tests.score.metrics.made_images import grey_images

Array = npt.NDArray[np.float64]


def features(seed: int, n: int, d: int = 6, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("shift", [0.0, 0.4, 2.0])
def test_precision_recall_density_and_coverage_are_those_of_prdc(k: int, shift: float) -> None:
    from prdc import compute_prdc

    real, generated = features(0, 60), features(1, 50, shift=shift)
    theirs = compute_prdc(real, generated, nearest_k=k)
    assert theirs.keys() == {"precision", "recall", "density", "coverage"}
    for name, expected in theirs.items():
        found = manifold_score(name, real, generated, k=k, extractor="x").value
        assert found == pytest.approx(expected, abs=1e-12), name


def test_prdc_leaves_out_an_image_on_the_edge_of_a_ball() -> None:
    """The papers' formulas have <= there; it matters for copies alone: twins among the real ones have balls of 0."""
    from prdc import compute_prdc

    twins = np.repeat(np.eye(10), 2, axis=0)
    assert compute_prdc(twins, twins, nearest_k=1)["coverage"] == 0
    assert manifold_score("coverage", twins, twins, k=1, extractor="x").value == 1


@pytest.mark.parametrize("count", [4, 60])  # fewer and more than there are features
def test_vendi_is_that_of_vendi_score(count: int) -> None:
    from vendi_score.vendi import score_dual

    some = features(3, count, shift=0.5)
    assert vendi(some) == pytest.approx(score_dual(some), rel=1e-9)


@pytest.mark.parametrize("blur", [2.0, 6.0])
def test_ms_ssim_is_that_of_pytorch_msssim(blur: float) -> None:
    from pytorch_msssim import ms_ssim

    some = grey_images(2, 192, blur=blur)  # it takes five scales only
    some[1] = (2 * some[0] + some[1]) / 3
    weights = [weight / sum(WEIGHTS) for weight in WEIGHTS]  # the paper's sum to 1.0001
    theirs = ms_ssim(some[:1].double(), some[1:].double(), data_range=1.0, size_average=False, weights=weights)
    assert ms_ssim_values(some[:1], some[1:]) == pytest.approx(theirs.numpy(), abs=2e-6)
    assert 0.1 < float(theirs[0]) < 0.99


def drawn(copied: int) -> tuple[Array, Array, Array]:
    """Training, test and generated features, the first `copied` of which lie by training ones."""
    random = np.random.default_rng(7)
    training, test, generated = (random.normal(size=(count, 5)) for count in (80, 50, 60))
    generated[:copied] = training[:copied] + 0.01 * generated[:copied]
    return training, test, generated


@pytest.mark.parametrize(
    ("copied", "authentic", "copying"),
    [(0, 60.0, 1.8939472104670805), (20, 40.0, -2.116058293786516), (60, 0.0, -9.001501876689025)],
)
def test_authpct_and_ct_are_those_of_fld_and_dgm_eval(copied: int, authentic: float, copying: float) -> None:
    """Neither package is on an index, so their answers for `drawn` are written down here.

    They are those of `compute_authpct` of dgm-eval at 74c79f7527fb (dgm_eval/metrics/authpct.py), and of FLD at
    ffbbf2041115 (fld/metrics/AuthPct.py, which gives 50 less) and C_T with one cell, all three sets at cell 0 and
    tau = 20 / 60 (fld/metrics/CTTest.py and dgm_eval/metrics/ct.py, the same), under scipy 1.17. Their C_T moves U by a
    half, which they call a correction for continuity, and the paper's formula does not.
    """
    training, test, generated = drawn(copied)
    assert authpct_score(training, generated, extractor="x").value == pytest.approx(authentic)
    n, m = len(test), len(generated)
    half = 0.5 / (n * m * (n + m + 1) / 12) ** 0.5
    assert ct_score(training, test, generated, extractor="x").value + half == pytest.approx(copying, abs=1e-9)
