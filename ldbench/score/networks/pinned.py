"""Weights that a card pins by their digest: the network of the task's own scans and the judges.

Weights of two machines differ in their last digits, so a card that pins a digest is never scored under others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ldbench.errors import MetricError
from ldbench.score.networks.kept_state import state_digest, state_file, state_of_digest
from ldbench.task.metric_specs import table_of

if TYPE_CHECKING:
    from ldbench.score.networks.kept_state import State

RECIPE = "recipe"  # where a file of weights says what they came of


class Recipe(Protocol):
    """A card's table that describes a training and may pin its digest; `training` is the same table without the
    digest."""

    @property
    def sha256(self) -> str | None: ...

    @property
    def training(self) -> Recipe: ...


def recipe_text(recipe: Recipe, classes: Sequence[str] = ()) -> str:
    """A recipe without the digest of what came of it, and the classes that were learnt, as JSON."""
    table = table_of(recipe.training)
    return json.dumps({**table, "classes": list(classes)} if classes else table, sort_keys=True)


def pinned_weights(
    table: str, recipe: Recipe, folder: Path | None = None, shipped: Sequence[Path] = (), classes: Sequence[str] = (),
    key: str = "sha256",
) -> State:
    """The weights of the digest under a `key` of a card's `table`, from a file in `folder` or one `shipped`.

    Raises `MetricError` where no file has them, and where their file says that another recipe made them, or one of
    other `classes`.
    """
    digest: str = getattr(recipe, key)
    files = (*(() if folder is None else sorted(folder.glob("*.safetensors"))), *shipped)
    found = state_of_digest(files, digest)
    if found is None:
        searched = ", ".join(str(place) for place in (folder, *shipped) if place is not None) or "no folder"
        raise MetricError(
            f"{table}.{key}: expected weights {digest[:12]}..., got no file in {searched} that has them; "
            f"copy the file of the card's author there, or drop {key} from the card (where it extends another one, by "
            f"omit = [\"{table}.{key}\"]) and compare with scores of your own weights alone"
        )
    state, said = found
    if (made := said.get(RECIPE, own := recipe_text(recipe, classes))) != own:
        raise MetricError(
            f"{table}: expected the recipe that the weights of {key} came of, {made}, got {own}; change it back, "
            f"or drop {key} from the card (by omit = [\"{table}.{key}\"] where it extends another)"
        )
    return state


def halved(state: State) -> State:
    """Weights whose matrices and kernels are rounded to float16, for half of the bytes; vectors stay as they are."""
    return {name: value.half() if value.ndim > 1 else value for name, value in state.items()}


def write_shipped(path: Path, state: State, recipe: str) -> str:
    """Write weights to ship: a file that says their digest and the text of their recipe. Returns the digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(state_file(state, **{RECIPE: recipe}))
    return state_digest(state)
