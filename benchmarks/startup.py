"""How long `ldbench --help` and `ldbench list tasks` take beside a typer program that does nothing.

    python benchmarks/startup.py

Whole processes, the two in turn, so that a machine whose speed drifts is fair to both. Prints medians and ratios.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
BARE = """
import typer

app = typer.Typer()


@app.command()
def main(name: str = "nobody") -> None:
    print(name)


app()
"""


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one run of a command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "bare.py"
        program.write_text(BARE, encoding="utf-8")
        for ours in (["--help"], ["list", "tasks"], ["list", "models"]):
            pairs = []
            for _ in range(RUNS + 1):
                bare = seconds([sys.executable, str(program), "--help"])
                pairs.append((seconds([sys.executable, "-m", "ldbench", *ours]), bare))
            pairs = pairs[1:]  # the first pair fills the file cache
            mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"ldbench {' '.join(ours):12} {mine:.3f} s, bare typer --help {theirs:.3f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
