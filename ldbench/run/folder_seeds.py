"""Which run seed each of several folders of images is, where they are one generator's: the card's seeds, in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldbench.errors import UsageError
from ldbench.task import card


def folder_seeds(task_name: str, folders: Sequence[Path], seed: int | None) -> list[int]:
    """The run seed of each of some folders that are one generator's images with several seeds: the card's, in order.

    `seed` is that of a lone folder. Raises `UsageError` for more folders than seeds, or a folder given twice.
    """
    seeds = card.load(task_name).protocol.seeds
    if len(folders) == 1:
        return [seeds[0] if seed is None else seed]
    if seed is not None:
        raise UsageError(f"--seed: expected none with {len(folders)} folders, got {seed}; each takes one of the card's")
    if len(folders) > len(seeds):
        listed = ", ".join(map(str, seeds))
        raise UsageError(
            f"expected at most {len(seeds)} folders, one for each seed of the card ({listed}), got {len(folders)}; "
            "leave some out, whatever they score"
        )
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError("expected another folder for each seed, got one twice; name each once")
    return list(seeds[: len(folders)])
