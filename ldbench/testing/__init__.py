"""The conformance kit: whether a generator keeps the contract that results are compared under.

`check_generator` fits a generator on a miniature task and holds it against every clause of the contract: images of the
right shape and range, the same bytes for the same request, noise from the request's seed alone, inputs left as they
were, answers unread. `assert_generator` is the same as one line of a test. Built-in generators and outsiders pass the
same clauses, here and as `ldbench check MODEL`. The kit does not say whether the images are any good.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ldbench.api import Generator
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import UsageError
from ldbench.records.argument_names import Words, argument_names
from ldbench.run.environment import on_device, pick_device
from ldbench.run.process_settings import settings_kept
from ldbench.run.surroundings import states_kept
from ldbench.score.arithmetic import deterministic
from ldbench.task import card
from ldbench.testing import behaviour, declared
from ldbench.testing.card_part import part_of
from ldbench.testing.contract import CLAUSES, PARAMETERS, PROTOCOL
from ldbench.testing.finding import Clause, Finding
from ldbench.testing.miniature import miniature
from ldbench.testing.trial import Trial

__all__ = ["CLAUSES", "Clause", "Finding", "assert_generator", "check_generator"]


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
        with (
            tempfile.TemporaryDirectory(prefix="ldbench-check-") as root, on_device(chosen), deterministic(chosen),
            states_kept(chosen), settings_kept(),
        ):
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
    broken = [one for one in findings if not one.passed]
    if broken:
        name = candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__
        raise AssertionError(f"{name} breaks {_count(broken)} of the contract:\n{_listing(broken)}")


def _own_data(name: str, kind: str | None) -> TaskData:
    task = card.load(name)
    if kind not in (None, task.kind):
        raise UsageError(f"{name}: expected a card of the kind {kind}, got {task.kind}; name one of the two alone")
    return task_data(task, seed=0)


def _count(broken: Sequence[Finding]) -> str:
    return "1 clause" if len(broken) == 1 else f"{len(broken)} clauses"


def _listing(broken: Sequence[Finding]) -> str:
    return "\n".join(f"- {finding.name}: {finding.detail}" for finding in broken)
