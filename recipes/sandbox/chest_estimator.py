"""Fit the chest estimators on the training split, and measure their errors on the test split's true films.

    python -m recipes.sandbox.chest_estimator tasks/sandbox_chest

writes estimator.npz (the frozen kernel ridge) and estimators.json (its errors, which the task card states).
The kernel's width and the ridge were chosen on the validation split.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ldbench_sandbox.archive import array_name, write_arrays
from ldbench_sandbox.chest.anatomy import heart_ratio
from ldbench_sandbox.chest.build import SEED, chest_cases, roles
from ldbench_sandbox.chest.patient import FINDINGS, SEXES, shown
from ldbench_sandbox.estimators.chest import ATTRIBUTES, KernelRidge, block_means, estimate, kernel
from ldbench_sandbox.estimators.chest_landmarks import Array

_GAMMA = 0.2
_RIDGE = 0.02


def truths(split: str, role: str = "scan", seed: int = SEED) -> Array:
    """The true ATTRIBUTES of a split in one role, (N, 7)."""
    rows = []
    for case in chest_cases(split, seed):
        finding, sex, age = case.attributes(role)
        ratio = heart_ratio(case.patient(seed), shown(finding), sex, age)
        rows.append([ratio, float(age), float(SEXES.index(sex)), *(float(finding == one) for one in FINDINGS)])
    return np.array(rows)


def fit(images: npt.NDArray[np.uint8], truth: Array) -> KernelRidge:
    """Kernel ridge regression of attributes (N, 7) on films (N, 64, 64) uint8."""
    support = np.asarray(np.round(block_means(images)), dtype=np.uint8)
    blocks = support / 255.0
    scale = float(((blocks - blocks.mean(axis=0)) ** 2).sum(axis=1).mean())
    offset = truth.mean(axis=0)
    gram = kernel(blocks, blocks, scale, _GAMMA) + _RIDGE * np.eye(len(blocks))
    weights = np.linalg.solve(gram, truth - offset)
    return KernelRidge(support, weights.astype(np.float32), offset.astype(np.float32), scale, _GAMMA)


def area_under_curve(score: Array, positive: Array) -> float:
    """Probability that a positive case scores above a negative one, ties counted half; both (N,)."""
    high, low = score[positive > 0.5], score[positive <= 0.5]
    return float((high[:, None] > low[None]).mean() + 0.5 * (high[:, None] == low[None]).mean())


def errors(images: npt.NDArray[np.uint8], truth: Array, ridge: KernelRidge) -> dict[str, float]:
    """Errors of an estimator on true films (N, 64, 64) uint8, by the names used on the card."""
    estimated = estimate((images / np.float32(255.0)).astype(np.float32), ridge)
    true = {name: truth[:, column] for column, name in enumerate(ATTRIBUTES)}
    ratio = estimated["cardiothoracic_ratio"] - true["cardiothoracic_ratio"]
    years = estimated["age"] - true["age"]
    result = {
        "cardiothoracic_ratio_mae": float(np.abs(ratio).mean()),
        "cardiothoracic_ratio_mae_cardiomegaly": float(np.abs(ratio[true["cardiomegaly"] > 0.5]).mean()),
        "cardiothoracic_ratio_bias": float(ratio.mean()),
        "cardiothoracic_ratio_r": _correlation(estimated["cardiothoracic_ratio"], true["cardiothoracic_ratio"]),
        "age_mae_years": float(np.abs(years).mean()),
        "age_bias_years": float(years.mean()),
        "age_r": _correlation(estimated["age"], true["age"]),
        "sex_auc": area_under_curve(estimated["sex"], true["sex"]),
        "sex_accuracy": float(((estimated["sex"] > 0.5) == (true["sex"] > 0.5)).mean()),
        "angle_pleural_effusion_auc": area_under_curve(
            np.maximum(estimated["angle_right"], estimated["angle_left"]), true["pleural effusion"]
        ),
    }
    areas = {f"{name.replace(' ', '_')}_auc": area_under_curve(estimated[name], true[name]) for name in FINDINGS}
    result |= areas | {"macro_auc": float(np.mean(list(areas.values())))}
    best = np.argmax(np.stack([estimated[name] for name in FINDINGS]), axis=0)
    result["finding_accuracy"] = float((best == truth[:, -len(FINDINGS) :].argmax(axis=1)).mean())
    return {name: round(value, 4) for name, value in result.items()} | {"n": len(images)}


def all_errors(arrays: Mapping[str, npt.NDArray[np.uint8]], ridge: KernelRidge) -> dict[str, float]:
    """Errors on the test split's films, and with a prefix on their counterfactuals (`test_other_`, `test_sex_`)."""
    result: dict[str, float] = {}
    for role in roles("test"):
        name = array_name("test", role)
        prefix = "" if role == "scan" else f"{name}_"
        measured = errors(arrays[name], truths("test", role), ridge)
        result |= {f"{prefix}{key}": value for key, value in measured.items()}
    return result


def _correlation(first: Array, second: Array) -> float:
    return float(np.corrcoef(first, second)[0, 1])


def main(folder: Path) -> None:
    """Fit on the training split of a built folder; write estimator.npz and, from the test split, estimators.json."""
    with np.load(folder / "images.npz", allow_pickle=False) as stored:
        films = {name: stored[name] for name in stored.files}
    ridge = fit(films["train"], truths("train"))
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "support": ridge.support, "weights": ridge.weights, "offset": ridge.offset, "scale": np.array(ridge.scale),
        "gamma": np.array(ridge.gamma),
    }
    write_arrays(folder / "estimator.npz", arrays)
    text = json.dumps(all_errors(films, ridge), indent=2, sort_keys=True)
    (folder / "estimators.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
