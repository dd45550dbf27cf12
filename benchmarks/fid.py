"""FID from the same features by ldbench, clean-fid, torchmetrics, torch-fidelity and scipy: seconds and difference.

Only the step from features to the distance is timed, since the networks are the same. torch-fidelity is left out
where it is not installed.

    python benchmarks/fid.py --samples 200 --features 2048
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from figure_file import write_figures
from scipy import linalg

from ldbench._torchvision import declare_missing_ops
from ldbench.score.metrics.fid import fid

Array = npt.NDArray[np.float64]
Distance = Callable[[Array, Array], float]


def moments(features_nd: Array) -> tuple[Array, Array]:
    """Mean and covariance, as every other implementation wants them."""
    return features_nd.mean(axis=0), np.cov(features_nd, rowvar=False)


def scipy_distance(real_nd: Array, generated_md: Array) -> float:
    """The textbook formula."""
    (mean_r, cov_r), (mean_g, cov_g) = moments(real_nd), moments(generated_md)
    root = linalg.sqrtm(cov_r @ cov_g).real
    return float(((mean_r - mean_g) ** 2).sum() + np.trace(cov_r + cov_g - 2 * root))


def clean_fid_distance(real_nd: Array, generated_md: Array) -> float:
    """clean-fid's `frechet_distance`, on scipy's root too."""
    from cleanfid.fid import frechet_distance

    return float(frechet_distance(*moments(real_nd), *moments(generated_md)))


def torchmetrics_distance(real_nd: Array, generated_md: Array) -> float:
    """torchmetrics' `_compute_fid`, on eigenvalues of the product."""
    from torchmetrics.image.fid import _compute_fid

    parts = [torch.from_numpy(part) for part in (*moments(real_nd), *moments(generated_md))]
    return float(_compute_fid(*parts))


def torch_fidelity_distance(real_nd: Array, generated_md: Array) -> float:
    """torch-fidelity's `fid_statistics_to_metric`, on eigenvalues of the product."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    pair = [dict(zip(("mu", "sigma"), moments(sample), strict=True)) for sample in (real_nd, generated_md)]
    return float(fid_statistics_to_metric(*pair, verbose=False)["frechet_inception_distance"])


def main() -> None:
    """Print one row an implementation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None, help="write the figures there, too")
    options = parser.parse_args()
    declare_missing_ops()
    random = np.random.default_rng(options.seed)
    scale_d = np.arange(1, options.features + 1) ** -0.5
    real = random.normal(size=(options.samples, options.features)) * scale_d
    generated = (random.normal(size=real.shape) + 0.3) * scale_d
    others: dict[str, Distance] = {"torchmetrics": torchmetrics_distance}
    if importlib.util.find_spec("torch_fidelity") is not None:
        others["torch-fidelity"] = torch_fidelity_distance
    others |= {"clean-fid": clean_fid_distance, "scipy sqrtm": scipy_distance}
    for distance in (fid, *others.values()):  # imports and first calls are not what is compared
        distance(real[:20, :10], generated[:20, :10])
    ours, our_seconds = timed(fid, real, generated)
    settings = f"{options.samples} samples a set, {options.features} features, {torch.get_num_threads()} threads"
    rows: list[dict[str, str | float]] = [{"implementation": "ldbench", "FID": ours, "seconds": our_seconds}]
    print(settings)
    print("| implementation | FID | difference | seconds | times slower |\n|---|---|---|---|---|")
    print(f"| ldbench | {ours:.9g} | | {our_seconds:.3f} | 1 |")
    for name, distance in others.items():
        value, seconds = timed(distance, real, generated)
        print(
            f"| {name} | {value:.9g} | {abs(value - ours) / ours:.1e} | {seconds:.2f} "
            f"| {seconds / our_seconds:.0f} |", flush=True,
        )  # fmt: skip
        rows.append({"implementation": name, "FID": value, "seconds": seconds, "times slower": seconds / our_seconds})
    write_figures(options.json, settings, rows)


def timed(distance: Distance, real_nd: Array, generated_md: Array) -> tuple[float, float]:
    """Value and processor seconds, which a busy machine doesn't stretch."""
    start = time.process_time()
    value = distance(real_nd, generated_md)
    return value, time.process_time() - start


if __name__ == "__main__":
    main()
