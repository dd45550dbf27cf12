"""A task card: TOML that says what is measured, read into a frozen `Task`.

Data only: a card holds no code and names none. A card may extend an installed one (`card_file.py`) and name a set of
prompt templates (`templates.py`); a `Task` holds what came of both, and so does its hash. Refuses unknown keys, wrong
types and values that contradict each other, each as `file:key: expected, got`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from ldbench.api import Kind
from ldbench.card_file import complete, installed_names, installed_text
from ldbench.errors import CardError, unknown_name
from ldbench.templates import complaint, put_in
from ldbench.typed import TypedError, build

PAIRED = frozenset({"ssim", "psnr", "lpips"})  # metrics that compare each image with its true one


@dataclass(frozen=True)
class DataSpec:
    """Which data, in which state: `checksums` maps file name to SHA-256 (sandbox data only)."""

    dataset: str
    revision: str
    source: str
    licence: str
    split: str
    class_attribute: str
    classes: tuple[str, ...]
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Protocol:
    """How images are asked for.

    `cases` images are generated, the same number of each class; `evaluation_cases` of them, again balanced and
    chosen by a hash of their ids, are compared with the test scans, and all of them train the downstream
    classifier. Under `grey-as-rgb` every image, real or generated, is averaged over its channels before it is
    scored, and the grey repeated for networks that want three; under `rgb` colour counts. `templates` are the
    prompts: the first under the simple style, one by hash of the run's seed and the image's id under the diverse
    style; with `patient_information` each names attributes, as `{age}`, without it none does. `words` spells attribute
    values out in prompts.
    """

    resolution: int
    channels: Literal["grey-as-rgb", "rgb"]
    quantisation: Literal["8-bit, round half up"]
    cases: int
    evaluation_cases: int
    prompt_style: Literal["simple", "diverse"]
    patient_information: bool
    templates: tuple[str, ...]
    backbone: str
    seeds: tuple[int, ...] = (0,)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    age_style: Literal["numerical", "word", "binned"] | None = None


@dataclass(frozen=True)
class DistributionSpec:
    """FID: the feature extractor and the side, in pixels, that it sees."""

    extractor: str
    resize: int


@dataclass(frozen=True)
class KernelSpec:
    """KID: as FID; `subset_size` 0 means the unbiased estimate over all pairs."""

    extractor: str
    resize: int
    subset_size: int = 0
    subsets: int = 100


@dataclass(frozen=True)
class PerceptualSpec:
    """LPIPS: the network that compares the two images."""

    extractor: str


@dataclass(frozen=True)
class PixelSpec:
    """SSIM and PSNR, on images in [0, 1]; their constants are the literature's and stand in every score."""


@dataclass(frozen=True)
class ClassifierSpec:
    """AUC of a ResNet18 trained from scratch on generated images and tested on real ones.

    It is trained with the seeds `seed` to `seed + spread_seeds - 1`, whatever the run's seed: the value is the mean,
    and the spread is part of its interval. `auc-margin` goes on for `margin_epochs` with LibAUC's loss and optimiser.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-2
    shift: int = 2
    flip: bool = False
    objective: Literal["cross-entropy", "auc-margin"] = "cross-entropy"
    margin_epochs: int = 4
    margin_learning_rate: float = 0.02
    seed: int = 0
    spread_seeds: int = 1

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 1, "shift": 0, "margin_epochs": 1, "seed": 0, "spread_seeds": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise TypedError(f"metrics.auc.{name}: expected {value} or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class Metrics:
    """The metrics of a task with their parameters; a metric that is absent is not measured."""

    fid: DistributionSpec | None = None
    kid: KernelSpec | None = None
    ssim: PixelSpec | None = None
    psnr: PixelSpec | None = None
    lpips: PerceptualSpec | None = None
    auc: ClassifierSpec | None = None

    def names(self) -> list[str]:
        """The metrics that are measured, in table order."""
        return [name for name, spec in vars(self).items() if spec is not None]


@dataclass(frozen=True)
class Task:
    """One task card. `version` rises with every change of what is measured."""

    id: str
    version: int
    kind: Kind
    title: str
    summary: str
    data: DataSpec
    protocol: Protocol
    metrics: Metrics
    citation: str
    status: Literal["released", "draft"] = "released"
    estimators: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the card's content, whatever its layout and comments."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str, where: str) -> Task:
    """A task from the text of a card; `where` names the file in errors."""
    table = put_in(complete(text, where), where)
    try:
        task: Task = build(Task, table)
    except TypedError as error:
        raise CardError(f"{where}:{error}") from error
    _check(task, where)
    return task


def _check(task: Task, where: str) -> None:
    protocol, classes = task.protocol, task.data.classes
    rules = [
        (task.version >= 1, "version", "1 or more", task.version),
        (len(classes) >= 2, "data.classes", "at least two classes", list(classes)),
        (len(set(classes)) == len(classes), "data.classes", "classes that differ", list(classes)),
        (
            protocol.resolution >= 8 and protocol.resolution % 8 == 0,
            "protocol.resolution", "a multiple of 8", protocol.resolution,
        ),
        (protocol.cases % max(len(classes), 1) == 0, "protocol.cases", "a multiple of the classes", protocol.cases),
        (
            2 <= protocol.evaluation_cases <= protocol.cases and protocol.evaluation_cases % len(classes) == 0,
            "protocol.evaluation_cases", "a multiple of the classes, from 2 to cases", protocol.evaluation_cases,
        ),
        (bool(protocol.seeds) and min(protocol.seeds) >= 0, "protocol.seeds", "seeds of 0 or more", protocol.seeds),
        (bool(task.metrics.names()), "metrics", "at least one metric", "none"),
        (
            task.kind != "text-to-image" or not PAIRED & set(task.metrics.names()),
            "metrics", "no metrics of pairs, as text-to-image has no true images", ", ".join(task.metrics.names()),
        ),
    ]
    for holds, key, expected, got in rules:
        if not holds:
            raise CardError(f"{where}:{key}: expected {expected}, got {got}")
    wrong = complaint(protocol.templates, protocol.prompt_style, protocol.patient_information)
    if wrong is not None:
        raise CardError(f"{where}:protocol.{wrong[0]}: expected {wrong[1]}, got {wrong[2]}")


def task_names() -> list[str]:
    """The ids of the installed cards."""
    return installed_names()


def load(name: str) -> Task:
    """An installed card by id, or a card file by path (ending in .toml)."""
    if name.endswith(".toml"):
        try:
            return parse(Path(name).read_text(encoding="utf-8"), name)
        except OSError as error:
            raise CardError(f"can't read {name}: {error.strerror}; expected a task card") from error
    if name not in task_names():
        raise unknown_name("task", name, task_names(), "`ldbench list tasks` shows all; a path ends in .toml")
    task = parse(installed_text(name), f"{name}.toml")
    if task.id != name:
        raise CardError(f"{name}.toml:id: expected {name!r}, got {task.id!r}")
    return task
