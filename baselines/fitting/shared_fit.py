"""A backbone that several generators start from, fitted once: the second run finds the first one's checkpoint.

The fit lies in the folder that all runs share, under a name made of everything that it depends on, so that nothing is
taken for what it isn't.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from accelerate.utils import wait_for_everyone

from ldbench.api import Context, Example, TrainingSet
from ldbench.errors import GeneratorError

from ..diffusion.latent_diffusion import LatentDiffusion
from .encoded import View
from .fine_tuner import FineTuner

LOCK = "lock"


def shared_start(start: FineTuner, train: TrainingSet, context: Context) -> LatentDiffusion:
    """The backbone as `start` (a BasicFT, CustomDiffusion, ...) tunes it on the single images of `train`, fitted once
    for all runs.

    Where `train` holds pairs, the single images are the sources with their captions. The fit is done or taken up in
    `context.shared`, in a folder named after its key, or in `context.folder / "start"` where nothing is shared; a
    finished one is only loaded. While one run fits, others that want the same wait. What was tuned is float32: cast it
    before sampling. Words that `start` learnt stay in
    the model's text encoder. Raises `GeneratorError` for a pair without a caption, and what `start.tuned` raises.
    """
    images = single_images(train)
    common = context.shared if context.shared is not None else context.folder / "start"
    folder = common / f"{start.name}-{fit_key(start, train, context)[:16]}"
    with _alone(folder, context):
        return start.tuned(images, replace(context, folder=folder))


def single_images(train: TrainingSet) -> View:
    """A training set without its pairs: each source with its own caption; an example that has no source as it is."""
    return View(train, range(len(train)), _single_image)


def _single_image(pair: Example) -> Example:
    """The image without what belongs to an edit."""
    if pair.source is None:
        return Example(pair.id, pair.image, pair.prompt, pair.attributes)
    if pair.source_prompt is None:
        raise GeneratorError(
            f"training example {pair.id}: expected a source_prompt beside its source, got none; a generator that "
            "starts from fine-tuned weights needs the source's caption"
        )
    return Example(pair.id, pair.source, pair.source_prompt, pair.source_attributes or {})


def fit_key(start: FineTuner, train: TrainingSet, context: Context) -> str:
    """SHA-256 over all that the weights of `shared_start` depend on; reads every training image."""
    made_of = {
        "parameters": start._fingerprint(context) | start._content(context), "seed": context.seed,
        "image_shape": list(context.image_shape), "precision": start._precision(context),
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    images = single_images(train)
    for index in range(len(images)):
        example = images[index]
        digest.update(json.dumps([example.id, example.prompt]).encode())
        digest.update(example.image.contiguous().numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _alone(folder: Path, context: Context) -> Iterator[None]:
    """Hold the folder's lock, which the system gives back even if this process dies.

    Of several processes of one run the first locks, and the others enter once it has: one that went ahead could take
    up another run's checkpoint at an earlier step than the first will find.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        if context.process == 0:
            fcntl.flock(lock, fcntl.LOCK_EX)
        _meet(context)
        yield
        _meet(context)


def _meet(context: Context) -> None:
    if context.processes > 1:
        wait_for_everyone()
