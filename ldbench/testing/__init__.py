"""The conformance kit: whether a plug-in keeps the contract that results are compared under.

`check_generator` fits a generator on a miniature task and holds it against every clause of the contract: images of the
right shape and range, the same bytes for the same request, noise from the request's seed alone, inputs left as they
were, answers unread. `assert_generator` is the same as one line of a test. Built-in generators and outsiders pass the
same clauses, here and as `ldbench check MODEL`. The kit does not say whether the images are any good.

`check_metric`, `check_network` and `check_estimator` do the same for plug-ins that score images. Whether a metric sees
what it should, `ldbench gauntlet` says.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Generator
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import UsageError
from ldbench.plugins.kinds import ESTIMATORS
from ldbench.records.argument_names import Words, argument_names
from ldbench.run.environment import on_device, pick_device
from ldbench.run.process_settings import settings_kept
from ldbench.run.surroundings import states_kept
from ldbench.score.arithmetic import deterministic
from ldbench.task import card
from ldbench.testing import behaviour, declared, metrics, readers
from ldbench.testing.card_part import part_of
from ldbench.testing.contract import CLAUSES, PARAMETERS, PROTOCOL
from ldbench.testing.finding import Clause, Finding
from ldbench.testing.miniature import miniature
from ldbench.testing.trial import Trial

if TYPE_CHECKING:
    import torch

__all__ = [
    "CLAUSES", "Clause", "Finding", "assert_generator", "assert_kept", "check_estimator", "check_generator",
    "check_metric", "check_network",
]  # fmt: skip


def _in_words(findings: Sequence[Finding], words: Words) -> list[Finding]:
    """The findings with remedies in the words of a call from Python."""
    return [dataclasses.replace(finding, remedy=words(finding.remedy)) for finding in findings]


@argument_names(_in_words)
def check_generator(
    candidate: type[Generator] | Generator, *, kind: str | None = None, device: str = "cpu",
    backbone: str | None = None, task: str | None = None,
) -> list[Finding]:
    """Check a generator class (with its defaults) or instance; every finding, passed or not.

    `kind` limits the check to one kind of task; by default all kinds it declares are tried, each with its own
    fits. `backbone` is what the card would recommend. With `task`, an installed card's id or the path of one, a small
    part of its data takes the miniature's place, and its kind and backbone hold where none is named. An instance is
    copied, never fitted itself. Where no images come out that fit, the clauses that compare images are not reached and
    not among the findings. Raises `UsageError` for a `kind` that is not the card's, and what is wrong with the card or
    its data.

    >>> from ldbench.plugins.generators import load_generator
    >>> findings = check_generator(load_generator("mean-image"), kind="aging")
    >>> [finding.name for finding in findings if not finding.passed]
    []
    >>> next(finding.seen for finding in findings if finding.name == "aging: shape")
    '(6, 3, 64, 64)'
    """
    own = None if task is None else _own_data(task, kind)
    if own is not None:
        kind, backbone = own.task.kind, backbone or own.task.protocol.backbone
    cls = candidate if isinstance(candidate, type) else type(candidate)
    findings = declared.look(candidate, kind)
    needed = {PROTOCOL.name, PARAMETERS.name}
    runnable = all(finding.passed for finding in findings if finding.name in needed)
    if not runnable or (kind is not None and kind not in cls.capabilities().kinds):
        return findings
    template = candidate() if isinstance(candidate, type) else candidate
    chosen = pick_device(device)
    for name in [kind] if kind else sorted(cls.capabilities().kinds):
        with tempfile.TemporaryDirectory(prefix="ldbench-check-") as root, _kept(chosen):
            tried_on = miniature(name) if own is None else part_of(own)
            trial = Trial(template, tried_on, chosen, backbone, Path(root))
            for finding in behaviour.look(trial, name):
                findings.append(dataclasses.replace(finding, name=f"{name}: {finding.name}"))
    return findings


def assert_generator(
    candidate: type[Generator] | Generator, *, kind: str | None = None, device: str = "cpu",
    backbone: str | None = None, task: str | None = None,
) -> None:
    """Raise an AssertionError that lists every broken clause, a line each; arguments as in `check_generator`.

    >>> from ldbench.plugins.generators import load_generator
    >>> assert_generator(load_generator("copy-source"), kind="aging")
    """
    findings = check_generator(candidate, kind=kind, device=device, backbone=backbone, task=task)
    assert_kept(findings, candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__)


def assert_kept(findings: Sequence[Finding], name: str) -> None:
    """Raise an AssertionError that lists every broken clause of these findings, a line each; `name` is the plug-in's.

    >>> assert_kept(check_estimator("sandbox-brain-age"), "sandbox-brain-age")
    """
    broken = [one for one in findings if not one.passed]
    if broken:
        raise AssertionError(f"{name} breaks {_count(broken)} of the contract:\n{_listing(broken)}")


@argument_names(_in_words)
def check_metric(name: str, *, device: str = "cpu", task: str | None = None) -> list[Finding]:
    """Check a metric, by its name or `path/to/file.py:NAME`, on at most 80 cases of a task; every finding.

    `task` is an installed card's id or the path of one; None: a task of each kind that is at hand and has all that the
    metric needs. A card's settings of the metric hold, else its defaults. Where nothing comes out of `compute`, the
    clauses that compare scores are not reached. Raises `UsageError` where no task has what it needs, or its settings
    have no defaults, `PluginError` for what is no metric, and what is wrong with the card or its data.

    >>> [finding.name for finding in check_metric("psnr") if not finding.passed]
    []
    """
    chosen = pick_device(device)
    with _kept(chosen):
        return metrics.look(metrics.parts_for(name, task, chosen))


@argument_names(_in_words)
def check_network(name: str, *, device: str = "cpu", task: str | None = None) -> list[Finding]:
    """Check a feature network, by the name that a card gives it or `path/to/file.py:NAME`; every finding.

    It reads the miniature's images, or with `task` 16 training images of that card. Raises `PluginError` for what is no
    network, `WeightsError` where its weights are missing, and what is wrong with the card or its data.

    >>> [finding.name for finding in check_network("radiomics") if not finding.passed]
    []
    """
    chosen = pick_device(device)
    with _kept(chosen):
        return readers.of_network(name, _images(task), chosen)


@argument_names(_in_words)
def check_estimator(name: str, *, device: str = "cpu", task: str | None = None) -> list[Finding]:
    """Check an estimator, by its name or `path/to/file.py:NAME`, on images as in `check_network`; every finding."""
    chosen = pick_device(device)
    with _kept(chosen):
        return readers.of_estimator(ESTIMATORS.load(name), _images(task), chosen)


@contextmanager
def _kept(device: torch.device) -> Iterator[None]:
    """The caller's process as it was afterwards; inside, kernels that give the same bytes again."""
    with on_device(device), deterministic(device), states_kept(device), settings_kept():
        yield


def _images(task: str | None) -> npt.NDArray[np.float32]:
    """Training images `(16, 3, H, W)`: the miniature's, or a card's."""
    tried_on = miniature("text-to-image") if task is None else part_of(_own_data(task, None))
    return np.stack([example.image.numpy() for example in tried_on.train])


def _own_data(name: str, kind: str | None) -> TaskData:
    task = card.load(name)
    if kind not in (None, task.kind):
        raise UsageError(f"{name}: expected a card of the kind {kind}, got {task.kind}; name one of the two alone")
    return task_data(task, seed=0)


def _count(broken: Sequence[Finding]) -> str:
    return "1 clause" if len(broken) == 1 else f"{len(broken)} clauses"


def _listing(broken: Sequence[Finding]) -> str:
    return "\n".join(f"- {finding.name}: {finding.detail}" for finding in broken)
