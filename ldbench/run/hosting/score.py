"""A submission to a hosted task, scored by the host: the images count, whatever the sender's result says.

The archive is read as any stranger's. The scored run is left as a finished run, images and all, so that anybody can
verify it once the seed is revealed. Links, images that are not the submission's own, and submissions to another task
are errors.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ldbench.api import Progress, silent
from ldbench.data.of_result import task_ref
from ldbench.data.task_data import task_data
from ldbench.errors import ResultError
from ldbench.records.files import refusal
from ldbench.records.result import Result
from ldbench.records.run_folder import FURTHER_PASSES, RESULT, RunFolder, check_card, read_measured
from ldbench.run.hosting.secret import rendered_truth
from ldbench.run.submission.manifest import check_unlinked, images_in, present
from ldbench.run.submission.unpack import unpacked
from ldbench.run.verify.recompute import own_images, rescored, write_recomputed
from ldbench.score.units import units_of
from ldbench.task import card

NOTE = "scored by the host from submitted images"


def score_submission(
    submission: Path, seed_file: Path, out: Path, *, device: str = "auto", progress: Progress = silent
) -> tuple[Result, Path]:
    """Score an archive of `ldbench submit`, or a run's folder, on the truth of `seed_file`; the result and its file.

    Raises `ResultError` for a submission that can't be scored, and for one of a model and seed that was scored already.
    """
    of_truth, _ = rendered_truth(seed_file)
    task = card.load(str(of_truth))
    with _opened(submission) as folder:
        sent = read_measured(folder / RESULT)
        check_card(sent.task, task_ref(task), submission)
        if sent.seed is None or sent.seed < 0:
            raise ResultError(f"{submission}: expected the run's seed, got {sent.seed}; send the archive of a run")
        data = task_data(task, sent.seed)
        images, faults = own_images(data, sent, folder / RESULT, None)
        if images is None:
            raise ResultError(f"{submission}: expected the run's own images, got {faults[0]}; submit it again")
        target = RunFolder.of(out, task.id, sent.model, sent.seed)
        with target.claimed():
            if target.finished() or target.state.exists():
                what = "were scored" if target.finished() else "have a run that was begun there"
                raise ResultError(f"{target.path}: this model and seed {what}; move the folder, or choose --out")
            inputs, panel, _ = rescored(data, images, sent, device, progress)
            _keep_images(RunFolder(folder), target)
            own = replace(
                sent, split_hash=data.split_hash(), note="; ".join([NOTE, *panel.refused]),
                card_seeds=list(task.protocol.seeds),
            )
            units = units_of(data, panel.measured, images.passes)
            return write_recomputed(target, own, inputs, panel, units), target.result


def _keep_images(sent: RunFolder, target: RunFolder) -> None:
    """The images and manifest of each pass, and nothing else that a sender may have put there, or a scoring that was
    stopped."""
    with refusal(f"write {target.path}"):
        for stale in (target.images, *(target.of_pass(name).path for name in FURTHER_PASSES)):
            if stale.exists():
                shutil.rmtree(stale)
        for name in present(sent):
            source, place = sent.of_pass(name), target.of_pass(name)
            place.images.mkdir(parents=True, exist_ok=True)
            for image in images_in(source.images):  # which are those of the manifest: `own_images` has compared them
                shutil.copyfile(source.images / image, place.images / image)
            shutil.copyfile(source.manifest, place.manifest)


@contextmanager
def _opened(submission: Path) -> Iterator[Path]:
    """The run's folder, unpacked if it comes in an archive, which holds no links."""
    if submission.is_dir():
        check_unlinked(RunFolder(submission))
        yield submission
        return
    with unpacked(submission) as folder:
        yield folder
