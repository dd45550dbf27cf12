"""Train the feature networks of the sandbox's own training scans, and write the files that ship with it.

    python -m recipes.sandbox.scan_networks

trains for each card the network of its `[scan_network]` and prints the digest that belongs there as `sha256`. One
thread: the same machine gives the same weights. Another machine's weights differ in their last digits, so the cards of
new files need a new version.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ldbench.api import Dataset
from ldbench.data.task_data import load
from ldbench.score.networks.pinned import recipe_text, write_shipped
from ldbench.score.networks.scan_weights import trained
from ldbench.task import card
from ldbench.task.scan_network_spec import ScanNetworkSpec

CARDS = ("sandbox-brain-t2i", "sandbox-chest-t2i")
FOLDER = Path(__file__).parents[2] / "sandbox" / "networks"


def ship(recipe: ScanNetworkSpec, dataset: Dataset, folder: Path) -> str:
    """Train a data set's network and write `folder/NAME.safetensors`; the digest of its weights."""
    state = trained(recipe.training, dataset)
    return write_shipped(folder / f"{dataset.name}.safetensors", state, recipe_text(recipe))


def asked_folder(description: str | None) -> Path:
    """The folder that the command line asks for; from here on one thread computes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER)
    torch.set_num_threads(1)
    folder: Path = parser.parse_args().out
    return folder


def main() -> None:
    """Write the files of all cards."""
    folder = asked_folder(__doc__)
    for name in CARDS:
        task = card.load(name)
        digest = ship(task.scan_network or ScanNetworkSpec(), load(task.data), folder)
        print(f'{name}: sha256 = "{digest}"', flush=True)


if __name__ == "__main__":
    main()
