"""Preparing volumes: what part of the time is reading them, images a second, and memory for few and for many.

    nice python benchmarks/prepare_volumes.py
    nice python benchmarks/prepare_volumes.py --voxel 2 --few 4 --many 8

The volumes are copies of the tests' template head at 1 mm, with noise, as 16-bit integers, 8.7 million voxels each,
as `.nii.gz` and as `.nii`, in a temporary folder; so they come from the system's file cache, and reading is gunzip to
the checksum for the one and page faults for the other. What `ldbench data prepare` does is timed in a process of its
own, from the listing to the manifest, one image at a time and two; the peak is that of the largest process. Beside it,
image by image: reading alone (every byte that the checksum needs, one plane of voxels) and the whole of it, its PNG
included. On a machine with other work, processor time says more than the wall's.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from process_cost import Machine

sys.path.insert(0, str(Path(__file__).parents[1]))

from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.pixels.nifti import open_volume
from ldbench.data.prepare.pixels.radiograph import encode_png, to_levels
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.splits import Plan
from tests.stand_ins.volumes import individual, template_head, write_volume

SIZE = 512
ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Cost:
    """Seconds on the wall and of processor time over all processes, and MiB of the largest process."""

    wall: float
    processor: float
    peak: float


def write_volumes(folder: Path, ending: str, count: int, voxel: float) -> Path:
    """Copies of one head, and their CSV."""
    folder.mkdir()
    first = write_volume(folder / f"0{ending}", individual(template_head(voxel), 0), scaled=False)
    for number in range(1, count):
        shutil.copy(first, folder / f"{number}{ending}")
    lines = [f"{number}{ending},person{number},CN" for number in range(count)]
    table = folder.with_suffix(".csv")
    table.write_text("image,subject,diagnosis\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return table


def prepared_alone(table: Path, root: Path, out: Path, jobs: int) -> Cost:
    """What preparing costs in a process of its own."""
    command = [sys.executable, __file__, "--child", str(table), str(root), str(out), str(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(*json.loads(done.stdout))


def child(table: str, root: str, out: str, jobs: str) -> None:
    """Prepare, then print the cost as JSON."""
    start = time.perf_counter()
    plan = Plan(fractions=(0.5, 0.1, 0.4))
    prepare(FolderReader(Path(table), size=SIZE), Path(root), Path(out), plan=plan, jobs=int(jobs))
    taken = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(each.ru_utime + each.ru_stime for each in used)
    # not its own ru_maxrss: Linux hands the parent's down through exec
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    workers = used[1].ru_maxrss if int(jobs) > 1 else 0
    print(json.dumps([taken, processor, max(int(own.split()[1]), workers) / 1024]))


def share_of_reading(path: Path, repeats: int) -> tuple[float, float]:
    """Processor seconds of reading alone and of the whole image, the medians."""
    reading, whole = [], []
    for _ in range(repeats):
        start = time.process_time()
        volume = open_volume(path)
        float(np.asarray(volume.stored[:, :, volume.stored.shape[2] // 2]).max())
        reading.append(time.process_time() - start)
        start = time.process_time()
        encode_png(to_levels(axial_slice(path, Preprocessing(size=SIZE))))
        whole.append(time.process_time() - start)
    return statistics.median(reading), statistics.median(whole)


def compare(scratch: Path, ending: str, few: int, many: int, voxel: float) -> None:
    """Print what one kind of file costs."""
    kind = ending[1:].replace(".", "-")
    roots = {count: scratch / f"{kind}-{count}" for count in (few, many)}
    tables = {count: write_volumes(root, ending, count, voxel) for count, root in roots.items()}
    first = roots[few] / f"0{ending}"
    reading, whole = share_of_reading(first, 5)
    print(
        f"{ending}: {first.stat().st_size / 2**20:.1f} MiB a file; one image {whole:.2f} s of processor time, of which "
        f"reading {reading:.2f} s ({reading / whole:.0%})"
    )
    for jobs in (1, 2):
        less, more = (
            prepared_alone(tables[count], root, root.with_name(f"{root.name}-out{jobs}"), jobs)
            for count, root in roots.items()
        )
        further = many - few
        print(
            f"  {jobs} at a time: {many / more.wall:.1f} images/s of wall over {many} volumes, start included; "
            f"{further / (more.processor - less.processor):.1f} of processor time from {few} to {many}; the largest "
            f"process's peak {less.peak:.0f} MiB for {few}, {more.peak:.0f} MiB for {many}"
        )


def main() -> None:
    """Print the machine and both kinds of file."""
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=8)
    parser.add_argument("--many", type=int, default=32)
    parser.add_argument("--voxel", type=float, default=1.0, help="side of a voxel in mm")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(Machine("cpu", 1, Path(name)))
        for ending in ENDINGS:
            compare(Path(name), ending, asked.few, asked.many, asked.voxel)


if __name__ == "__main__":
    main()
