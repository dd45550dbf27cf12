"""Fit the readings of a brain on the frozen training scans, and measure their errors on the other true images.

    python -m recipes.sandbox.brain_estimator --data tasks/sandbox_brain

prints the coefficients that `ldbench_sandbox.estimators.brain` holds, and writes the errors to `estimators.json`.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ldbench_sandbox.archive import array_name
from ldbench_sandbox.estimators.brain import FROZEN, Fit, Vector, features, measure


def fit(images: npt.NDArray[np.float32], ages: Vector, diagnoses: list[str]) -> Fit:
    """Fit both regressions: least squares for age on all images, ridge-logistic (Newton) for AD on CN and AD.

    Images (N, 64, 64) float32 in [0, 1], ages (N,) in years, N diagnoses of CN, MCI, AD. ImageError for another shape.
    """
    measured = measure(images)
    start = Fit(tuple(measured.mean(axis=0).tolist()), tuple(measured.std(axis=0).tolist()), (), ())
    design = features(measured, start)
    age = np.linalg.lstsq(design, ages, rcond=None)[0]
    chosen = np.array([diagnosis != "MCI" for diagnosis in diagnoses])
    target = np.array([diagnosis == "AD" for diagnosis in diagnoses], dtype=np.float64)[chosen]
    weights, penalty = np.zeros(design.shape[1]), np.diag([0.0] + [1.0] * (design.shape[1] - 1))
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design[chosen] @ weights))
        gradient = design[chosen].T @ (chance - target) + penalty @ weights
        curvature = (design[chosen].T * (chance * (1 - chance))) @ design[chosen] + penalty
        weights = weights - np.linalg.solve(curvature, gradient)
    return Fit(start.mean, start.spread, tuple(age.tolist()), tuple(weights.tolist()))


def area_under_curve(negative: Vector, positive: Vector) -> float:
    """Chance that a positive scores above a negative, ties counted half."""
    difference = positive[:, None] - negative[None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def errors(images: npt.NDArray[np.float32], ages: Vector, diagnoses: list[str], fit: Fit = FROZEN) -> dict[str, float]:
    """How far the estimates are from the truth on images whose truth is known.

    Their names are age_mae_years, age_bias_years, auc_ad_cn, auc_ventricle_ratio, auc_sulcal_fraction and n.
    """
    measured = measure(images)
    design = features(measured, fit)
    estimated, score = design @ np.asarray(fit.age), design @ np.asarray(fit.diagnosis)
    ratio, sulci = measured[:, 0], measured[:, 1:].mean(axis=1)
    normal = np.array([diagnosis == "CN" for diagnosis in diagnoses])
    ill = np.array([diagnosis == "AD" for diagnosis in diagnoses])
    return {
        "age_mae_years": float(np.abs(estimated - ages).mean()), "age_bias_years": float((estimated - ages).mean()),
        "auc_ad_cn": area_under_curve(score[normal], score[ill]),
        "auc_ventricle_ratio": area_under_curve(ratio[normal], ratio[ill]),
        "auc_sulcal_fraction": area_under_curve(sulci[normal], sulci[ill]), "n": len(images),
    }


def read_scans(data: Path, key: str) -> tuple[npt.NDArray[np.float32], Vector, list[str]]:
    """Images in [0, 1], ages and diagnoses of one array of the frozen data, in array order."""
    with (data / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if array_name(row["split"], row["role"]) == key]
    rows.sort(key=lambda row: int(row["index"]))
    with np.load(data / "images.npz", allow_pickle=False) as arrays:
        images = arrays[key].astype(np.float32) / 255
    return images, np.array([float(row["age"]) for row in rows]), [row["diagnosis"] for row in rows]


def main() -> None:
    """Fit on the training scans, print the coefficients, write the errors on the other true images."""
    parser = argparse.ArgumentParser(description="Fit the sandbox brain estimators.")
    parser.add_argument("--data", type=Path, required=True, help="folder of images.npz and manifest.csv")
    data: Path = parser.parse_args().data
    fitted = fit(*read_scans(data, "train"))
    for name in ("mean", "spread", "age", "diagnosis"):
        print(f"{name.upper()} = ({', '.join(f'{value:.6g}' for value in getattr(fitted, name))})")
    report = {key: errors(*read_scans(data, key), fitted) for key in ("validation", "test", "test_later", "test_other")}
    (data / "estimators.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
