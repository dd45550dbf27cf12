"""Sandbox chest radiographs: any patient under any finding, sex and age, so that counterfactuals are known.

A parametric thorax in three dimensions is projected by Beer and Lambert's law onto a 64 x 64 film, posterior to
anterior, the patient's left on the image's right, dense tissue bright. The modules beside this one hold its parts:
patient, anatomy, projection, thorax, skeleton, parenchyma, film.

There are no lateral views, devices or text on the film, and nothing clinical: these are not patients.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .anatomy import ChestAnatomy, build_anatomy
from .device import device_attenuation
from .film import MU_AIR, MU_BONE, MU_FAT, MU_LUNG, MU_SOFT, expose
from .parenchyma import lung_texture, opacity_share, vessel_path
from .patient import DEVICES, ChestPatient, Findings
from .projection import Array, Rays, chord, detector_rays, ellipsoid, length
from .skeleton import bone_path
from .thorax import body_path, fluid_heights, lung_path

SIZE = 64
FIELD_CM = 36.0


def render(patient: ChestPatient, findings: Findings, sex: str, age: int) -> npt.NDArray[np.uint8]:
    """One radiograph (64, 64) uint8; the same arguments give the same bytes.

    Raises ChestRequestError for a finding, sex or age outside SHOWABLE, SEXES and AGE_RANGE.
    """
    anatomy = build_anatomy(patient, findings, sex, age)
    zoom = 1.0 + 0.02 * patient.zoom
    shift = (0.5 * patient.shift_x, 0.5 * patient.shift_y)
    rays = detector_rays(2 * SIZE, FIELD_CM, shift, np.radians(1.2) * patient.tilt, zoom)
    attenuation = _soft_and_air(rays, anatomy, patient, findings)
    attenuation += (MU_BONE - MU_SOFT) * bone_path(rays, anatomy, patient)
    if DEVICES in findings:
        attenuation += device_attenuation(rays, anatomy, patient)
    reference = 2.0 * (MU_SOFT * 0.85 * anatomy.wall + MU_LUNG * anatomy.half_depth) + 0.15
    return expose(attenuation, reference, patient, FIELD_CM / (2 * SIZE) / zoom)


def _soft_and_air(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient, findings: Findings) -> Array:
    attenuation = MU_SOFT * (body_path(rays, anatomy) - _airway(rays, anatomy)) + _breasts(rays, anatomy, patient)
    share = opacity_share(rays, anatomy, patient, findings)
    density = MU_LUNG * lung_texture(rays, patient)
    density = density + share * (0.9 * MU_SOFT - density)
    for side, height in enumerate(fluid_heights(patient, findings)):
        lung = lung_path(rays, anatomy, side, height)
        vessels = np.minimum(vessel_path(rays, anatomy, patient, side), lung)
        attenuation += lung * (density - MU_SOFT) + vessels * (MU_SOFT - density)
    return attenuation + (MU_AIR - MU_SOFT) * _bubble(rays, anatomy, patient)


def _airway(rays: Rays, anatomy: ChestAnatomy) -> Array:
    s = anatomy.scale
    open_above = 1.0 / (1.0 + np.exp(-(rays.y - 0.28 * anatomy.apex) / 0.4))
    trachea = length(chord(((rays.x + 0.3 - 2.0 * np.sin(anatomy.turn)) / (0.9 * s)) ** 2, 0.0, 0.85 * s))
    return np.asarray(trachea * open_above)


def _breasts(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient) -> Array:
    # Half gland, half fat; in men the same term is the faint lower edge of the pectoral muscle.
    a = anatomy
    low = -0.30 * a.apex - a.ptosis - 0.3 * patient.breast
    total = np.zeros_like(rays.x)
    for sign in (-1.0, 1.0):
        u, v = (sign * rays.x - 0.62 * a.half_width) / (5.6 * a.scale), (rays.y - low) / (5.4 * a.scale)
        v = np.where(v > 0.0, 0.5 * v, v)
        level = np.clip(u * u + v * v, 0.0, 1.0)
        total += 2.0 * a.breast * (1.0 - level) ** np.where(v > 0.0, 1.3, 1.0)
    return np.asarray(0.5 * (MU_SOFT + MU_FAT) * total)


def _bubble(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient) -> Array:
    if patient.bubble < 0.3:
        return np.zeros_like(rays.x)
    a = anatomy
    size = (1.0 + 2.2 * (patient.bubble - 0.3)) * a.scale
    centre = (0.42 * a.half_width, a.domes[1] - 1.1 - size, 0.0)
    gas = length(ellipsoid(rays, centre, (1.5 * size, size, 1.2 * size)))
    level = 1.0 / (1.0 + np.exp(-(rays.y - (centre[1] - 0.45 * size)) / 0.25))
    return np.asarray(gas * level)
