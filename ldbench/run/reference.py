"""Keep statistics of real images in a file that stands for them, from Python as by `ldbench reference`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ldbench.api import Progress, silent
from ldbench.records.argument_names import Words, argument_names
from ldbench.records.caches import FEATURES
from ldbench.records.files import user_cache_folder
from ldbench.records.handed_over import name_list, setting_texts
from ldbench.run.environment import on_device, pick_device
from ldbench.run.measure import MetricSettings, cut_by, place_of, viewing_of, whose_of
from ldbench.run.surroundings import caller_kept
from ldbench.score.folders.form import Channels, Conditions
from ldbench.score.folders.one_size import Fit
from ldbench.score.folders.places import Place
from ldbench.score.reference.file import check_free, write_reference
from ldbench.score.reference.make import make_reference, told
from ldbench.score.reference.record import ReferenceRecord
from ldbench.score.set_inputs import ScoringContext


@dataclass(frozen=True)
class SavedReference:
    """A file of statistics: what it says of the real images, and in `notes` what it tells of single ones."""

    file: Path
    record: ReferenceRecord
    notes: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line that says what is in the file."""
        count, of = self.record.in_files(self.record.images)
        subjects = "" if self.record.subjects is None else f" of {self.record.subjects} subjects"
        metrics = ", ".join(f"{name} ({each.extractor})" for name, each in self.record.metrics.items())
        size = self.file.stat().st_size / 1e6
        return f"{self.file}: statistics of {count} {of}s{subjects} for {metrics}; {size:.1f} MB"


def _in_words(saved: SavedReference, words: Words) -> SavedReference:
    return replace(saved, notes=tuple(map(words, saved.notes)))


@argument_names(_in_words, metric="metrics", set="settings")
def save_reference(
    real: Place | str, file: Path | str, *, metrics: Sequence[str] | None = None, network: str | None = None,
    side: int | None = None, channels: Channels = "rgb", blur: float = 0.0, noise: float = 0.0,
    settings: MetricSettings | None = None,
    subjects: Path | str | Mapping[str, Sequence[str | int]] | None = None, subject_pattern: str | None = None,
    device: str = "auto", progress: Progress = silent, fit: Fit | None = None, volumes: Sequence[str] | None = None,
    slices: int | str | None = None, window: str | None = None,
) -> SavedReference:
    """Write what Frechet distances need of the images in `real` to `file`, which ends in `.safetensors`.

    `ldbench.run.measure.measure` takes the file in the place of the folder: `fid`, `viewed_fid` and `frd` have the
    value and the interval that they have beside the images. The file holds no image and no features of a single image.
    It has the number, the mean and the scatter of features in each of 20 groups of images; docs/guides/folders.md says
    what can be told from these.

    `metrics` are for which metrics, None for all of these three; `viewed_fid` needs `blur` or `noise`. The other
    arguments are those of `measure`: who measures beside the file gets `network`, `side`, `fit`, `channels`, `blur`,
    `noise`, `settings`, `volumes`, `slices` and `window` from it. There must be 200 images or, with `subjects` or
    `subject_pattern`, subjects. `volumes` names one plane; then there must be 200 volumes.

    Raises `ImageError`, `UsageError`, `UnknownNameError`, `WeightsError`, and `MetricError` for too few images.

    >>> save_reference("real/", "real.safetensors").record.images  # doctest: +SKIP
    """
    path = Path(file)
    check_free(path)
    conditions = Conditions(side, fit, channels, viewing_of(blur, noise))
    context = ScoringContext(pick_device(device), 0, user_cache_folder() / FEATURES, progress)
    with caller_kept(context.device), on_device(context.device):
        reference = make_reference(
            place_of(real), path, conditions, context, name_list(metrics, "--metric"),
            network=network, settings=setting_texts(settings), whose=whose_of(subjects, subject_pattern),
            volumes=cut_by(volumes, slices, window),
        )
        write_reference(reference, path)
        return SavedReference(path, reference.record, tuple(told(reference)))
