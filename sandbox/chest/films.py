"""Films to render and the files that hold them: what the chest's data sets share.

A data set plans who is in it and which films of them it holds. Here they are rendered and written, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ldbench.api import Progress

from ..archive import Pictures, array_name, write_arrays, write_manifest
from ..workers import mapped
from .patient import AGE_RANGE, ChestPatient, Findings
from .render import render

BOOKKEEPING = ("image_id", "subject", "split", "role", "index")


@dataclass(frozen=True)
class Film:
    """One film of a data set: who is shown, in which role, and how; `cells` are the manifest's further columns."""

    subject: str
    split: str
    role: str
    index: int
    patient: ChestPatient
    findings: Findings
    sex: str
    age: int
    cells: tuple[str | int, ...]

    @property
    def row(self) -> tuple[str | int, ...]:
        """The manifest's row: BOOKKEEPING, then `cells`."""
        return (f"{self.subject}-{self.role}", self.subject, self.split, self.role, self.index, *self.cells)


def rendered(film: Film) -> Pictures:
    """The image of a film, (64, 64) uint8."""
    return render(film.patient, film.findings, film.sex, film.age)


def write_films(
    out: Path, films: Sequence[Film], columns: Sequence[str], processes: int, progress: Progress
) -> None:
    """Write images.npz and manifest.csv of the films into the folder `out`, made if missing; `columns` are those after
    BOOKKEEPING. Films of a split and role stand in the order of their index. `processes` 0 is this one."""
    out.mkdir(parents=True, exist_ok=True)
    images: dict[str, list[Pictures]] = {}
    for film, picture in zip(films, mapped(rendered, films, processes, progress), strict=True):
        images.setdefault(array_name(film.split, film.role), []).append(picture)
    write_arrays(out / "images.npz", {name: np.stack(same) for name, same in images.items()})
    write_manifest(out / "manifest.csv", (*BOOKKEEPING, *columns), [film.row for film in films])


def spread_ages(generator: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """So many ages, spread evenly over AGE_RANGE."""
    spread = (np.arange(count) + generator.random(count)) / count
    years = AGE_RANGE[0] + np.floor(spread * (AGE_RANGE[1] - AGE_RANGE[0] + 1))
    return np.asarray(years, dtype=np.int64)
