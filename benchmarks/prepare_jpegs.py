"""Preparing radiographs beside the plain Pillow loop: images a second, on one core and over two processes.

    nice python benchmarks/prepare_jpegs.py
    nice python benchmarks/prepare_jpegs.py --size 64 --images 400

The films are of CheXpert-v1.0-small's sizes (shorter side 320), from the tests' generator, in a temporary folder. The
plain loop opens a film, converts it to grey, pastes it on a black square, resizes it bicubically and saves a PNG with
Pillow's defaults; ours is what `ldbench data prepare` does to an image, less its manifest. Both write files; the pixels
in them must be equal, or the benchmark stops. The sides take turns in one process, and processor time is told beside
the wall's, as that of a machine with other work on it says little. Then two processes of each share the films.

Equal pixels ask for the same decoding and resizing, which are timed by themselves: their share of the plain loop bounds
the ratio. At 512 pixels most of the loop is zlib's search for repeats; at 64 most is what can't be spared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import __version__ as pillow_version
from process_cost import Machine

from ldbench.data.prepare.pixels.radiograph import encode_png, read_jpeg, to_levels

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.stand_ins.chexpert import SIZES, films, jpeg

GOAL = 3.0
CHUNK = 10
Side = Callable[[Path, Path, int], None]


def pillow_pixels(path: Path, size: int) -> Image.Image:
    """Open, grey, square, resize."""
    with Image.open(path) as image:
        grey = image.convert("L")
    side = max(grey.size)
    square = Image.new("L", (side, side))
    square.paste(grey, ((side - grey.width) // 2, (side - grey.height) // 2))
    return square.resize((size, size), Image.Resampling.BICUBIC)


def plain(path: Path, out: Path, size: int) -> None:
    """The loop that anyone would write."""
    pillow_pixels(path, size).save(out)


def pixels_alone(path: Path, out: Path, size: int) -> None:
    """What neither side can do without: no checks, nothing encoded or written."""
    pillow_pixels(path, size)


def ours(path: Path, out: Path, size: int) -> None:
    """The suite's way to the same pixels."""
    out.write_bytes(encode_png(to_levels(read_jpeg(path, size))))


def write_films(folder: Path, count: int) -> list[Path]:
    """JPEGs of the sandbox's films at CheXpert's sizes."""
    rng, shades, paths = np.random.default_rng(0), films(), []
    for index in range(count):
        paths.append(folder / f"film{index:05d}.jpg")
        paths[-1].write_bytes(jpeg(shades[index % len(shades)], SIZES[index % len(SIZES)], rng))
    return paths


def timed(side: Side, paths: Sequence[Path], out: Path, size: int) -> tuple[float, float]:
    """Seconds on the wall and of processor time for all films."""
    wall, processor = time.perf_counter(), time.process_time()
    for path in paths:
        side(path, out / f"{path.stem}.png", size)
    return time.perf_counter() - wall, time.process_time() - processor


def timed_over(processes: int, side: Side, paths: Sequence[Path], out: Path, size: int) -> float:
    """Seconds on the wall for all films shared by processes that have started already."""
    outs = [out / f"{path.stem}.png" for path in paths]
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(side, size=size), paths[:CHUNK], outs[:CHUNK]))
        start = time.perf_counter()
        list(pool.map(partial(side, size=size), paths, outs, chunksize=CHUNK))
        return time.perf_counter() - start


def check_equal(ours_out: Path, plain_out: Path) -> tuple[int, int]:
    """Total bytes of both sides' files; SystemExit unless every pixel is equal."""
    totals = [0, 0]
    for path in sorted(plain_out.iterdir()):
        with Image.open(path) as theirs, Image.open(ours_out / path.name) as mine:
            if not np.array_equal(np.asarray(theirs), np.asarray(mine)):
                raise SystemExit(f"{path.name}: the two sides' pixels differ")
        totals = [totals[0] + (ours_out / path.name).stat().st_size, totals[1] + path.stat().st_size]
    return totals[0], totals[1]


def compare(paths: Sequence[Path], scratch: Path, size: int, repeats: int) -> None:
    """Time the sides in turn and print images a second and the ratios."""
    sides: dict[str, Side] = {"ours": ours, "plain": plain, "pixels alone": pixels_alone}
    for name in sides:
        (scratch / name).mkdir()
    rounds = [{name: timed(sides[name], paths, scratch / name, size) for name in sides} for _ in range(repeats)]
    mine, theirs = check_equal(scratch / "ours", scratch / "plain")
    print(f"{size} px: {len(paths)} films, median of {repeats}; pixels equal, our files {mine / theirs:.2f} as long")
    for kind, clock in enumerate(("wall", "processor time")):
        speed = {name: statistics.median(len(paths) / each[name][kind] for each in rounds) for name in sides}
        ratio, bound = (
            statistics.median(each["plain"][kind] / each[name][kind] for each in rounds)
            for name in ("ours", "pixels alone")
        )
        print(
            f"  one process, images/s of {clock}: ours {speed['ours']:.0f}, plain {speed['plain']:.0f}, decoding and "
            f"resizing alone {speed['pixels alone']:.0f}; ratio {ratio:.2f} (goal at least {GOAL}, bound {bound:.2f})"
        )
    shared = {name: timed_over(2, sides[name], paths, scratch / name, size) for name in ("ours", "plain")}
    alone = {name: statistics.median(each[name][0] for each in rounds) for name in shared}
    each_side = ", ".join(
        f"{name} {len(paths) / taken:.0f} ({alone[name] / taken:.2f} of one process)" for name, taken in shared.items()
    )
    print(f"  two processes, images/s of wall: {each_side}, ratio {shared['plain'] / shared['ours']:.2f}")


def main() -> None:
    """Print the machine and the comparison at each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, action="append", help="side of the prepared image; 512 and 64 by default")
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(f"{Machine('cpu', 1, Path(name))}; pillow {pillow_version}")
        folder = Path(name) / "films"
        folder.mkdir()
        paths = write_films(folder, asked.images)
        length = statistics.fmean(path.stat().st_size for path in paths)
        print(f"films of {length / 1024:.0f} KB on average")
        for size in asked.size or (512, 64):
            scratch = Path(name) / str(size)
            scratch.mkdir()
            compare(paths, scratch, size, asked.repeats)


if __name__ == "__main__":
    main()
