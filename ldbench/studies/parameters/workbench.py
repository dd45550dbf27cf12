"""One generator on one task under many settings: fitted once where that is enough, images kept on disk.

A fit lies in a folder named by all that it depends on, the generator's code and the content of the files that it reads
included, and so do the images of a setting, so that a command given again, with more values or more images, does only
what is missing. Refuses to hand out the truth of a case: what a search sees is the training split.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ldbench.api import Case, Context, Generator, ParameterValue, Request
from ldbench.data.images import read_image
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ImageError, ResultError, UsageError
from ldbench.plugins.model_ref import code_of, further_content, named_content
from ldbench.plugins.parameters import build, parameters
from ldbench.records.digests import CODE, PARAMETER, RESOLVED
from ldbench.records.names import digest, plain
from ldbench.records.result import ModelRef
from ldbench.records.run_folder import RunFolder
from ldbench.run.environment import describe, on_device, pick_device
from ldbench.run.generate import Requests, blamed, generate, requests_for
from ldbench.run.pipeline import fit, generator_context, ready
from ldbench.run.processes import Processes, current_processes
from ldbench.run.settings import Settings
from ldbench.score.steps import steps
from ldbench.studies.parameters.values import Grid, grid
from ldbench.task import card

if TYPE_CHECKING:
    import torch

_LONGEST = 120  # of the 255 letters that a folder's name can have
_ORDER = "order of training prompts"


class AnswerFiles(NamedTuple):
    """Where a figure and its numbers are written."""

    record: Path
    plot: Path


@dataclass
class Workbench:
    """A generator's place on disk, its task's data, and the last fit, which stays in memory."""

    data: TaskData
    generator_class: type[Generator]
    model: ModelRef
    settings: Settings
    device: torch.device
    folder: Path
    code: str
    _fitted: dict[str, Generator] = field(default_factory=dict, init=False)

    def ready(self, extra: Mapping[str, str]) -> Generator:
        """The generator, not fitted, with `extra` set beside what `--set` says; what refuses a value raises here."""
        return build(self.generator_class, {**self.settings.overrides, **extra})

    def grid(self, parameter: str, values: str, least: int = 1) -> Grid:
        """The values of a parameter, each of which the generator takes; UsageError before the first fit."""
        checked = grid(self.generator_class, parameter, values, self.settings.overrides, least)
        for text in checked.texts:
            self.ready({parameter: text})
        return checked

    def requests(self, cases: Sequence[Case]) -> list[Request]:
        """One request a case, its seed from run seed, task and case, so equal under every setting."""
        return self._requests(cases)[:]

    def _requests(self, cases: Sequence[Case]) -> Requests:
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
        order = sorted(range(len(ids)), key=lambda index: digest(f"{_ORDER}\0{ids[index]}", 64))[:count]
        if self.data.editing:
            return self.data.validation_cases([ids[index] for index in order])
        return [Case(train[index].id, train[index].prompt, train[index].attributes) for index in order]

    def fitted(self, extra: Mapping[str, str]) -> tuple[Generator, Context]:
        """The generator after `fit`, under a setting; one fit serves all that differ in `sampling_parameters` alone."""
        generator = self.ready(extra)
        folder = self._fit_folder(generator)
        if folder.name not in self._fitted:
            self._fitted.clear()  # one model in memory
            folder.mkdir(parents=True, exist_ok=True)
            fit(generator, self.data, self._context(folder))
            folder = _moved(folder, self._fit_folder(generator))
            self._fitted[folder.name] = generator
        return _with_parameters(self._fitted[folder.name], generator), self._context(folder)

    def _fit_folder(self, generator: Generator) -> Path:
        sampling = generator.sampling_parameters
        values = {name: value for name, value in parameters(generator).items() if name not in sampling}
        ignored = {f"{what}{name}" for what in (PARAMETER, RESOLVED) for name in sampling}
        content = {name: value for name, value in self._content(generator).items() if name not in ignored}
        return self.folder / "fits" / self._key(values, content)

    def _context(self, folder: Path) -> Context:
        return generator_context(self.data.task, self.settings, self.device, folder, Processes(), code=self.code)

    def _content(self, generator: Generator) -> dict[str, str]:
        """What the generator's images depend on and its parameters don't say: digests of the files that they name and
        of others that it reads, and what a parameter comes to here that leaves a choice."""
        named = named_content(generator, self.settings.out)
        with blamed(f"{type(generator).__name__}: files", generator):
            return {**named, **further_content(generator, self._context(self.folder / "fits"), named)}

    def images(self, cases: Sequence[Case], extra: Mapping[str, str], purpose: str) -> torch.Tensor:
        """The images of cases under a setting, `(N, 3, H, W) float32 in [0, 1]`, made where they aren't on disk.

        Images are stored in 8 bits, as a run stores them, below a folder of this `purpose`.
        """
        if (kept := self._kept(cases, self._image_folder(extra, purpose))) is not None:
            return kept
        generator, context = self.fitted(extra)
        folder = self._image_folder(extra, purpose)  # a fit may have downloaded what is read
        generate(generator, self._requests(cases), context, folder, self.settings.batch_size)
        kept = self._kept(cases, folder)
        if kept is None:
            raise ImageError(f"{folder.path}: images vanished while they were made; is another program at work there?")
        return kept

    def _image_folder(self, extra: Mapping[str, str], purpose: str) -> RunFolder:
        generator, setting = self.ready(extra), "-".join(f"{key}={value}" for key, value in extra.items())
        values = {**parameters(generator), "batch size": self.settings.batch_size}
        key = self._key(values, self._content(generator))
        return RunFolder(self.folder / purpose / f"{folder_name(setting)[:60]}-{key}")

    def images_of(self, values: Grid, cases: Sequence[Case], purpose: str) -> list[torch.Tensor]:
        """The images of every value, as `images`; the first value comes last, so that its fit stays in memory."""
        by_text: dict[str, torch.Tensor] = {}
        for text in steps([*reversed(values.texts)], self.settings.progress, f"{purpose} {values.parameter}"):
            by_text[text] = self.images(cases, {values.parameter: text}, purpose)
        return [by_text[text] for text in values.texts]

    def answer(self, kind: str, about: str, question: Mapping[str, object]) -> AnswerFiles:
        """Where the answer to one question lies; another question has another folder."""
        key = self._key({**self.model.parameters, **question}, self._content(self.ready({})))
        folder = self.folder / f"{kind}{about}-{key}"
        return AnswerFiles(folder / f"{kind}.json", folder / f"{kind}.png")

    def record(self, kind: str) -> dict[str, object]:
        """What every answer says of task, model, seed and machine."""
        task, environment = self.data.task, describe(self.device)
        packages = {**environment.packages, CODE: self.code, **self._content(self.ready({}))}
        return {
            "kind": kind, "task": {"id": task.id, "version": task.version, "card_hash": task.hash},
            "split_hash": self.data.split_hash(), "model": asdict(self.model), "seed": self.settings.seed,
            "environment": asdict(replace(environment, packages=packages)),
        }

    def _key(self, values: Mapping[str, object], content: Mapping[str, str]) -> str:
        task, model = self.data.task, self.model
        parts = [
            task.id, task.version, task.hash, self.data.split_hash(), model.name, model.version, self.settings.seed,
            self.device.type, self.code, values, content,
        ]
        return digest(json.dumps(parts, sort_keys=True), 12)

    def _kept(self, cases: Sequence[Case], folder: RunFolder) -> torch.Tensor | None:
        """The images on disk, if all of them were finished."""
        import torch

        side, ids = self.data.task.protocol.resolution, [case.id for case in cases]
        try:
            if {str(row.get("id")) for row in folder.listed()}.issuperset(ids):
                return torch.stack([read_image(folder.image(case_id), size=side) for case_id in ids])
        except (ResultError, ImageError):  # not begun, or damaged since: made again
            pass
        return None


@contextmanager
def workbench(task_name: str, model_name: str, settings: Settings) -> Iterator[Workbench]:
    """The bench of a generator on a task, held for this process; bad names and parameters are refused before."""
    task = card.load(task_name)
    generator, model = ready(task, model_name, settings.overrides)
    if current_processes(settings.device).count > 1:
        raise UsageError("searches and figures are made in one process, got several; start it without a launcher")
    device = pick_device(settings.device)
    folder = settings.out / task.id / folder_name(model.name)
    with on_device(device), RunFolder(folder).claimed():
        code = code_of(model_name, generator)
        yield Workbench(task_data(task, settings.seed), type(generator), model, settings, device, folder, code)


def _with_parameters(fitted: Generator, ready: Generator) -> Generator:
    """The fitted generator's state under the parameters of `ready`; the state itself is shared, not copied."""
    result = copy.copy(fitted)
    values: dict[str, ParameterValue] = parameters(ready)
    for name, value in values.items():
        setattr(result, name, value)
    return result


def _moved(folder: Path, wanted: Path) -> Path:
    """Where a fit lies after it was made: it may have downloaded what its folder is named by."""
    return wanted if wanted.exists() else folder.rename(wanted)


def folder_name(text: str) -> str:
    """The text as part of a folder's name, which leaves room for others."""
    return plain(text, "=")[:_LONGEST] or "default"
