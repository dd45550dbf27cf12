"""Failures of an edit: too little, too much, none at all, somebody else. They need the true image of each case."""

from __future__ import annotations

import numpy as np

from ldbench.studies.gauntlet.failure import Images, Material


def too_little(material: Material, lacking: float, random: np.random.Generator) -> Images:
    """This share of the way from source to truth is missing; 1 leaves the source as it is."""
    return _on_the_way(material, 1 - lacking)


def too_much(material: Material, beyond: float, random: np.random.Generator) -> Images:
    """So much further than the truth, in the same direction, pixel by pixel."""
    return _on_the_way(material, 1 + beyond)


def unedited(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the sources is left as it is."""
    return _some(material, material.sources, share, random)


def other_subject(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the results is another subject's scan of the class asked for."""
    return _some(material, material.subjects, share, random)


def _on_the_way(material: Material, effect: float) -> Images:
    assert material.sources is not None
    step = np.float32(effect)
    return (material.sources + step * (material.perfect - material.sources)).clip(0, 1)


def _some(material: Material, instead: Images | None, share: float, random: np.random.Generator) -> Images:
    assert instead is not None
    chosen = random.permutation(len(material.perfect))[: round(share * len(material.perfect))]
    results = material.perfect.copy()
    results[chosen] = instead[chosen]
    return results
