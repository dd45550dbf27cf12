"""The template made ready for atrophy: per slice, a flow that opens the ventricles and a map of where sulci open.

Ventricles grow along the flow of a velocity that points away from their wall and decays over 14 mm, to nothing
at the skull: tissue is pushed aside and compressed, nothing folds, and the ventricle stays full of fluid. Sulci
widen and the cortex thins in place: the odds of fluid, as the template gives them, are multiplied until the
asked fraction of tissue is gone. White matter away from sulci, where the odds are nil, does not change.

The same slice and losses give the same tissues. Array legend: H = W = 192 pixels of 1 mm; fields (192, 192) float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import FRAME, Field, Slice
from .warp import flow_table, pull

_DECAY = 14.0
_STEP = 0.5
_STEPS = 44
_BACK_STEPS = 12  # where ventricles can shrink: to three tenths of the template's
# Steepness of the fluid's edge: the average of 152 brains is blurred, one brain is not.
_SHARPNESS = 2.0


@dataclass(frozen=True)
class Atlas:
    """One slice with its flow and its sulcal odds.

    Attributes:
        slice: the template's tissues.
        flow: (45, 2, 192, 192) pull maps of the ventricles' growth; 57 where they can shrink.
        ventricle_areas: square millimetres of ventricle after each step of the flow, increasing.
        sulcal_odds: log odds of fluid outside the ventricles, -inf replaced by a large negative number.
        ageing_weight: how readily sulci open in normal ageing, frontal above occipital.
        disease_weight: how readily they open in AD, temporal and parietal above frontal.
    """

    slice: Slice
    flow: Field
    ventricle_areas: Field
    sulcal_odds: Field
    ageing_weight: Field
    disease_weight: Field
    origin: int = 0
    """The step of the flow at which the slice is the template's."""


def build_atlas(template: Slice, *, shrinks: bool = False) -> Atlas:
    """Integrate the flow, also backwards where ventricles can shrink, and prepare the odds; about 0.3 s."""
    from scipy import ndimage

    velocity = _ventricle_velocity(template)
    flow = flow_table(velocity, _STEPS, _STEP)
    if shrinks:
        flow = np.concatenate([flow_table(-velocity, _BACK_STEPS, _STEP)[:0:-1], flow])
    areas = np.array([pull(template.ventricle, warp).sum() for warp in flow], dtype=np.float32)
    # A skirt around each sulcus, so that it can widen into cortex that the template shows as solid.
    skirt = np.maximum(template.sulcal, ndimage.gaussian_filter(template.sulcal, 1.5))
    chance = np.clip(skirt, 1e-4, 1 - 1e-4)
    odds = np.where(skirt > 2e-3, _SHARPNESS * np.log(chance / (1 - chance)), -60.0)
    rows, columns = np.meshgrid(np.linspace(0, 1, FRAME), np.linspace(-1, 1, FRAME), indexing="ij")
    posterior = 1 / (1 + np.exp(-(rows - 0.48) / 0.08))
    lateral = np.clip(np.abs(columns) / 0.6, 0, 1)
    return Atlas(
        slice=template, flow=flow, ventricle_areas=areas, sulcal_odds=odds.astype(np.float32),
        ageing_weight=(1.15 - 0.6 * posterior).astype(np.float32),
        disease_weight=(0.5 + 0.6 * posterior * (0.4 + 0.6 * lateral)).astype(np.float32),
        origin=_BACK_STEPS if shrinks else 0,
    )


def _ventricle_velocity(template: Slice) -> Field:
    """Outward from the ventricle wall, 1 pixel a unit of time at the wall, none on the skull."""
    from scipy import ndimage

    distance = template.ventricle_distance
    outward = np.stack(np.gradient(ndimage.gaussian_filter(distance, 2.0)))
    from_skull = ndimage.distance_transform_edt(template.inside > 0.5)
    taper = np.clip((from_skull - 4.0) / 20.0, 0.0, 1.0)
    rows, columns = np.meshgrid(np.arange(FRAME), np.arange(FRAME) - (FRAME - 1) / 2, indexing="ij")
    # The third ventricle and the cisterns behind it grow too, but far less than the lateral ventricles.
    midline = np.exp(-0.5 * (columns / 7.0) ** 2) / (1 + np.exp(-(rows - 82) / 4.0))
    speed = np.exp(-np.maximum(distance, 0.0) / _DECAY) * taper * taper * (3 - 2 * taper) * (1 - 0.75 * midline)
    return np.stack([ndimage.gaussian_filter(component * speed, 2.0) for component in outward]).astype(np.float32)


def ventricle_warp(atlas: Atlas, volume_ratio: float) -> Field:
    """The pull map after which the ventricles' area in the slice is the template's times `volume_ratio`.

    Area follows volume because the ventricles are tubes: they balloon, their length hardly changes. Beyond the
    table's ends the size stays that of the end.
    """
    area = atlas.ventricle_areas[atlas.origin] * volume_ratio
    time = float(np.interp(area, atlas.ventricle_areas, np.arange(len(atlas.ventricle_areas))))
    low = min(int(time), len(atlas.flow) - 2)
    part = np.float32(time - low)
    return np.asarray((1 - part) * atlas.flow[low] + part * atlas.flow[low + 1], dtype=np.float32)


def open_sulci(atlas: Atlas, individual: Field, ageing_tissue: float, disease_tissue: float) -> tuple[Field, Field]:
    """Grey and white matter after the sulci took the asked fractions of the slice's tissue.

    `individual` is this subject's own log-odds offset, (192, 192); `ageing_tissue` the fraction of the tissue area lost
    to ageing, `disease_tissue` the fraction lost on top, to disease. Gives (grey, white), each (192, 192) in [0, 1].
    """
    template = atlas.slice
    where = atlas.sulcal_odds > -50
    odds = (atlas.sulcal_odds + individual)[where]
    tissue = float((template.grey + template.white).sum())
    young = float(_sigmoid(odds).sum())
    odds = odds + _push(odds, atlas.ageing_weight[where], young + ageing_tissue * tissue)
    odds = odds + _push(odds, atlas.disease_weight[where], young + (ageing_tissue + disease_tissue) * tissue)
    fluid = np.zeros_like(template.grey)
    fluid[where] = _sigmoid(odds)
    kept = np.clip((1 - fluid) / np.maximum(1 - template.sulcal, 0.05), 0.0, 4.0)
    grey, white = template.grey * kept, template.white * kept
    total = np.maximum(grey + white, 1.0)
    return (grey / total).astype(np.float32), (white / total).astype(np.float32)


def _sigmoid(odds: Field) -> Field:
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def _push(odds: Field, weight: Field, target: float) -> Field:
    """The multiple of `weight` that brings the fluid to `target` pixels, by bisection; 0 if it is there."""
    low, high = 0.0, 24.0
    for _ in range(18):
        middle = 0.5 * (low + high)
        if float(_sigmoid(odds + np.float32(middle) * weight).sum()) < target:
            low = middle
        else:
            high = middle
    return np.asarray(np.float32(low) * weight, dtype=np.float32)
