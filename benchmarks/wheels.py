"""The wheels that a GPU machine without a network lacks, for benchmarks/gpu_day.sh: printed, or collected in a folder.

    python3 -m pip list --format=freeze > THERE            # on the GPU machine
    python benchmarks/wheels.py THERE                      # here: what is missing
    python benchmarks/wheels.py THERE --download wheels    # here: download it, for Python 3.12 on x86-64 Linux

A line of THERE is NAME==VERSION, or NAME for any version. Versions are those of constraints.txt. What a missing package
needs is read from this environment, which has the suite installed. torch and torchvision must be there. Packages of
the suite that no stage imports are left out. Refuses a package that has no version here, and wheels that are more than
--limit together.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
THERE_ANYWAY = frozenset({"torch", "torchvision"})
NO_STAGE = frozenset({  # that no stage of the day imports; the first holds weights of 66 MiB
    "stlpips-pytorch", "ipython", "torchsummary", "libauc", "jsonschema", "prdc", "vendi-score", "pytorch-msssim",
    "timm",
})
SAME_MODULE = {"opencv-python": "opencv-python-headless"}  # either brings cv2
# what diffusers' example scripts import beside it, and what that needs itself
FOR_SCRIPTS = ("datasets==5.2.0", "dill==0.4.1", "multiprocess==0.70.19", "xxhash", "pyarrow", "pandas", "aiohttp")
LINUX_3_12 = {
    "python_version": "3.12", "python_full_version": "3.12.3", "sys_platform": "linux", "platform_system": "Linux",
    "platform_machine": "x86_64", "implementation_name": "cpython", "platform_python_implementation": "CPython",
    "os_name": "posix",
}
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux1")
MIB = 2**20


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("there", type=Path)
    parser.add_argument("--download", type=Path, default=None, metavar="FOLDER")
    parser.add_argument("--limit", type=float, default=64, metavar="MIB")
    return parser.parse_args()


def wanted(pyproject: Path) -> list[str]:
    """What the suite, its tests and its benchmarks ask for."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    own = project["project"]
    return [
        *project["build-system"]["requires"], *own["dependencies"], *own["optional-dependencies"]["test"], *FOR_SCRIPTS,
    ]


def versions(lines: Iterable[str]) -> dict[str, Version | None]:
    """Names with versions from lines NAME==VERSION; None where there is no version."""
    pairs = (line.split("#")[0].strip().partition("==") for line in lines)
    return {canonicalize_name(name): Version(version) if version else None for name, _, version in pairs if name}


def missing(
    asked: Iterable[str], there: Mapping[str, Version | None], pins: Mapping[str, Version | None],
    needs: Callable[[str], Iterable[str]],
) -> dict[str, Version]:
    """Names and versions of what is not there, with all that these need; SystemExit for one without a version."""
    lacking: dict[str, Version] = {}
    queue = [Requirement(text) for text in asked]
    while queue:
        one = queue.pop()
        name = canonicalize_name(one.name)
        if one.marker and not one.marker.evaluate({**LINUX_3_12, "extra": ""}):
            continue
        if name in lacking or name in THERE_ANYWAY | NO_STAGE or SAME_MODULE.get(name) in there:
            continue
        if name in there and (there[name] is None or one.specifier.contains(str(there[name]), prereleases=True)):
            continue
        exact = [Version(part.version) for part in one.specifier if part.operator == "=="]
        version = exact[0] if exact else pins.get(name)
        if version is None:
            raise SystemExit(f"{name}: expected a version in constraints.txt, got none; install it on the GPU machine")
        lacking[name] = version
        queue += [Requirement(text) for text in needs(name)]
    return dict(sorted(lacking.items()))


def needs_here(name: str) -> Iterator[str]:
    """What an installed package says that it needs; nothing for one that is not installed."""
    try:
        yield from importlib.metadata.requires(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return


def download(lacking: Sequence[str], folder: Path) -> None:
    """The wheels of `lacking`, in one call where pip has all of them, else one by one.

    What has none is built here where it is pure Python. SystemExit if that fails.
    """
    pip = [sys.executable, "-m", "pip"]
    platforms = [word for glibc in GLIBC for word in ("--platform", f"{glibc}_x86_64")]
    fixed = ["--no-deps", "--quiet", "--disable-pip-version-check"]
    wheels = [*pip, "download", *fixed, "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp",
              *platforms, "-d", str(folder)]
    if subprocess.run([*wheels, *lacking], check=False, stderr=subprocess.DEVNULL).returncode == 0:
        return
    if len(lacking) > 1:
        for one in lacking:
            download([one], folder)
    elif subprocess.run([*pip, "wheel", *fixed, "-w", str(folder), *lacking], check=False).returncode != 0:
        raise SystemExit(f"{lacking[0]}: expected a wheel for Python 3.12 on x86-64 Linux, got none")


def main() -> None:
    """Print the list; with --download fill the folder and print its size."""
    options = arguments()
    there = versions(options.there.read_text(encoding="utf-8").splitlines())
    pins = versions((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    absent = sorted(THERE_ANYWAY - there.keys())
    if absent:
        raise SystemExit(f"{options.there}: expected {' and '.join(absent)}, which no folder of wheels can carry")
    lacking = missing(wanted(ROOT / "pyproject.toml"), there, pins, needs_here)
    lines = [f"{name}=={version}" for name, version in lacking.items()]
    print("\n".join(lines), flush=True)
    if options.download is not None and lines:
        download(lines, options.download)
        size = sum(file.stat().st_size for file in options.download.glob("*.whl")) / MIB
        if size > options.limit:
            raise SystemExit(f"{options.download}: expected at most {options.limit:.0f} MiB, got {size:.1f}")
        print(f"{len(lacking)} wheels, {size:.1f} MiB")


if __name__ == "__main__":
    main()
