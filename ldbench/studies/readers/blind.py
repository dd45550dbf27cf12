"""From drafts to blinded trials: sides, order, repeats and ids, all from the seed and a secret salt.

Ids come from a keyed hash, not from the generator that shuffles: what stands on the page must not lead back to that
generator's state. Whoever knows the salt can undo the blinding, so it stands in the key alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ldbench.studies.readers.draw import Draft
from ldbench.studies.readers.key import StudyTrial
from ldbench.studies.readers.questions import IS_GENERATED, IS_REAL, LEFT, PREFERENCE, RIGHT, Question


def study_id(seed: int, salt: str) -> str:
    """The id of the study, by which its answers are recognised."""
    return _hashed(seed, salt, "study", 0)


def blinded(
    drafts: Sequence[Draft], questions: Sequence[Question], repeats: int, seed: int, salt: str
) -> tuple[StudyTrial, ...]:
    """The trials in the order of the page: a block a question, shuffled, `repeats` of each block shown twice.

    What is repeated comes from the first half of a block and comes back in the second, sides swapped.
    """
    digest = hashlib.sha256(f"{seed}\0{salt}\0order".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest, "big"))
    trials: list[StudyTrial] = []
    for question in questions:
        block = [draft for draft in drafts if draft.question == question.name]
        sided = [_trial(draft, swap) for draft, swap in zip(block, _swaps(block, random), strict=True)]
        order = random.permutation(len(sided))
        named = [replace(sided[n], id=_hashed(seed, salt, question.name, int(n))) for n in order]
        trials += _with_repeats(named, repeats, seed, salt, random)
    return tuple(trials)


def _swaps(block: Sequence[Draft], random: np.random.Generator) -> list[bool]:
    """Which drafts have their first picture on the right: half of them, and half of each arm, to within one."""
    order = sorted(range(len(block)), key=lambda place: (_arm(block[place]), random.random()))
    start, swaps = int(random.integers(2)), [False] * len(block)
    for turn, place in enumerate(order):
        swaps[place] = bool((turn + start) % 2)
    return swaps


def _arm(draft: Draft) -> tuple[int, ...]:
    """What a trial judges: the pair of runs, or one run, or -1 for nothing but real scans."""
    runs = [-1 if picture.run is None else picture.run for picture in draft.pictures]
    return tuple(runs) if draft.question == PREFERENCE else (max(runs),)


def _trial(draft: Draft, swap: bool) -> StudyTrial:
    first = draft.pictures[0]
    if len(draft.pictures) == 1:
        right = IS_REAL if first.kind == "scan" else IS_GENERATED
        return StudyTrial("", draft.question, draft.asked, draft.pictures, right, catch=draft.catch)
    pictures = draft.pictures[::-1] if swap else draft.pictures
    side = None if draft.question == PREFERENCE else RIGHT if swap else LEFT
    return StudyTrial("", draft.question, draft.asked, pictures, side, draft.source)


def _with_repeats(
    trials: list[StudyTrial], repeats: int, seed: int, salt: str, random: np.random.Generator
) -> list[StudyTrial]:
    half = len(trials) // 2
    early, late = trials[:half], trials[half:]
    candidates = [trial for trial in early if not trial.catch]
    picked = random.permutation(len(candidates))[:repeats]
    for turn, place in enumerate(picked):
        again = _again(candidates[place], _hashed(seed, salt, f"{candidates[place].question} again", turn))
        late.insert(int(random.integers(1, len(late) + 1)), again)
    return early + late


def _again(trial: StudyTrial, name: str) -> StudyTrial:
    swapped = {LEFT: RIGHT, RIGHT: LEFT}
    return replace(
        trial, id=name, pictures=trial.pictures[::-1], repeat_of=trial.id,
        right=None if trial.right is None else swapped.get(trial.right, trial.right),
    )


def _hashed(seed: int, salt: str, purpose: str, number: int) -> str:
    return hashlib.sha256(f"{salt}\0{seed}\0{purpose}\0{number}".encode()).hexdigest()[:16]
