"""The scores of a run, of the images that lie in its folders; never needs the generator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.data.task_data import TaskData
from ldbench.records import subgroups
from ldbench.records import units as units_file
from ldbench.records.caches import FEATURES
from ldbench.records.files import user_cache_folder, write_together
from ldbench.records.result import Result, text_for
from ldbench.records.run_folder import RunFolder
from ldbench.records.subgroups import Subgroups
from ldbench.records.units import Units
from ldbench.run.context import RunContext
from ldbench.run.passes import WORDS, RunImages, absent_passes, read_images
from ldbench.score.free_memory import give_back
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.set_scores import subgroups_of_run
from ldbench.score.units import units_of

if TYPE_CHECKING:
    from ldbench.api import Score


@dataclass(frozen=True)
class Scored:
    """The scores of a run, the digest of its images, a line for each metric that cannot be had of them, and what lies
    beside the result; None where a host keeps the truth."""

    scores: list[Score]
    digest: str
    refused: tuple[str, ...] = ()
    beside: tuple[Units, Subgroups] | None = None


def score(context: RunContext, folders: Mapping[str, Path]) -> Scored:
    """The images of each pass in its folder, scored; nothing is written."""
    images, inputs = scored_from(context, folders)
    panel = scores_of(inputs)
    refused = (*panel.refused, *_without_images(context.data, folders))
    say_refused(context, refused)
    units = units_of(context.data, panel.measured, images.passes)
    beside = units, subgroups_of_run(inputs, panel.measured, units)
    return Scored([one.score for one in panel.measured], images.digest, refused, beside)


def write_scored(folder: RunFolder, result: Result, beside: tuple[Units, Subgroups] | None) -> None:
    """The result and what lies beside it, in place of others; what can't be written leaves those as they were."""
    files: dict[Path, str | Iterable[str]] = {}
    if beside is not None:
        files = {folder.units: units_file.text_of(beside[0]), folder.subgroups: subgroups.text_of(beside[1])}
    write_together(files | {folder.result: text_for(result, folder.result)})


def scored_from(context: RunContext, folders: Mapping[str, Path]) -> tuple[RunImages, Inputs]:
    """The images of each pass, and what metrics are computed from."""
    images, settings = read_images(context.data, folders), context.settings
    give_back()
    scoring = ScoringContext(context.device, settings.seed, user_cache_folder() / FEATURES, settings.progress)
    return images, inputs_of(context.data, images.images, scoring, images.passes)


def _without_images(data: TaskData, folders: Mapping[str, Path]) -> list[str]:
    """A line for each further pass that has no folder; without the path, as it stands in the result."""
    return [
        f"not scored: {', '.join(metrics)}: expected images of {WORDS[name]}, got no folder {name}/ among the images "
        f"of the cases; save them there as <case id>.{name}.png, as `ldbench cases` lists them"
        for name, metrics in absent_passes(data, folders).items()
    ]


def say_refused(context: RunContext, refused: Iterable[str]) -> None:
    """Say the line of each metric that cannot be had of the run's images."""
    for line in refused:
        context.settings.say(line)
