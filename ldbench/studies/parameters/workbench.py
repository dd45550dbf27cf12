"""One generator on one task under many settings: fitted once where that is enough, images kept on disk.

A fit lies in a folder named by all that it depends on, and so do the images of a setting, so that a command given
again, with more values or more images, does only what is missing. Refuses to hand out the truth of a case: what a
search sees is the training split.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Case, Context, Generator, ParameterValue, Request
from ldbench.data.images import read_image
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ImageError, UsageError
from ldbench.plugins.parameters import build, parameters
from ldbench.records.files import write_text_atomic
from ldbench.records.result import ModelRef
from ldbench.records.run_folder import MANIFEST, SHARED, claimed, image_path
from ldbench.run.environment import describe, pick_device
from ldbench.run.generate import generate, requests_for
from ldbench.run.pipeline import Settings, fit, ready
from ldbench.run.processes import current_processes
from ldbench.task import card

if TYPE_CHECKING:
    import torch

_ORDER = "order of training prompts"


@dataclass
class Workbench:
    """A generator's place on disk, its task's data, and the last fit, which stays in memory."""

    data: TaskData
    generator_class: type[Generator]
    model: ModelRef
    settings: Settings
    device: torch.device
    folder: Path
    _fitted: dict[str, Generator] = field(default_factory=dict, init=False)

    def ready(self, extra: Mapping[str, str]) -> Generator:
        """The generator, not fitted, with `extra` set beside what `--set` says; what refuses a value raises here."""
        return build(self.generator_class, {**self.settings.overrides, **extra})

    def requests(self, cases: Sequence[Case]) -> list[Request]:
        """One request a case, its seed from run seed, task and case, so equal under every setting."""
        return requests_for(cases, self.data.task.id, self.settings.seed)

    def search_cases(self, count: int) -> list[Case]:
        """`count` cases apart from the test split, in an order fixed by their ids; UsageError if too many.

        Those of training prompts, or where the task edits images, of edits of validation scans.
        """
        train = self.data.train
        ids = self.data.validation_ids() if self.data.editing else [record.id for record in train.records]
        if count > len(ids):
            split = "validation scans" if self.data.editing else "training images"
            raise UsageError(f"--images: expected at most {len(ids)}, the {split}, got {count}")
        order = sorted(range(len(ids)), key=lambda index: digest(_ORDER, ids[index]))[:count]
        if self.data.editing:
            return self.data.validation_cases([ids[index] for index in order])
        return [Case(train[index].id, train[index].prompt, train[index].attributes) for index in order]

    def fitted(self, extra: Mapping[str, str]) -> tuple[Generator, Context]:
        """The generator after `fit`, under a setting; one fit serves all that differ in `sampling_parameters` alone."""
        generator = self.ready(extra)
        sampling = generator.sampling_parameters
        key = self._key({name: value for name, value in parameters(generator).items() if name not in sampling})
        folder = self.folder / "fits" / key
        folder.mkdir(parents=True, exist_ok=True)
        side = self.data.task.protocol.resolution
        backbone = self.data.task.protocol.backbone
        context = Context(
            self.device, self.settings.seed, folder, (3, side, side), backbone, self.settings.progress,
            shared=self.settings.out / SHARED,
        )
        if key not in self._fitted:
            self._fitted.clear()  # one model in memory
            fit(generator, self.data, context)
            self._fitted[key] = generator
        return _with_parameters(self._fitted[key], generator), context

    def images(self, cases: Sequence[Case], extra: Mapping[str, str], purpose: str) -> torch.Tensor:
        """The images of cases under a setting, `(N, 3, H, W) float32 in [0, 1]`, made where they aren't on disk.

        Images are stored in 8 bits, as a run stores them, below a folder of this `purpose`.
        """
        shown = "-".join(f"{key}={value}" for key, value in extra.items())
        key = self._key({**parameters(self.ready(extra)), "batch size": self.settings.batch_size})
        folder = self.folder / purpose / f"{slug(shown)[:60]}-{key}"
        requests = self.requests(cases)
        if (kept := self._kept(requests, folder)) is not None:
            return kept
        generator, context = self.fitted(extra)
        generate(generator, requests, context, folder, self.settings.batch_size)
        kept = self._kept(requests, folder)
        if kept is None:
            raise ImageError(f"{folder}: images vanished while they were made; is another program at work there?")
        return kept

    def outcome_folder(self, kind: str, question: Mapping[str, object]) -> Path:
        """Where the answer to one question lies; another question has another folder."""
        return self.folder / f"{kind}-{self._key({**self.model.parameters, **question})}"

    def record(self, kind: str) -> dict[str, object]:
        """What every answer says of task, model, seed and machine."""
        task = self.data.task
        return {
            "kind": kind, "task": {"id": task.id, "version": task.version, "card_hash": task.hash},
            "split_hash": self.data.split_hash(), "model": asdict(self.model), "seed": self.settings.seed,
            "environment": asdict(describe(self.device)),
        }

    def _key(self, values: Mapping[str, object]) -> str:
        task, model = self.data.task, self.model
        parts = [
            task.id, task.version, task.hash, self.data.split_hash(), model.name, model.version, self.settings.seed,
            self.device.type, values,
        ]
        return digest(json.dumps(parts, sort_keys=True))[:12]

    def _kept(self, requests: Sequence[Request], folder: Path) -> torch.Tensor | None:
        """The images on disk, if all of them were finished."""
        import torch

        try:
            made = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["images"]
        except (OSError, ValueError):
            return None
        if not {request.case.id for request in requests} <= {row["id"] for row in made}:
            return None
        side = self.data.task.protocol.resolution
        try:
            return torch.stack([read_image(image_path(folder, r.case.id), size=side) for r in requests])
        except ImageError:  # gone or damaged since: made again
            return None


@contextmanager
def workbench(task_name: str, model_name: str, settings: Settings) -> Iterator[Workbench]:
    """The bench of a generator on a task, held for this process; bad names and parameters are refused before."""
    task = card.load(task_name)
    generator, model = ready(task, model_name, settings.overrides)
    if current_processes(settings.device).count > 1:
        raise UsageError("searches and figures are made in one process, got several; start it without a launcher")
    device = pick_device(settings.device)
    folder = settings.out / task.id / slug(model.name)
    with claimed(folder):
        yield Workbench(task_data(task, settings.seed), type(generator), model, settings, device, folder)


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """An answer as JSON: sorted keys, NaN refused, whole or not at all."""
    write_text_atomic(path, json.dumps(record, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def _with_parameters(fitted: Generator, wanted: Generator) -> Generator:
    """The fitted generator's state under the parameters of `wanted`; the state itself is shared, not copied."""
    result = copy.copy(fitted)
    values: dict[str, ParameterValue] = parameters(wanted)
    for name, value in values.items():
        setattr(result, name, value)
    return result


def slug(text: str) -> str:
    """The text as part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", text).strip("-.") or "default"


def digest(*parts: str) -> str:
    """SHA-256 of the parts, in hexadecimal."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
