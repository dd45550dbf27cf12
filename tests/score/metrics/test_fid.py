"""FID against four independent implementations, and against its own properties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import MetricError
from ldbench.score.metrics.fid import fid, fid_score

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, d: int, shift: float = 0.0) -> Array:
    """Correlated features with a spectrum that decays, as a network's do."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(d, d)) * np.arange(1, d + 1) ** -0.5
    return random.normal(size=(n, d)) @ mixing.T + shift


def moments(features_nd: Array) -> tuple[Array, Array]:
    return features_nd.mean(axis=0), np.cov(features_nd, rowvar=False)


@pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 24), (60, 25, 24), (300, 40, 30)])
def test_equals_scipys_matrix_root(n: int, m: int, d: int) -> None:
    real, generated = features(1, n, d), features(2, m, d, shift=0.3)
    (mean_r, cov_r), (mean_g, cov_g) = moments(real), moments(generated)
    root = linalg.sqrtm(cov_r @ cov_g).real
    expected = ((mean_r - mean_g) ** 2).sum() + np.trace(cov_r + cov_g - 2 * root)
    assert fid(real, generated) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 24), (20, 15, 64), (20, 100, 64)])
def test_equals_torchmetrics(n: int, m: int, d: int) -> None:
    declare_missing_ops()
    from torchmetrics.image.fid import _compute_fid

    real, generated = features(3, n, d), features(4, m, d, shift=0.3)
    pairs = [torch.from_numpy(part) for part in (*moments(real), *moments(generated))]
    # Eigenvalues of a singular product are good to the root of the machine's precision only.
    assert fid(real, generated) == pytest.approx(float(_compute_fid(*pairs)), rel=1e-6)


# clean-fid 0.1.35 calls sqrtm with an argument that scipy 1.18 will drop
@pytest.mark.filterwarnings("ignore:The `disp` argument is deprecated:DeprecationWarning")
def test_equals_clean_fid() -> None:
    declare_missing_ops()
    from cleanfid.fid import frechet_distance

    real, generated = features(5, 90, 16), features(6, 70, 16, shift=0.3)
    assert fid(real, generated) == pytest.approx(frechet_distance(*moments(real), *moments(generated)), rel=1e-8)


def test_equals_the_covariance_formula_where_samples_are_fewer_than_features() -> None:
    real, generated = features(7, 30, 100), features(8, 20, 100, shift=0.1)
    (mean_r, cov_r), (mean_g, cov_g) = moments(real), moments(generated)
    # tr (C_r C_g)^(1/2) from the symmetric C_r^(1/2) C_g C_r^(1/2), whose eigenvalues are real
    values, vectors = np.linalg.eigh(cov_r)
    root_r = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    root_trace = np.sqrt(np.linalg.eigvalsh(root_r @ cov_g @ root_r).clip(0)).sum()
    expected = ((mean_r - mean_g) ** 2).sum() + np.trace(cov_r + cov_g) - 2 * root_trace
    assert fid(real, generated) == pytest.approx(expected, rel=1e-6)


def test_known_value_in_one_dimension() -> None:
    real = np.array([[0.0], [2.0]])  # mean 1, variance 2
    generated = np.array([[4.0], [12.0]])  # mean 8, variance 32
    assert fid(real, generated) == pytest.approx(49 + (32**0.5 - 2**0.5) ** 2)


@given(seed=seeds, n=st.integers(2, 30), d=st.integers(1, 20))
def test_identity(seed: int, n: int, d: int) -> None:
    sample = features(seed, n, d)
    assert fid(sample, sample) <= 1e-10 * max(float((sample**2).sum()), 1.0)


@given(seed=seeds, n=st.integers(2, 20), m=st.integers(2, 20), d=st.integers(1, 12))
def test_symmetry_and_permutation(seed: int, n: int, m: int, d: int) -> None:
    real, generated = features(seed, n, d), features(seed + 1, m, d, shift=0.5)
    value = fid(real, generated)
    assert fid(generated, real) == pytest.approx(value, rel=1e-9, abs=1e-10)
    shuffled = np.random.default_rng(seed).permutation(real)
    assert fid(shuffled, generated) == pytest.approx(value, rel=1e-9, abs=1e-10)


@given(seed=seeds, n=st.integers(2, 20), d=st.integers(2, 12))
def test_rotation_changes_nothing_and_translation_adds_its_square(seed: int, n: int, d: int) -> None:
    real, generated = features(seed, n, d), features(seed + 1, n + 3, d, shift=0.5)
    rotation = stats.ortho_group.rvs(d, random_state=np.random.default_rng(seed))
    assert fid(real @ rotation, generated @ rotation) == pytest.approx(fid(real, generated), rel=1e-8, abs=1e-9)
    step = np.linspace(-1, 2, d)
    assert fid(real, real + step) == pytest.approx(float(step @ step), rel=1e-8)


@settings(max_examples=20)
@given(seed=seeds)
def test_grows_with_noise(seed: int) -> None:
    real = features(seed, 60, 10)
    noise = np.random.default_rng(seed + 1).normal(size=real.shape) * real.std()
    values = [fid(real, real + level * noise) for level in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values)


def test_dead_features_do_no_harm() -> None:
    real, generated = features(9, 50, 8), features(10, 40, 8)
    padded = [np.pad(sample, ((0, 0), (0, 5))) for sample in (real, generated)]
    assert fid(*padded) == pytest.approx(fid(real, generated), rel=1e-10)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples(count: int) -> None:
    with pytest.raises(MetricError, match="at least 2 generated samples"):
        fid(np.zeros((5, 3)), np.zeros((count, 3)))


def test_unequal_dimensions_and_bad_values() -> None:
    with pytest.raises(MetricError, match="got 3 real and 4 generated"):
        fid(np.zeros((5, 3)), np.zeros((5, 4)))
    bad = np.zeros((5, 3))
    bad[2, 1] = np.nan
    with pytest.raises(MetricError, match="NaN or infinity in 1 of 5"):
        fid(np.zeros((5, 3)), bad)


def test_score_states_what_it_is() -> None:
    real, generated = features(11, 40, 8), features(12, 30, 8, shift=0.5)
    score = fid_score(real, generated, extractor="efficientnet-lite0", parameters={"resize": 224}, seed=3)
    assert score.value == fid(real, generated)
    assert score.ci_low < score.value < score.ci_high
    assert (score.n, score.direction, score.extractor) == (30, "lower", "efficientnet-lite0")
    assert score.parameters["resize"] == 224
    assert score.parameters["n_real"] == 40
    assert score == fid_score(real, generated, extractor="efficientnet-lite0", parameters={"resize": 224}, seed=3)


def test_score_of_identical_sets_is_zero() -> None:
    sample = features(13, 40, 8)
    score = fid_score(sample, sample, extractor="efficientnet-lite0")
    assert score.ci_low == 0
    assert score.value == pytest.approx(0, abs=1e-10)


def test_interval_shrinks_with_the_sample() -> None:
    widths = []
    for n in (40, 160):
        score = fid_score(features(14, n, 6), features(15, n, 6, shift=1.0), extractor="x")
        widths.append(score.ci_high - score.ci_low)
    assert widths[1] < widths[0]
