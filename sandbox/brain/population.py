"""Who is in the data: how subjects differ, how atrophy runs in them and when they come back. One record a revision.

Revision 2 is the frozen data's, to the last bit. It has the spread of published cohorts: lateral ventricles of
45.0 ml (standard deviation 27.5) in healthy elders, 56.7 (30.1) in MCI and 59.3 (29.3) in AD (100, 200 and 100 baseline
scans of ADNI, segmented automatically by Fonov's method: coefficients of variation of 0.61, 0.53 and 0.49, AD over
healthy 1.32). The rates of one year vary by a fifth to a quarter between subjects (Bradley et al., British Journal of
Radiology 75, 2002); the pace here varies by less, because it holds for a lifetime and adds up. The young template's
ventricles are the middle of the range and not its lower end. Heads vary in volume by 9 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .atrophy import History, Loss, Pace, accelerating_loss_at, loss_at


@dataclass(frozen=True)
class Population:
    """The parameters of a revision.

    Attributes:
        revision: as cards name it.
        loss: the course of atrophy.
        head_spread: standard deviation of the linear head size.
        ventricle_mean: mean logarithm of the individual factor on the ventricles.
        ventricle_spread: its standard deviation.
        ageing_spread: standard deviation of the logarithm of the pace of ageing.
        disease_spread: the same of the pace of disease.
        ad_years: shortest and longest time since AD began.
        intervals: years to the later scan, a range each: the paper's slightly, moderately and significantly.
        least_change: what `change` must have reached by the later scan; the interval grows until it has.
        ceiling: the ventricles' ratio to the template's that no subject reaches; infinite for none.
        straight: up to which ratio a ceiling changes nothing.
    """

    revision: str
    loss: Callable[[float, History, Pace], Loss]
    head_spread: float
    ventricle_mean: float
    ventricle_spread: float
    ageing_spread: float
    disease_spread: float
    ad_years: tuple[float, float]
    intervals: tuple[tuple[int, int], ...]
    least_change: float = 0.0
    ceiling: float = math.inf
    straight: float = math.inf

    @property
    def shrinks(self) -> bool:
        """Whether ventricles can be smaller than the template's: revision 1 stops there."""
        return self.ventricle_mean < 0

    def change(self, before: Loss, after: Loss, ventricle_size: float) -> float:
        """How much of the slice two losses of a subject change: tissue lost, and a quarter of what the ventricles grow,
        in units of the template's, which is about as plain to see."""
        ratios = [self.shown(ventricle_size * loss.ventricle_ratio) for loss in (before, after)]
        lost = [loss.ageing_tissue + loss.disease_tissue for loss in (before, after)]
        return lost[1] - lost[0] + 0.25 * (ratios[1] - ratios[0])

    def shown(self, ratio: float) -> float:
        """The ratio that is drawn. Above `straight` it nears the ceiling: in wider ventricles the warp would fold."""
        if ratio <= self.straight:
            return ratio
        room = self.ceiling - self.straight
        return self.straight + room * -math.expm1(-(ratio - self.straight) / room)


REVISION_1: Final = Population(
    revision="1", loss=loss_at, head_spread=0.022, ventricle_mean=0.0, ventricle_spread=0.13, ageing_spread=0.10,
    disease_spread=0.15, ad_years=(3.0, 10.0), intervals=((1, 4), (5, 10), (11, 15)),
)
# A change of 0.031 takes three years of healthy ageing and one of AD. After less, some scans show no pixel that changes
# by a twentieth, and an ageing case then has no region to change.
REVISION_2: Final = Population(
    revision="2", loss=accelerating_loss_at, head_spread=0.029, ventricle_mean=math.log(0.65), ventricle_spread=0.48,
    ageing_spread=0.15, disease_spread=0.15, ad_years=(1.0, 5.0), intervals=((1, 4), (5, 10), (11, 15)),
    least_change=0.031, ceiling=4.6, straight=3.0,
)
SHIPPED: Final = REVISION_2  # the frozen data's
POPULATIONS: Final[Mapping[str, Population]] = {each.revision: each for each in (REVISION_1, REVISION_2)}
