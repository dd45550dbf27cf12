"""A task card: TOML that says what is measured, read into a frozen `Task`.

Data only: a card holds no code and names none. A card may extend another one (`card_file.py`) and name a set of
prompt templates (`prompt_sets.py`); a `Task` holds what came of both, and so does its hash. Mistakes are
reported as `file:key: expected, got`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ldbench.api import Kind
from ldbench.errors import CardError, unknown_name
from ldbench.records.from_table import TypedError, build
from ldbench.task.card_file import complete, file_text, installed_names, installed_text
from ldbench.task.fresh_spec import FreshSpec, Rule, fresh_rules, placed
from ldbench.task.labels import label_rules
from ldbench.task.metric_specs import LATER, JudgeSpec, metric_settings, needing, table_of
from ldbench.task.prompt_sets import complaint, field_fault, names_only, put_in
from ldbench.task.scan_network_spec import ScanNetworkSpec, scan_network_rules

# what a card says about itself, by table: a mistake in it is corrected without measuring anything again
_PROSE = {"": ("title", "summary", "citation"), "data": ("source", "licence"), "viewing": ("reason",)}


@dataclass(frozen=True)
class DataSpec:
    """Which data, in which state: `checksums` maps file name to SHA-256 (sandbox data only).

    `alignment` is the space that scans are expected to lie in; a result of data that do not says so. `labels` are what
    an image may have several of: an attribute of 0 and 1 by its name, or one value of another, as `finding=edema`.
    """

    dataset: str
    revision: str
    source: str
    licence: str
    split: str
    class_attribute: str
    classes: tuple[str, ...]
    checksums: Mapping[str, str] = field(default_factory=dict)
    alignment: Literal["mni152"] | None = field(default=None, metadata=LATER)
    fresh: FreshSpec | None = field(default=None, metadata=LATER)
    labels: tuple[str, ...] = field(default=(), metadata=LATER)


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
class EditSpec:
    """What an editing task asks for: `attribute` of the source is changed to what the data's image of `role` has, or,
    where no role is named because nobody knows the answer, to another class.

    `instructions` are the templates of a case's prompt, drawn as captions are, with fields such as `{source_age}`,
    `{target_age}` and, for ages, `{change}` (slightly below 5 years, moderately to 10, significantly above; Sec. 4.1);
    ages in them are spelled by the protocol's `age_style`. `sentences`, with the attribute as their only field, give
    the direction of the edit; where there are none the captions do. `neutral` is the healthy class. Other classes are
    edited into it, and it is edited into one of the others. The region that must change is where the true image differs
    from the source by more than `region_threshold`, widened by `region_margin` pixels. A target that is younger than
    its source is an error unless `younger` allows it.
    """

    attribute: str
    instructions: tuple[str, ...]
    role: str | None = None
    sentences: tuple[str, ...] = ()
    neutral: str | None = None
    region_threshold: float = 0.1
    region_margin: int = 1
    younger: bool = False


@dataclass(frozen=True)
class ViewingConditions:
    """How an observer sees the images, as `Viewing` says; `TypedError` for values that nobody can see by."""

    blur: float
    noise: float

    def __post_init__(self) -> None:
        if not 0 <= self.blur < math.inf:
            raise TypedError(f"blur: expected a number of pixels, 0 or more, got {self.blur}")
        if not 0 <= self.noise < 1:
            raise TypedError(f"noise: expected a grey level, 0 or more and below 1, got {self.noise}")


@dataclass(frozen=True)
class Viewing(ViewingConditions):
    """How an observer sees the images, real and generated alike (`ldbench/score/viewing.py`).

    `blur` is the point spread's standard deviation in pixels of the protocol's resolution, `noise` that of the white
    noise, in grey levels from 0 to 1. `reason` says how the values were chosen.
    """

    reason: str


@dataclass(frozen=True)
class Task:
    """One task card. `version` rises with every change of what is measured.

    `metrics` holds the settings of each metric that is measured, by its name, in the card's order.
    """

    id: str
    version: int
    kind: Kind
    title: str
    summary: str
    data: DataSpec
    protocol: Protocol
    metrics: Mapping[str, Any]
    citation: str
    status: Literal["released", "draft"] = "released"
    estimators: Mapping[str, float] = field(default_factory=dict)
    edit: EditSpec | None = field(default=None, metadata=LATER)
    judge: JudgeSpec | None = field(default=None, metadata=LATER)
    viewing: Viewing | None = field(default=None, metadata=LATER)
    scan_network: ScanNetworkSpec | None = field(default=None, metadata=LATER)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what is measured and how, whatever the card's layout, comments and words about itself."""
        text = json.dumps(_content(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _content(task: Task) -> dict[str, Any]:
    """The card as plain tables, without prose; cards from before young fields keep their hashes."""
    content = table_of(task) | {"data": table_of(task.data)}
    content["metrics"] = {name: table_of(settings) for name, settings in task.metrics.items()}
    if task.judge is not None:
        content["judge"] = table_of(task.judge)
    if task.scan_network is not None:
        content["scan_network"] = table_of(task.scan_network)
    if task.data.fresh is not None:
        del content["data"]["fresh"]["folder"]
    for table, keys in _PROSE.items():
        told = content.get(table, {}) if table else content
        for key in keys:
            told.pop(key, None)
    return content


def parse(text: str, where: str) -> Task:
    """A task from the text of a card; `where` names the file in errors."""
    table = put_in(complete(text, where), where)
    try:
        task: Task = build(Task, table)
        task = replace(task, metrics=metric_settings(task.metrics))
    except TypedError as error:
        raise CardError(f"{where}:{error}") from error
    _check(task, where)
    return task


def _check(task: Task, where: str) -> None:
    for holds, key, expected, got in (*_rules(task), *fresh_rules(task.data.fresh), *_edit_rules(task)):
        if not holds:
            raise CardError(f"{where}:{key}: expected {expected}, got {got}")
    protocol = task.protocol
    wrong = complaint(protocol.templates, protocol.prompt_style, protocol.patient_information)
    if wrong is not None:
        raise CardError(f"{where}:protocol.{wrong[0]}: expected {wrong[1]}, got {wrong[2]}")


def _rules(task: Task) -> list[Rule]:
    """What holds of every card."""
    protocol, classes = task.protocol, task.data.classes
    return [
        (task.version >= 1, "version", "1 or more", task.version),
        (len(classes) >= 2, "data.classes", "at least two classes", list(classes)),
        (len(set(classes)) == len(classes), "data.classes", "classes that differ", list(classes)),
        (
            protocol.resolution >= 8 and protocol.resolution % 8 == 0,
            "protocol.resolution", "a multiple of 8", protocol.resolution,
        ),
        (protocol.cases % max(len(classes), 1) == 0, "protocol.cases", "a multiple of the classes", protocol.cases),
        (
            2 <= protocol.evaluation_cases <= protocol.cases and protocol.evaluation_cases % max(len(classes), 1) == 0,
            "protocol.evaluation_cases", "a multiple of the classes, from 2 to cases", protocol.evaluation_cases,
        ),
        (bool(protocol.seeds) and min(protocol.seeds) >= 0, "protocol.seeds", "seeds of 0 or more", protocol.seeds),
        (bool(task.metrics), "metrics", "at least one metric", "none"),
        (
            task.judge is not None or not needing(task.metrics, "judge"),
            "judge", "a table, as metrics ask for it", "nothing",
        ),
        (task.judge is None or task.judge.spread_seeds == 1, "judge.spread_seeds", "1: one judge for all", "more"),
        *_viewing_rules(task),
        *scan_network_rules(task.scan_network, task.metrics),
        *label_rules(task.data.labels, task.metrics, task.judge),
    ]


def _viewing_rules(task: Task) -> list[Rule]:
    """What holds of the viewing conditions, and that there are some where metrics are taken under them."""
    viewing, viewed = task.viewing, needing(task.metrics, "viewing")
    if viewing is None:
        return [(not viewed, "viewing", f"a table, as {', '.join(viewed)} are taken under it", "nothing")]
    return [
        (viewing.blur <= task.protocol.resolution / 8, "viewing.blur", "at most an eighth of the side", viewing.blur),
        (bool(viewing.reason.strip()), "viewing.reason", "why these values", "nothing"),
    ]


def _edit_rules(task: Task) -> list[Rule]:
    """What holds of the cards of editing tasks, and that the others ask for nothing of theirs."""
    of_edits, of_truth = needing(task.metrics, "source", "truth", "null", "back"), needing(task.metrics, "truth")
    if task.kind == "text-to-image":
        return [
            (
                not of_edits,
                "metrics", "no metrics of pairs, as text-to-image has no true images", ", ".join(sorted(of_edits)),
            ),
            (task.edit is None, "edit", "nothing, as text-to-image has no source", "a table"),
            (task.protocol.age_style is None, "protocol.age_style", "nothing without [edit]", task.protocol.age_style),
        ]
    edit = task.edit
    if edit is None:
        return [(False, "edit", f"a table, as {task.kind} changes a source", "nothing")]
    aging, style = edit.attribute == "age", task.protocol.age_style
    return [
        (bool(edit.instructions), "edit.instructions", "at least one template", "none"),
        (
            edit.role is not None or not aging,
            "edit.role", "the role of the later scans, as ages have no classes", "none",
        ),
        (
            edit.role is not None or not of_truth,
            "metrics", "none that needs true images without edit.role", ", ".join(sorted(of_truth)),
        ),
        ((style is not None) == aging, "protocol.age_style", "a style if and only if edit.attribute is age", style),
        (aging or edit.neutral in task.data.classes, "edit.neutral", "one of data.classes", edit.neutral),
        (
            aging or edit.attribute == task.data.class_attribute,
            "edit.attribute", f"age or data.class_attribute ({task.data.class_attribute})", edit.attribute,
        ),
        (0 < edit.region_threshold < 1, "edit.region_threshold", "a number between 0 and 1", edit.region_threshold),
        (edit.region_margin >= 0, "edit.region_margin", "0 or more", edit.region_margin),
        *(
            (False, f"edit.instructions[{index}]", *fault)
            for index, text in enumerate(edit.instructions) if (fault := field_fault(text))
        ),
        *(
            (names_only(text, edit.attribute), f"edit.sentences[{index}]", f"{{{edit.attribute}}} alone", repr(text))
            for index, text in enumerate(edit.sentences)
        ),
    ]


def task_names() -> list[str]:
    """The ids of the installed cards."""
    return installed_names()


def load(name: str) -> Task:
    """An installed card by id, or a card file by path (ending in .toml)."""
    if name.endswith(".toml"):
        task = parse(file_text(name), name)
        fresh = placed(task.data.fresh, Path(name).parent)
        return replace(task, data=replace(task.data, fresh=fresh))
    if name not in task_names():
        raise unknown_name("task", name, task_names(), "`ldbench list tasks` shows all; a path ends in .toml")
    task = parse(installed_text(name), f"{name}.toml")
    if task.id != name:
        raise CardError(f"{name}.toml:id: expected {name!r}, got {task.id!r}")
    return task
