"""How far another seed may move a score: what the reference results show, as a bound for rows that show less.

`seed_spread.json` holds, by metric, how far the seeds of the project's own reference rows lie apart, in standard errors
of the score. `python -m recipes.write_seed_spread` makes it from the committed results. It ships with the suite and
never changes with a board, so that no row of a board has a say in how two others are compared.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import NamedTuple

from ldbench.records.files import read_record

FILE = "seed_spread.json"
SCHEMA_VERSION = 1
WIDER = 2.0  # an allowance is this many times the widest spread that was seen
NARROWER = 0.25  # no row's own spread counts as less than this share of the usual one
_DUST = 1e-6  # of the value: contributions are kept to six digits


@dataclass(frozen=True)
class Spread:
    """Standard deviations between the seeds of the reference rows on one metric, in standard errors of the score.

    `usual` is their root mean square, `widest` the largest; `rows` is their number. `n` and `real` are the most
    generated and real images of a score; `real` is None where the metric looks at none.
    """

    rows: int
    n: int
    usual: float
    widest: float
    real: int | None = None


@dataclass(frozen=True)
class SpreadTable:
    """The file: spreads by metric."""

    metrics: Mapping[str, Spread]
    schema_version: int = SCHEMA_VERSION


class Allowance(NamedTuple):
    """Standard errors: the `least` and the `most` that the standard deviation between seeds is taken to be."""

    least: float
    most: float


def allowance(metric: str, n: int, real: int | None = None) -> Allowance:
    """What another seed may do to a score of `n` generated images, computed beside so many `real` ones.

    `most` is twice the widest spread of any reference row, and never less than that of the metric with the most rows,
    as a few rows may all be quiet. A metric without reference rows gets the largest of all. More images of either kind
    make a standard error smaller, but not what a seed does. So beyond the numbers of the reference results both grow
    with the root of the larger ratio: how much of an error is whose is not known.
    """
    table = spreads()
    best_known = max(table.values(), key=lambda spread: (spread.rows, spread.widest))
    known = table.get(metric)
    if known is None:
        usual, widest = min(one.usual for one in table.values()), max(one.widest for one in table.values())
    else:
        usual, widest = known.usual, max(known.widest, best_known.widest)
    like = known or best_known
    scale = math.sqrt(max(1.0, n / like.n, (real or 0) / (like.real or math.inf)))
    return Allowance(NARROWER * usual * scale, WIDER * widest * scale)


def allowed_variances(metric: str, n: int, real: int | None, error: float, value: float) -> Allowance:
    """The `allowance` as variances of a score of this `value` and standard `error`; the most is infinite where no
    interval says what a standard error is, or one of rounding."""
    if error <= _DUST * abs(value):
        return Allowance(0.0, math.inf)
    least, most = allowance(metric, n, real)
    return Allowance((least * error) ** 2, (most * error) ** 2)


@functools.cache
def spreads() -> Mapping[str, Spread]:
    """The spreads that ship with the suite."""
    with as_file(files("ldbench.board") / FILE) as path:
        return read_record(SpreadTable, path, "the seeds' spreads", SCHEMA_VERSION, "install ldbench again").metrics
