"""What is observed of an image reaches the record of the prepared data; without any, no file changes."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ldbench.api import SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.observations import note, observe, observing
from ldbench.data.prepare.splits import Plan
from tests.data.prepare.memory_reader import MemoryReader


@dataclass(frozen=True)
class ObservingReader(MemoryReader):
    """Observes something of every image."""

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        observe(information=0.5 if source.name.endswith("0") else 0.7, others="0.4, at scale 0.9")
        return super().pixels(source)


def test_observations_are_kept_inside_and_nowhere_else() -> None:
    observe(lost=1.0)
    note("lost")
    with observing() as outer:
        observe(one=1.0)
        note("first")
        with observing() as inner:
            observe(two=2.0)
            note("within")
        observe(three="3")
        note("second")
    assert (outer.values, inner.values) == ({"one": 1.0, "three": "3"}, {"two": 2.0})
    assert (outer.notes, inner.notes) == (["first", "second"], ["within"])


def test_they_stand_in_a_file_of_their_own_by_hashed_id_and_survive_an_interruption(tmp_path: Path) -> None:
    plain, seen = tmp_path / "plain", tmp_path / "seen"
    prepare(MemoryReader(6), tmp_path, plain, plan=Plan())
    prepare(ObservingReader(6), tmp_path, seen, plan=Plan())
    assert not (plain / "observed.csv").exists()
    assert "observed" not in json.loads((plain / "dataset.json").read_text(encoding="utf-8"))
    assert (plain / "manifest.csv").read_bytes() == (seen / "manifest.csv").read_bytes()
    content = (seen / "observed.csv").read_bytes()
    rows = list(csv.DictReader(content.decode().splitlines()))
    with (seen / "manifest.csv").open(encoding="utf-8", newline="") as file:
        assert {row["image_id"] for row in rows} == {row["image_id"] for row in csv.DictReader(file)}
    assert {row["others"] for row in rows} == {"0.4, at scale 0.9"}
    ranges = json.loads((seen / "dataset.json").read_text(encoding="utf-8"))["observed"]
    assert set(ranges) == {"information"}
    assert ranges["information"]["greatest"] == 0.7
    (seen / "observed.csv").unlink()
    next((seen / "images").glob("*.png")).unlink()  # one is made again, the others are taken from the journal
    prepare(ObservingReader(6), tmp_path, seen, plan=Plan())
    assert (seen / "observed.csv").read_bytes() == content
