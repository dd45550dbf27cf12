"""From path lengths to a film: attenuation at 60 keV, scatter, detector blur, quantum noise, grey levels.

I = I0 (exp(-sum mu * path) + scatter), shown as minus its logarithm through a film's S-curve: dense is bright.
Mass attenuation coefficients at 60 keV in cm^2/g are those of Hubbell and Seltzer, NISTIR 5632 (NIST Standard
Reference Database 126, tables 3 and 4, ICRU-44 tissues): soft tissue 0.2048, lung 0.2053, cortical bone 0.3148,
dry air 0.1875, adipose 0.1974. Densities in g/cm^3: soft 1.06, inflated lung 0.26, air 0.0012, adipose 0.95;
bone is half cortical (1.92) and half marrow-filled (soft).

There is one effective energy, so no beam hardening. Quantum noise is the normal approximation of Poisson
noise, from one fixed field a patient, so that counterfactuals share it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .patient import ChestPatient
from .projection import Array, blur

MU_SOFT = 0.2048 * 1.06
MU_LUNG = 0.2053 * 0.26
MU_BONE = 0.5 * (0.3148 * 1.92 + 0.2048 * 1.06)
MU_AIR = 0.1875 * 0.0012
MU_FAT = 0.1974 * 0.95

_NOISE = 4
_SCATTER_CM = 3.0
_BLACK, _WHITE = -0.95, 2.60  # the logarithms that the film shows as 0 and 1 at a mean exposure


def expose(attenuation: Array, reference: float, patient: ChestPatient, pixel_cm: float) -> npt.NDArray[np.uint8]:
    """A film (H/2, W/2) uint8 from total attenuation (H, W), a reference attenuation and a patient's exposure.

    The reference stands for the automatic exposure control: it is the attenuation that is shown mid-dark.
    """
    primary = np.exp(np.clip(reference - attenuation, None, 2.5))
    share = 0.13 * (1.0 + 0.18 * patient.scatter)
    signal = primary + share * blur(primary, _SCATTER_CM / pixel_cm)
    signal = blur(signal, 0.75 + 0.12 * patient.sharpness)
    size = signal.shape[0] // 2
    signal = signal.reshape(size, 2, size, 2).mean(axis=(1, 3))
    noise = patient.stream(_NOISE).standard_normal((size, size))
    grain = 0.016 * (1.0 + 0.2 * patient.grain)
    signal = np.maximum(signal + grain * np.sqrt(signal) * noise, 1e-3)
    return _develop(-np.log(signal), patient)


def _develop(density: Array, patient: ChestPatient) -> npt.NDArray[np.uint8]:
    middle, span = 0.5 * (_BLACK + _WHITE), (_WHITE - _BLACK) / (1.0 + 0.05 * patient.contrast)
    level = (density - middle - 0.06 * patient.exposure) / span
    curve = 0.5 + 0.5 * np.tanh(1.7 * level) / np.tanh(0.85)
    return np.asarray(np.round(np.clip(curve, 0.0, 1.0) * 255.0), dtype=np.uint8)
