"""Training sets and cases of discs that grow: with pairs as in aging, and with captions alone as in disease."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ldbench.api import Case, Example, Request
from tests.baselines.discs import SIDE, Discs

GROWTH = 4


@dataclass(frozen=True)
class DiscPairs:
    """`count` discs, each with the same one grown."""

    count: int = 16
    side: int = SIDE

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        discs = Discs(self.count + GROWTH, self.side)
        before, after = discs[index], discs[index + GROWTH]
        return Example(
            before.id, after.image, f"grow size {index % 8}", after.attributes, before.image, before.attributes,
            before.prompt, after.prompt, f"grow size {index % 8}",
        )


@dataclass(frozen=True)
class LoneDiscs:
    """The same task without pairs: single discs with their captions before and after; every fourth asks for no edit."""

    count: int = 16

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        pair, alone = DiscPairs(self.count)[index], Discs(self.count)[index]
        if index % 4 == 3:
            return alone
        return replace(
            alone, source_prompt=pair.source_prompt, target_prompt=pair.target_prompt, instruction=pair.instruction
        )


def edit_requests(count: int, side: int = SIDE) -> list[Request]:
    """Requests to grow discs, each with its own seed."""
    pairs = [DiscPairs(count, side)[index] for index in range(count)]
    return [
        Request(
            Case(
                pair.id, pair.prompt, pair.attributes, pair.source, pair.source_attributes, pair.source_prompt,
                pair.target_prompt,
            ),
            1000 + index,
        )
        for index, pair in enumerate(pairs)
    ]
