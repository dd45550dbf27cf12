"""The atrophy model of the sandbox brains: how age and diagnosis become fluid, stated in yearly rates.

Three losses are counted from the young adults of the template:

- the volume of the ventricles, as a ratio: normal ageing compounds from age 50, and each year with MCI or AD
  adds its *excess* over normal ageing, simple and not compound;
- brain tissue lost at the sulci in normal ageing, which is strongest in the frontal lobes (Raz et al., Cerebral
  Cortex 15, 2005);
- brain tissue lost at the sulci in the disease, which is strongest in temporal and parietal cortex (McDonald et
  al., Neurology 73, 2009).

There are two courses. In that of revision 1 (`loss_at`) the disease's excess levels off over the years from its first:
`t` years count as `20 (1 - exp(-t / 20))`. In that of revision 2 (`accelerating_loss_at`) the excess compounds and its
rate grows for years before it falls off: ventricles were seen to accelerate by 0.27 ml a year squared in MCI and by
0.88 (95 % interval 0.47 to 1.29) in AD, the whole brain in no group (Leung et al., Neurology 80, 2013), with a step at
the conversion to AD and slower changes at older ages (Jack et al., Neurology 70, 2008), as the sigmoid course of
imaging markers has it (Jack et al., Lancet Neurology 12, 2013).

Rates are in the range of longitudinal MRI studies: ventricles 1.5 to 3 % a year in healthy elders and several
times that in AD, MCI between (Nestor et al., Brain 131, 2008; Jack et al., Neurology 65, 2005; Leung et al.
2013); whole brain near 0.5, 1 and 2 % a year (Leung et al. 2013; Jack et al. 2005). The mean duration of the stages
is ours.

Nothing is drawn at random here: a `History` says when each stage began.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Diagnosis = Literal["CN", "MCI", "AD"]
DIAGNOSES: Final[tuple[Diagnosis, ...]] = ("CN", "MCI", "AD")

# Fractions a year.
VENTRICLE_RATE: Final = {"CN": 0.02, "MCI": 0.045, "AD": 0.10}
TISSUE_RATE: Final = {"CN": 0.005, "MCI": 0.010, "AD": 0.020}

# Years over which the excess of the disease levels off.
LEVELLING: Final = 20.0

# Revision 2: fractions a year of the disease's excess when a stage begins, and by how much it grows each year.
EXCESS_RATE: Final = {"MCI": 0.012, "AD": 0.05}
EXCESS_GROWTH: Final = {"MCI": 0.0035, "AD": 0.006}

# Revision 2: years of AD after which the rates fall off, and the years in which they fall to 1 / e.
PEAK: Final = 7.0
FALL: Final = 3.0

# Age from which normal ageing is counted; the template's subjects are younger.
AGEING_STARTS: Final = 50.0


@dataclass(frozen=True)
class History:
    """When a subject's stages began, in years of age; infinite for a stage never entered."""

    mci_onset: float = math.inf
    ad_onset: float = math.inf

    def diagnosis(self, age: float) -> Diagnosis:
        """The diagnosis that holds at `age`."""
        if age >= self.ad_onset:
            return "AD"
        return "MCI" if age >= self.mci_onset else "CN"

    def years(self, age: float) -> tuple[float, float]:
        """Years spent with MCI and with AD up to `age`."""
        with_ad = max(0.0, age - self.ad_onset)
        with_mci = max(0.0, min(age, self.ad_onset) - self.mci_onset)
        return with_mci, with_ad


@dataclass(frozen=True)
class Pace:
    """How one subject differs from the mean course.

    Attributes:
        ageing: factor on the normal rates.
        disease: factor on the excess rates.
        mci_years: years from MCI to AD, and how long MCI has lasted where the diagnosis is MCI.
        ad_years: years since AD began where the diagnosis is AD.
    """

    ageing: float
    disease: float
    mci_years: float
    ad_years: float

    def history(self, age: float, diagnosis: Diagnosis) -> History:
        """The course that puts this subject at `diagnosis` at `age`."""
        if diagnosis == "CN":
            return History()
        if diagnosis == "MCI":
            return History(mci_onset=age - self.mci_years)
        ad_onset = age - self.ad_years
        return History(mci_onset=ad_onset - self.mci_years, ad_onset=ad_onset)


@dataclass(frozen=True)
class Loss:
    """What age and disease have taken, counted from the template.

    Attributes:
        ventricle_ratio: volume of the ventricles over the template's, before individual size.
        ageing_tissue: fraction of brain tissue lost at the sulci to normal ageing.
        disease_tissue: fraction of brain tissue lost at the sulci to MCI and AD.
    """

    ventricle_ratio: float
    ageing_tissue: float
    disease_tissue: float


def loss_at(age: float, history: History, pace: Pace) -> Loss:
    """Add up the yearly rates over a life; grows with age, and with every year of disease."""
    aged = pace.ageing * max(0.0, age - AGEING_STARTS)
    in_mci, in_ad = history.years(age)
    mci = pace.disease * _levelled(in_mci)
    # Years of MCI come first, so AD starts on the flatter part that they leave.
    ad = pace.disease * (_levelled(in_mci + in_ad) - _levelled(in_mci))
    excess = mci * (VENTRICLE_RATE["MCI"] - VENTRICLE_RATE["CN"]) + ad * (VENTRICLE_RATE["AD"] - VENTRICLE_RATE["CN"])
    return Loss(
        ventricle_ratio=math.exp(VENTRICLE_RATE["CN"] * aged) * (1.0 + excess), ageing_tissue=TISSUE_RATE["CN"] * aged,
        disease_tissue=mci * (TISSUE_RATE["MCI"] - TISSUE_RATE["CN"]) + ad * (TISSUE_RATE["AD"] - TISSUE_RATE["CN"]),
    )


def _levelled(years: float) -> float:
    return LEVELLING * -math.expm1(-years / LEVELLING)


def accelerating_loss_at(age: float, history: History, pace: Pace) -> Loss:
    """The losses of revision 2: what a year adds grows until `PEAK` years of AD; all rates fall off after it."""
    aged = pace.ageing * max(0.0, age - AGEING_STARTS)
    in_mci, in_ad = history.years(age)
    rising, falling = min(in_ad, PEAK), FALL * -math.expm1(-max(0.0, in_ad - PEAK) / FALL)
    peak_rate = EXCESS_RATE["AD"] + EXCESS_GROWTH["AD"] * PEAK
    excess = _grown("MCI", in_mci) + _grown("AD", rising) + peak_rate * falling
    mci, ad = (TISSUE_RATE[stage] - TISSUE_RATE["CN"] for stage in ("MCI", "AD"))
    return Loss(
        ventricle_ratio=math.exp(VENTRICLE_RATE["CN"] * aged + pace.disease * excess),
        ageing_tissue=TISSUE_RATE["CN"] * aged, disease_tissue=pace.disease * (mci * in_mci + ad * (rising + falling)),
    )


def _grown(stage: str, years: float) -> float:
    """The log ratio that so many years of a stage add."""
    return EXCESS_RATE[stage] * years + 0.5 * EXCESS_GROWTH[stage] * years**2
