"""The whole score of one set, ours in one pass, against the packages that users call one after another.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --images 8 --side 64 --peers torchmetrics lpips

FID, KID, precision, recall, SSIM, PSNR and LPIPS of the same PNG files on the same networks, an Inception-v3 and an
AlexNet with random weights, with the same threads. Our side reads each image once and shows it to the Inception once;
it also computes the intervals, which no other side has. A package does what its documentation shows: clean-fid and
torchmetrics run the network anew for FID and for KID. With `--device cuda` every side has its networks there, and
torchmetrics its images.

Two ratios are printed: all packages that are there, one after another, over ours; and the fewest seconds for which
they give every value once, over ours. The seconds are the processor's, a package's worker processes with it; with a
GPU they are those on the wall. torch-fidelity is left out where it is not installed. Ends with an error where a value
differs from ours by more than its tolerance.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.util
import itertools
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from process_cost import Machine
from score_peers import PEERS, Job, Values

from ldbench.data.images import read_image, write_image
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.lpips import lpips_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.psnr import psnr_score
from ldbench.score.metrics.ssim import ssim_score
from ldbench.score.networks.features import extract
from ldbench.score.networks.inception_v3 import WEIGHTS
from tests.stand_ins.networks import write_alexnet, write_inception

GOAL = 3.0
# what float32 networks in other batches, and float32 filters, may differ by: of the value, and as such
TOLERANCES: Mapping[str, tuple[float, float]] = {
    "fid": (1e-4, 0.0), "kid": (1e-3, 1e-9), "precision": (0.0, 1e-6), "recall": (0.0, 1e-6), "ssim": (0.0, 1e-4),
    "psnr": (1e-5, 0.0), "lpips": (1e-4, 0.0),
}


@dataclass(frozen=True)
class Part:
    """One call of one side: processor seconds, seconds on the wall, and the values it gave."""

    side: str
    name: str
    processor: float
    wall: float
    values: Values
    on_gpu: bool = False

    @property
    def seconds(self) -> float:
        """What is compared."""
        return self.wall if self.on_gpu else self.processor


def main() -> None:
    """Print the table and the ratios."""
    options = arguments()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        job = _job(Path(folder), options)
        print(f"{Machine(options.device, options.threads, job.real)}")
        print(f"{options.images} pairs of {options.side} px, torch {torch.__version__}")
        for module in ("scipy.stats", "torchmetrics", *map(_module, options.peers)):  # no side's own cost
            importlib.import_module(module)
        if job.device != "cpu":
            torch.zeros(1, device=job.device)  # its start is no side's own cost
            torch.backends.cudnn.allow_tf32 = False  # ours has it off: the same arithmetic for all
        ours, theirs = score(job, options.peers)
    report(ours, theirs)
    check(ours, theirs)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24, help="pairs; at least 2 more than the neighbours")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--neighbours", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=None)
    options = parser.parse_args()
    if options.peers is None:
        options.peers = [name for name in PEERS if importlib.util.find_spec(_module(name)) is not None]
    return options


def _module(package: str) -> str:
    return "cleanfid.fid" if package == "clean-fid" else package.replace("-", "_")


def _job(folder: Path, options: argparse.Namespace) -> Job:
    """Grey images of smooth random shapes with grain, and the same with less and less contrast, as PNG files."""
    job = Job(folder / "generated", folder / "real", folder, folder / "alexnet.pth", options.neighbours, options.device)
    random = torch.Generator().manual_seed(0)
    for index in range(options.images):
        coarse = torch.rand((1, 1, 8, 8), generator=random)
        shapes = torch.nn.functional.interpolate(coarse, size=(options.side,) * 2, mode="bicubic").clamp(0, 1)[0]
        for place, contrast in ((job.real, 1.0), (job.generated, 1 - index / options.images)):
            grain = 0.03 * torch.randn((1, options.side, options.side), generator=random)
            place.mkdir(exist_ok=True)
            image = 0.5 + contrast * (shapes - 0.5) + grain
            write_image(image.clamp(0, 1).expand(3, -1, -1), place / f"{index:04d}.png")
    with torch.backends.cudnn.flags(allow_tf32=False):  # a trace keeps what its program allows
        write_inception(folder / WEIGHTS.name)
    write_alexnet(job.alexnet)
    return job


def score(job: Job, peers: Sequence[str]) -> tuple[list[Part], list[Part]]:
    """The parts of our side, then those of every package."""
    theirs = [
        _timed(job, package, name, functools.partial(call, job))
        for package in peers for name, call in PEERS[package].items()
    ]
    return list(our_parts(job)), theirs


def our_parts(job: Job) -> Iterable[Part]:
    """Our side: every image is read once and goes through the Inception once."""
    inception, alexnet = (
        f"{name}@sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
        for name, path in (("inception-v3", job.inception / WEIGHTS.name), ("lpips-alex", job.alexnet))
    )
    sets: dict[str, torch.Tensor] = {}
    features = {}

    def read() -> Values:
        for name, folder in (("generated", job.generated), ("real", job.real)):
            paths = sorted(folder.glob("*.png"))
            side = _side(paths[0])
            sets[name] = torch.stack([read_image(path, size=side) for path in paths])
        return {}

    def network() -> Values:
        for name, images in sets.items():
            features[name] = extract(images, inception, weights=job.inception / WEIGHTS.name, device=job.device)
        return {}

    def neighbours() -> Values:
        pair = features["real"], features["generated"]
        return {
            name: manifold_score(name, *pair, k=job.k, extractor=inception).value for name in ("precision", "recall")
        }

    parts: Mapping[str, Callable[[], Values]] = {
        "read": read, "Inception-v3": network,
        "FID": lambda: {"fid": fid_score(features["real"], features["generated"], extractor=inception).value},
        "KID": lambda: {"kid": kid_score(features["real"], features["generated"], extractor=inception).value},
        "precision, recall": neighbours,
        "SSIM": lambda: {"ssim": ssim_score(sets["generated"], sets["real"]).value},
        "PSNR": lambda: {"psnr": psnr_score(sets["generated"], sets["real"]).value},
        "LPIPS": lambda: {
            "lpips": lpips_score(
                sets["generated"], sets["real"], extractor=alexnet, alexnet=job.alexnet, device=job.device
            ).value
        },
    }
    for name, call in parts.items():
        yield _timed(job, "ldbench", name, call)


def _side(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return image.width


def _timed(job: Job, side: str, name: str, call: Callable[[], Values]) -> Part:
    processor, wall = _processor_seconds(), time.perf_counter()
    values = call()
    return Part(side, name, _processor_seconds() - processor, time.perf_counter() - wall, values, job.device != "cpu")


def _processor_seconds() -> float:
    """Of this process and its workers that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(ours: Sequence[Part], theirs: Sequence[Part]) -> None:
    """Print a row a part, the sums and the ratios."""
    print("| side | part | processor s | wall s | values |\n|---|---|---|---|---|")
    for part in (*ours, *theirs):
        values = ", ".join(f"{name} {value:.6g}" for name, value in part.values.items())
        print(f"| {part.side} | {part.name} | {part.processor:.2f} | {part.wall:.2f} | {values} |")
    for side, parts in (("ldbench", ours), ("packages", theirs)):
        processor, wall = (sum(getattr(part, name) for part in parts) for name in ("processor", "wall"))
        print(f"| {side} | all | {processor:.1f} | {wall:.1f} | |")
    whole, everything = (sum(part.seconds for part in parts) for parts in (ours, theirs))
    fewest = cheapest(theirs)
    print(f"one after another: {everything / whole:.2f} times ours (goal at least {GOAL})")
    once = sum(part.seconds for part in fewest)
    names = ", ".join(f"{part.side} ({part.name})" for part in fewest)
    print(f"every value once: {once / whole:.2f} times ours, by {names}")


def cheapest(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with the fewest seconds that give every value that the parts give at all."""
    wanted = {name for part in parts for name in part.values}
    choices = itertools.chain.from_iterable(itertools.combinations(parts, n) for n in range(len(parts) + 1))
    complete = (chosen for chosen in choices if wanted <= {name for part in chosen for name in part.values})
    return min(complete, key=lambda chosen: sum(part.seconds for part in chosen))


def check(ours: Sequence[Part], theirs: Sequence[Part]) -> None:
    """SystemExit where a package's value is not ours within its tolerance."""
    expected = {name: value for part in ours for name, value in part.values.items()}
    for part in theirs:
        for name, value in part.values.items():
            relative, absolute = TOLERANCES[name]
            if not abs(value - expected[name]) <= relative * abs(expected[name]) + absolute:
                raise SystemExit(f"{part.side}: expected {name} {expected[name]:.9g}, got {value:.9g}")
    print("values agree within " + ", ".join(f"{name} {max(pair):g}" for name, pair in TOLERANCES.items()))


if __name__ == "__main__":
    main()
