"""Fit the chest estimators' coefficients on the training split, and measure their error on the test split.

    python -m ldbench.data.sandbox.chest_estimate_fit tasks/sandbox_chest

prints the table that stands in `chest_coefficients` and writes estimators.json, whose numbers the task card
states. Each target is a ridge regression on a few landmarks, chosen one after another by five-fold
cross-validation on the training split; the test split is only measured.

Refuses to look at test images while it chooses or fits.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ldbench.data.sandbox import chest_estimate
from ldbench.data.sandbox.chest_anatomy import heart_ratio
from ldbench.data.sandbox.chest_build import SEED, chest_cases
from ldbench.data.sandbox.chest_landmarks import Array, landmarks
from ldbench.data.sandbox.chest_patient import FINDINGS, SEXES, SPLITS

_MOST_TERMS = 14
_RIDGE = 1e-2
_FOLDS = 5


def targets(split: str, role: str = "scan", seed: int = SEED) -> dict[str, Array]:
    """The true attributes of a split in one role, each (N,): ratio, finding indicators, sex (1 male), age."""
    cases = chest_cases(split, seed)
    shown = [case.attributes(role) for case in cases]
    truth = {
        "cardiothoracic_ratio": [
            heart_ratio(case.patient(seed), *attributes) for case, attributes in zip(cases, shown, strict=True)
        ],
        "sex": [float(SEXES.index(sex)) for _, sex, _ in shown],
        "age": [float(age) for _, _, age in shown],
    }
    truth |= {finding: [float(found == finding) for found, _, _ in shown] for finding in FINDINGS}
    return {name: np.array(values) for name, values in truth.items()}


def fit(measures: dict[str, Array], target: Array) -> dict[str, float]:
    """Coefficients by landmark name, with `intercept`, of a ridge regression on at most 14 chosen landmarks."""
    names = sorted(measures)
    values = np.stack([measures[name] for name in names], axis=1)
    centre, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    scaled = (values - centre) / spread
    fold = np.arange(len(target)) * 7919 % _FOLDS
    chosen: list[int] = []
    best = float(((target - target.mean()) ** 2).mean())
    while len(chosen) < _MOST_TERMS:
        errors = [
            np.inf if column in chosen else _held_out_error(scaled[:, [*chosen, column]], target, fold)
            for column in range(len(names))
        ]
        if min(errors) > best * 0.995:
            break
        best = min(errors)
        chosen.append(int(np.argmin(errors)))
    weights = _solve(scaled[:, chosen], target)
    slopes = weights[1:] / spread[chosen]
    result = {"intercept": float(weights[0] - (slopes * centre[chosen]).sum())}
    return result | {names[column]: float(slope) for column, slope in zip(chosen, slopes, strict=True)}


def healthy_reference(zones: Array, healthy: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (2, 6, 4) of the zones of films without a finding, to three decimals."""
    chosen = zones[healthy > 0.5]
    chosen = chosen - np.median(chosen, axis=(1, 2, 3), keepdims=True)
    return np.round(chosen.mean(axis=0), 3), np.round(np.maximum(chosen.std(axis=0), 0.01), 3)


def _solve(scaled: Array, target: Array) -> Array:
    design = np.concatenate([np.ones((len(scaled), 1)), scaled], axis=1)
    penalty = _RIDGE * len(scaled) * np.diag([0.0, *np.ones(scaled.shape[1])])
    return np.asarray(np.linalg.solve(design.T @ design + penalty, design.T @ target))


def _held_out_error(scaled: Array, target: Array, fold: npt.NDArray[np.int_]) -> float:
    error = 0.0
    for number in range(_FOLDS):
        kept, held = fold != number, fold == number
        weights = _solve(scaled[kept], target[kept])
        error += float(((weights[0] + scaled[held] @ weights[1:] - target[held]) ** 2).sum())
    return error / len(target)


def area_under_curve(score: Array, positive: Array) -> float:
    """Probability that a positive case scores above a negative one, ties counted half; both (N,)."""
    high, low = score[positive > 0.5], score[positive <= 0.5]
    wins = (high[:, None] > low[None]).mean() + 0.5 * (high[:, None] == low[None]).mean()
    return float(wins)


def measure_errors(images: npt.NDArray[np.uint8], truth: dict[str, Array]) -> dict[str, float]:
    """Errors of the frozen estimators on true images (N, 64, 64) uint8, by the names used on the card."""
    films = (images / np.float32(255.0)).astype(np.float32)
    estimated = chest_estimate.estimate(films)
    ratio = estimated["cardiothoracic_ratio"] - truth["cardiothoracic_ratio"]
    result = {
        "cardiothoracic_ratio_mae": float(np.abs(ratio).mean()),
        "cardiothoracic_ratio_bias": float(ratio.mean()),
        "cardiothoracic_ratio_r": float(
            np.corrcoef(estimated["cardiothoracic_ratio"], truth["cardiothoracic_ratio"])[0, 1]
        ),
        "age_mae_years": float(np.abs(estimated["age"] - truth["age"]).mean()),
        "age_r": float(np.corrcoef(estimated["age"], truth["age"])[0, 1]),
        "sex_auc": area_under_curve(estimated["sex"], truth["sex"]),
        "sex_accuracy": float(((estimated["sex"] > 0.5) == (truth["sex"] > 0.5)).mean()),
    }
    for finding in FINDINGS:
        result[f"{finding.replace(' ', '_')}_auc"] = area_under_curve(estimated[finding], truth[finding])
    result["macro_auc"] = float(np.mean([result[f"{finding.replace(' ', '_')}_auc"] for finding in FINDINGS]))
    best = np.argmax(np.stack([estimated[finding] for finding in FINDINGS]), axis=0)
    true = np.argmax(np.stack([truth[finding] for finding in FINDINGS]), axis=0)
    result["finding_accuracy"] = float((best == true).mean())
    return {name: round(value, 4) for name, value in result.items()} | {"n": len(images)}


def main(folder: Path) -> None:
    """Print the coefficients fitted on the training split and write estimators.json for the frozen ones."""
    with np.load(folder / "images.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in (SPLITS[0], SPLITS[2])}
    found = landmarks((arrays["train"] / np.float32(255.0)).astype(np.float32))
    healthy, spread = healthy_reference(found.zones, targets("train")[FINDINGS[0]])
    print("mean", np.array2string(healthy.ravel(), separator=", ", precision=3, max_line_width=100))
    print("spread", np.array2string(spread.ravel(), separator=", ", precision=3, max_line_width=100))
    measures = found.measures | chest_estimate.stand_out(found.zones, healthy, spread)
    for name, target in targets("train").items():
        print(f'    "{name}": {{')
        for term, value in fit(measures, target).items():
            print(f'        "{term}": {value:.6g},')
        print("    },")
    errors = measure_errors(arrays["test"], targets("test"))
    (folder / "estimators.json").write_text(json.dumps(errors, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(errors, indent=2, sort_keys=True), file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
