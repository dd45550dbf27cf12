"""The sandbox's estimators by the names that task cards use: pixels in, one attribute out.

They were fitted on training scans. Images must be grey and 64 px wide (`ImageError`).
"""

from __future__ import annotations

from ldbench.api import Estimator

from . import brain, chest

BRAIN_AGE = Estimator("sandbox-brain-age", "Age of a sandbox brain.", brain.age_years, "years")
BRAIN_VENTRICLES = Estimator(
    "sandbox-brain-ventricle-ratio", "Ventricle-to-brain ratio of a sandbox brain.", brain.ventricle_ratio, "ratio",
)
CHEST_AGE = Estimator("sandbox-chest-age", "Age on a sandbox chest film.", chest.age, "years")
CHEST_HEART = Estimator(
    "sandbox-chest-cardiothoracic-ratio", "Cardiothoracic ratio of a sandbox chest film.",
    chest.cardiothoracic_ratio, "ratio",
)
