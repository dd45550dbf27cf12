"""What each metric of a clinical card costs at full resolution: processor seconds and memory, on stand-ins.

    python benchmarks/clinical_panel.py SCRATCH_FOLDER [--card chest-t2i] [--side 512] [--images 60] [--metrics fid ...]

Stand-ins of CheXpert, or of ADNI-1 and OASIS-3, are prepared at this size by `ldbench data prepare`. Training scans
with a faint noise stand for generated images, a text-to-image card's alone. Inception-v3 has its published shape and
random weights. The card is the installed one with so many cases, and one epoch for each classifier, so that the seconds
of an image in training can be read off: the judge's cost stands with the first metric that asks it. Metrics run in the
card's order in one process, and what one has computed serves the next. Resident memory is the process's peak so far.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from process_cost import Machine

from ldbench.data.task_data import TaskData, task_data
from ldbench.plugins.kinds import METRICS
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import inputs_of, measured
from ldbench.score.set_inputs import ScoringContext
from ldbench.task import card
from tests.command_line import raising
from tests.stand_ins.adni1 import write_adni1
from tests.stand_ins.chexpert import write_chexpert
from tests.stand_ins.clinical_card import write_small_card
from tests.stand_ins.networks import write_inception
from tests.stand_ins.oasis3 import write_oasis3

WRITERS = {"adni1": write_adni1, "oasis3": write_oasis3, "chexpert": write_chexpert}
NOISE = 0.02


class NoisyScans(Mapping[str, torch.Tensor]):
    """For each case the training scan whose attributes it has, with noise of its own; made when asked for."""

    def __init__(self, data: TaskData) -> None:
        self._scans = {data.train[index].id: index for index in range(len(data.train))}
        self._data = data

    def __getitem__(self, case_id: str) -> torch.Tensor:
        image = self._data.train[self._scans[case_id]].image
        random = torch.Generator().manual_seed(self._scans[case_id])
        return (image + NOISE * torch.randn(image.shape[1:], generator=random)).clamp(0, 1)

    def __iter__(self) -> Iterator[str]:
        return iter(case.id for case in self._data.cases)

    def __len__(self) -> int:
        return len(self._data.cases)


def prepared(scratch: Path, names: list[str], patients: int, side: int, test: int) -> None:
    """Prepare the data sets below `scratch`, unless they lie there."""
    for name in names:
        out = scratch / "data" / name
        if not (out / "dataset.json").exists():
            owners = WRITERS[name](scratch / "owners" / name, patients)
            command = ["data", "prepare", name, "--root", str(owners), "--out", str(out), "--size", str(side)]
            command += ["--test-per-class", str(test), "--fractions", "0.6,0.1,0.3", "--jobs", "1"]
            raising(*command)


def peak() -> float:
    """The process's peak of resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prepare, then print a row a metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--card", default="chest-t2i")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--patients", type=int, default=480)
    parser.add_argument("--metrics", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scratch = (options.scratch / f"{options.card}-{options.side}").resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    installed = card.load(options.card)
    names = installed.data.dataset.split("+")
    test = options.images // len(installed.data.classes) // len(names)
    prepared(scratch, names, options.patients, options.side, test)
    weights = scratch / "inception.pt"
    if not weights.exists():
        write_inception(weights)
    os.environ |= {"LDBENCH_DATA": str(scratch / "data"), "LDBENCH_WEIGHTS_INCEPTION_V3": str(weights)}
    path = write_small_card(
        options.card, scratch, {"inception-v3": weights}, side=options.side, cases=options.images
    )
    data = task_data(card.load(str(path)), 0)
    counts = f"{len(data.of_classes('train'))} training and {len(data.of_classes('test'))} test scans"
    print(Machine("cpu", 1, scratch))
    print(f"{options.card}, {options.side} px, {len(data.cases)} images, {counts}\n")
    table(inputs_of(data, NoisyScans(data), ScoringContext(torch.device("cpu"), 0)), options.metrics)


def table(inputs: Inputs, names: list[str] | None) -> None:
    """A row for each metric of the card, or for the named ones."""
    print(f"before the first metric {peak():.0f} MB\n")
    print("| metric | value | processor s | peak so far, MB |\n|---|---|---|---|")
    whole = time.process_time()
    for name, settings in inputs.data.task.metrics.items():
        if names and name not in names:
            continue
        start = time.process_time()
        score = measured(METRICS.load(name), inputs, settings)
        print(f"| `{name}` | {score.value:.4g} | {time.process_time() - start:.1f} | {peak():.0f} |", flush=True)
    print(f"\nall {time.process_time() - whole:.0f} s")


if __name__ == "__main__":
    main()
