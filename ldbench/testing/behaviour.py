"""How a generator behaves on a miniature task: images that fit, the same ones whenever the requests are the same.

Fits several copies, generates often, and compares what should come out alike. Stops where no images come out that
could be compared.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch

from ldbench.data.images import quantise
from ldbench.plugins.blame import ANYTHING, raised
from ldbench.testing import contract
from ldbench.testing.cost import Cost
from ldbench.testing.finding import Clause, ClauseError, Finding, NotJudgedError, judge
from ldbench.testing.outputs import look_at_images, look_at_optional
from ldbench.testing.repeats import Repeats, equal
from ldbench.testing.surroundings import (
    Moved,
    fingerprint,
    nothing_new,
    opened_below,
    seed_all,
    seen_around,
    settings_undisturbed,
    settings_watched,
    states,
    task_folders,
    unchanged,
    undisturbed,
)
from ldbench.testing.trial import Counting, Trial, cut_off

_OTHER_SEEDS = 4  # of two images that a seed chooses between, all choose the same one for a case in sixteen


def look(trial: Trial, kind: str) -> list[Finding]:
    """The findings on one kind of task: images, conduct, what it offers, what it costs."""
    with opened_below(task_folders()) as opened:
        findings = _run(trial, kind)
    if len(findings) > len(contract.IMAGES):
        findings.insert(-len(contract.MEASURED), judge(contract.ANSWERS, lambda: _unread(trial, opened)))
    return findings


def _run(trial: Trial, kind: str) -> list[Finding]:
    inputs, around, requests = fingerprint(trial), seen_around(trial), trial.requests()
    counting, cost, moved = Counting(), Cost(trial.device), list[Moved]()
    seed_all(1, trial.device)
    before, stage = states(trial.device), "fit"
    try:
        with cost.stage("fit"):
            first = trial.fresh("first", counting)
            with settings_watched("fit", moved):
                first.generator.fit(trial.task.train, first.context)
        stage, reports = "generate", counting.calls
        with cost.stage("generate"), settings_watched("generate", moved):
            returned = first.generator.generate(requests, first.context)
    except ANYTHING as error:  # a plugin's own code may raise it
        return [judge(contract.RUNS, functools.partial(_stopped, stage, error, trial))]
    after = states(trial.device)
    runs = judge(contract.RUNS, lambda: f"{len(requests)} requests answered after {len(trial.task.train)} examples")
    findings = [runs, *look_at_images(returned, requests, first.context.image_shape)]
    if not all(finding.passed for finding in findings):
        return findings
    images = quantise(returned.detach().cpu().clamp(0, 1))
    repeats = Repeats(trial, first, images, requests)
    repeats.look()
    conduct = _conduct(trial, kind, repeats, reports)
    conduct[contract.GLOBAL_UNDISTURBED] = lambda: undisturbed(before, after)
    conduct[contract.SETTINGS] = lambda: settings_undisturbed(moved)
    # last: they look at what all the calls before them did
    conduct[contract.INPUTS] = lambda: unchanged(inputs, fingerprint(trial))
    conduct[contract.FILES] = lambda: nothing_new(around, seen_around(trial), moved)
    findings += [judge(clause, check) for clause, check in conduct.items()]
    if repeats.stops:
        findings[0] = judge(contract.RUNS, functools.partial(_stop, next(iter(repeats.stops.values()))))
    return [*findings, *look_at_optional(trial, first), *cost.findings(len(requests))]


def _conduct(trial: Trial, kind: str, repeats: Repeats, reports: int) -> dict[Clause, Callable[[], str]]:
    def refitted(folder: str, globals_seed: int) -> str:
        repeats.comparable()
        seed_all(globals_seed, trial.device)
        return equal(repeats.images, trial.fitted(folder).grey(repeats.requests))

    def restarted() -> str:
        _not_after_a_stop(repeats)
        return refitted("first", 4)

    def interrupted() -> str:
        repeats.comparable()
        _not_after_a_stop(repeats)
        seed_all(5, trial.device)
        where = cut_off(trial, "interrupted", reports)
        return f"{refitted('interrupted', 6)}, {where}" if where else "fit reports no progress, so it was not cut off"

    checks: dict[Clause, Callable[[], str]] = {
        contract.SAME: repeats.same, contract.GLOBAL_UNUSED: repeats.unused,
        contract.BATCHES: lambda: repeats.run(contract.BATCHES, "one by one", lambda: _batches(repeats)),
        contract.REFITTED: lambda: repeats.run(contract.REFITTED, "a second fit", lambda: refitted("second", 3)),
        contract.RESTARTED: restarted, contract.INTERRUPTED: interrupted,
    }
    if kind == "text-to-image" and not trial.template.reference:
        seeds = contract.SEED_MATTERS
        checks[seeds] = lambda: repeats.run(seeds, "other seeds", lambda: _seed_matters(repeats))
    return checks


def _not_after_a_stop(repeats: Repeats) -> None:
    """Whatever is done to the folder of a fit says nothing where a fit in a new one raises."""
    if contract.REFITTED in repeats.stops:
        raise NotJudgedError(f"see {contract.RUNS.name}")


def _stopped(stage: str, error: BaseException, trial: Trial) -> str:
    seen = f"{stage} raised {raised(error, type(trial.template).__module__)}"
    asked = error.args[0] if isinstance(error, KeyError) and error.args else None
    # of a key, nobody knows which mapping lacks it: both remedies are said
    lacking = isinstance(asked, str) and asked not in trial.task.attributes
    raise ClauseError(seen, f"{contract.RUNS.remedy}; {_attributes_there(trial)}" if lacking else None)


def _attributes_there(trial: Trial) -> str:
    names = ", ".join(trial.task.attributes)
    if trial.task.of_card:
        return f"as attributes, the card's images have {names}"
    return f"as attributes, the miniature has {names}: for those of a card, give --task CARD"


def _stop(stop: ClauseError) -> str:
    raise stop


def _batches(repeats: Repeats) -> str:
    """One by one from last to first: within one grey level, as kernels differ with the batch's shape."""
    repeats.comparable()
    images, requests = repeats.images, repeats.requests
    alone = torch.cat([repeats.fitted.grey([request]) for request in reversed(requests)]).flip(0)
    difference = int((images.int() - alone.int()).abs().max())
    if difference > 1:
        raise ClauseError(f"{difference} between a batch of {len(requests)} and one by one in reverse")
    return f"largest difference {difference} of 255 grey levels"


def _seed_matters(repeats: Repeats) -> str:
    """Broken where half of the images or more stay the same under every other seed.

    One that draws a training image by the seed may draw the same one twice, and must where only one is as asked.
    """
    repeats.comparable()
    images = repeats.images
    same = torch.ones(len(images), dtype=torch.bool)
    for seed in range(1, 1 + _OTHER_SEEDS):
        same &= (images == repeats.fitted.grey(repeats.trial.requests(seed))).flatten(1).all(1)
        left = int(same.sum())
        if 2 * left < len(images):
            return f"{len(images) - left} of {len(images)} images are others"
    raise ClauseError(f"{left} of {len(images)} images the same under {1 + _OTHER_SEEDS} seeds")


def _unread(trial: Trial, opened: Sequence[str]) -> str:
    if opened:
        names = sorted({"/".join(path.split("/")[-2:]) for path in opened})
        raise ClauseError(f"{', '.join(names[:5])} opened")
    given = "is given: it declares sees_truth and is never ranked" if trial.template.sees_truth else "is None"
    return f"nothing opened; context.truth {given}"
