"""Whether one fitted generator gives the same images again, and what cannot be judged where it does not.

Each call is held against one before it, so that a fault of `generate` is not taken for one of `fit`: whatever compares
two fits, or two orders of requests, says nothing where two equal calls of one fit differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import torch

from ldbench.api import Request
from ldbench.errors import LdbenchError
from ldbench.plugins.blame import ANYTHING, raised
from ldbench.testing import contract
from ldbench.testing.finding import Clause, ClauseError, NotJudgedError
from ldbench.testing.surroundings import seed_all
from ldbench.testing.trial import Fitted, Trial


@dataclass
class Repeats:
    """What further calls of a fitted generator gave beside its first `images` `(N, 3, H, W) uint8`.

    `stops` has what was raised on the way to a clause: that is a fault of running, which the clause says nothing about.
    """

    trial: Trial
    fitted: Fitted
    images: torch.Tensor
    requests: Sequence[Request]
    stops: dict[Clause, ClauseError] = field(default_factory=dict)
    _broken: dict[Clause, ClauseError] = field(default_factory=dict)

    def look(self) -> None:
        """Call again with other global states and, where images differ, find out whether these are the cause."""
        with suppress(NotJudgedError):
            self.run(contract.SAME, "a second call", self._call_again)

    def same(self) -> str:
        """The look at equal calls of one fit."""
        self._check(contract.SAME)
        return "equal"

    def unused(self) -> str:
        """The look at calls of one fit under other global states."""
        self._comparable(contract.SAME)
        self._check(contract.GLOBAL_UNUSED)
        return "equal"

    def comparable(self) -> None:
        """`NotJudgedError` where nothing can be held against the first images."""
        self._comparable(contract.SAME, contract.GLOBAL_UNUSED)

    def run(self, clause: Clause, when: str, look: Callable[[], str]) -> str:
        """The look at a clause; whatever it raises is kept in `stops`, and the clause is not judged."""
        try:
            return look()
        except (ClauseError, NotJudgedError):
            raise
        except ANYTHING as error:  # a plugin's own code may raise it
            ours = isinstance(error, LdbenchError)
            said = str(error) if ours else f"fit raised {raised(error, type(self.trial.template).__module__)}"
            # of images that don't fit, the error says what to do
            self.stops[clause] = ClauseError(f"{when}: {said}", "" if ours and error.__cause__ is None else None)
            raise NotJudgedError(f"see {contract.RUNS.name}") from error

    def _call_again(self) -> str:
        second, third = self._again(1), self._again(2)
        if torch.equal(second, third):
            self._compare(contract.SAME, self.images, second)
        elif torch.equal(third, fourth := self._again(2)):  # so it is the global state alone
            self._compare(contract.GLOBAL_UNUSED, second, third)
        else:
            self._compare(contract.SAME, third, fourth)
        return ""

    def _again(self, globals_seed: int) -> torch.Tensor:
        seed_all(globals_seed, self.trial.device)
        return self.fitted.grey(self.requests)

    def _compare(self, clause: Clause, expected: torch.Tensor, got: torch.Tensor) -> None:
        try:
            equal(expected, got)
        except ClauseError as differing:
            self._broken[clause] = differing

    def _check(self, clause: Clause) -> None:
        if clause in self.stops:
            raise NotJudgedError(f"generate raises when it is called again (see {contract.RUNS.name})")
        if clause in self._broken:
            raise self._broken[clause]

    def _comparable(self, *clauses: Clause) -> None:
        for clause in clauses:
            try:
                self._check(clause)
            except ClauseError as differing:
                raise NotJudgedError(f"generate itself isn't repeatable (see {clause.name})") from differing


def equal(expected: torch.Tensor, got: torch.Tensor) -> str:
    """The look at two batches of levels, which are to be equal."""
    difference = int((expected.int() - got.int()).abs().max())
    if difference:
        share = float((expected != got).float().mean())
        raise ClauseError(f"{share:.1%} different, by up to {difference} grey levels")
    return "equal"
