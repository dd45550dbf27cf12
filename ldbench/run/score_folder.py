"""Images that were made elsewhere, scored as those of a run: one PNG or JPEG a case id, a folder a seed.

A result is overwritten only on request, and one folder cannot stand for two seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ldbench.data.image_folder import list_folder
from ldbench.data.task_data import task_data
from ldbench.errors import ResultError, UsageError
from ldbench.records.names import one_line
from ldbench.records.result import SCORED, ModelRef, Result, Stage
from ldbench.records.run_folder import PASSES, RunFolder
from ldbench.run.context import RunContext
from ldbench.run.environment import memory_notes, on_device, pick_device, timed
from ldbench.run.pipeline import record
from ldbench.run.scoring import score, write_scored
from ldbench.run.settings import Settings
from ldbench.task import card


def score_folder(
    task_name: str, images: Path, name: str, settings: Settings, *, replace: bool = False
) -> tuple[Result, Path]:
    """Score a folder of images made elsewhere, one PNG a case id; the result and its file.

    An editing task's null edits and edits back are scored where they lie in folders `null` and `back` in there. A
    result of the same name is a `ResultError` unless `replace` is set.
    """
    task, shown = card.load(task_name), one_line(name)
    if not shown:
        raise UsageError(f"--name: expected a name for tables, got {name!r}")
    data, device = task_data(task, settings.seed), pick_device(settings.device)
    model = ModelRef(shown, None, SCORED)
    folder = RunFolder.of(settings.out, task.id, model, settings.seed)
    context, stages = RunContext(data, model, settings, device, folder), list[Stage]()
    with on_device(device), folder.claimed():
        if folder.finished() and not replace:
            raise ResultError(
                f"{folder.result}: expected no result of {shown!r} and seed {settings.seed} yet, got one; give these "
                "images another --name, or overwrite it with --replace"
            )
        with memory_notes(settings.say) as notes, timed("score", stages, device):
            scored = score(context, {of_pass: images / of_pass for of_pass in PASSES})
            _say_jpegs(images, settings.say)
        result = record(context, scored, stages, notes)
        write_scored(folder, result, scored.beside)
    if seeds := _of_same_images(result, folder):
        settings.say(
            f"seed {settings.seed} has the images of seed {seeds[0]}, pixel by pixel: boards count one of them alone; "
            "name other images, or leave them out"
        )
    return result, folder.result


def _say_jpegs(images: Path, say: Callable[[str], None]) -> None:
    """Warn of files whose losses networks see; the images of runs, and those of the task, have none."""
    suffixes = list_folder(images)
    if jpegs := sum(suffixes[name].lower() != ".png" for name in suffixes):
        say(
            f"{jpegs} of {len(suffixes)} images in {images} are JPEG files: features of networks see that, so FID and "
            "the like change whatever the images show; save them as PNG, from what made them"
        )


def _of_same_images(result: Result, folder: RunFolder) -> list[int]:
    """The other seeds of a row that were scored of the same images, as far as their results can be read."""
    seeds = list[int]()
    for path in folder.path.parent.glob("seed-*"):
        with suppress(ResultError):
            other = RunFolder(path).read()
            if path != folder.path and other.images_hash == result.images_hash and other.seed is not None:
                seeds.append(other.seed)
    return sorted(seeds)


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
