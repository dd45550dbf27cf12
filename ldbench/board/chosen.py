"""Rows chosen by their models' names: a leaderboard of these alone, which says so.

What is not chosen is in no comparison, so ranks and p-values are others than on the board of all rows. Who chooses rows
by their scores finds more than there is; a choice decides nothing but which results are folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import UsageError, unknown_name
from ldbench.records.identity import Found


@dataclass(frozen=True)
class RowChoice:
    """The rows of the models `only`, of all where none is named, but those `without`. Names are whole ones."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def takes(self, model: str) -> bool:
        """Whether the rows of a model are wanted."""
        return (not self.only or model in self.only) and model not in self.without

    def check(self, known: Iterable[str]) -> None:
        """`UnknownNameError` for a name that is no model's; `UsageError` where no model is left."""
        models = set(known)
        for option, names in (("--only", self.only), ("--without", self.without)):
            for name in names:
                if name not in models:
                    raise unknown_name(f"model in {option}", name, models, "name one that the results have")
        if models and not any(map(self.takes, models)):
            none = f"got none of {len(models)} models"
            raise UsageError(f"--only, --without: expected rows that stay, {none}; name others")


ALL_ROWS = RowChoice()


@dataclass(frozen=True)
class ChosenRows(Leaderboard):
    """A leaderboard of chosen rows; `not_chosen` are the other models that the results have. Files don't hold them."""

    not_chosen: tuple[str, ...] = ()


def of_chosen(board: Leaderboard, of_task: Sequence[Found], choice: RowChoice) -> Leaderboard:
    """The board, with the models of its task's results that were not chosen; itself where all were."""
    others = sorted({one.model.name for _, one in of_task if not choice.takes(one.model.name)})
    own = {each.name: getattr(board, each.name) for each in fields(Leaderboard)}
    return ChosenRows(**own, not_chosen=tuple(others)) if others else board


def choice_notes(board: Leaderboard) -> list[str]:
    """What is said of a board of chosen rows."""
    if not isinstance(board, ChosenRows):
        return []
    return [
        "These rows were chosen, and they alone are compared: ranks and p-values count no other row. Not chosen: "
        f"{', '.join(board.not_chosen)}."
    ]
