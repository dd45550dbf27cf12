"""A small editing run, and ways to alter it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import CARDS

PIXELS = """[metrics.minimality]
[metrics.composition]
cases = 4
[metrics.reversibility]
cases = 4
[metrics.error_inside]
"""

# the judge of the card's second version: a run that was begun under a card is known by its hash
JUDGE = """[judge]
epochs = 16
batch_size = 32
learning_rate = 0.001
blur = 1.5
noise = 0.05
veil = 0.05
"""


def editing_card(folder: Path) -> Path:
    """The brain's disease card with eight cases and metrics that need no network, as a file."""
    text = (CARDS / "sandbox-brain-disease.toml").read_text(encoding="utf-8")
    text = text[: text.index("[metrics.")].replace('id = "sandbox-brain-disease"', 'id = "small-edits"')
    text = re.sub(r"(?m)^(evaluation_cases|cases) = .*", r"\1 = 8", text)
    text = re.sub(r"(?m)^version = .*", "version = 2", text)
    text = re.sub(r"(?s)\[judge\].*?(?=\n\[|\Z)", JUDGE, text)
    path = folder / "small-edits.toml"
    path.write_text(text + PIXELS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The card and the folder of a finished editing run."""
    folder = tmp_path_factory.mktemp("verify")
    card = editing_card(folder)
    _, path = run(str(card), "other-subject", Settings(folder / "runs", seed=3))
    return card, path.parent


@pytest.fixture
def card(made: tuple[Path, Path]) -> str:
    return str(made[0])


@pytest.fixture
def folder(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the run that a test may spoil."""
    return Path(shutil.copytree(made[1], tmp_path / "seed-3"))


def edited(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "result.json") -> Path:
    """Change a JSON file of the run."""
    record = json.loads((folder / name).read_text(encoding="utf-8"))
    change(record)
    (folder / name).write_text(json.dumps(record), encoding="utf-8")
    return folder


def one_pixel(path: Path) -> None:
    image = Image.open(path).convert("RGB")
    red, green, blue = image.getpixel((20, 20))
    image.putpixel((20, 20), ((red + 1) % 256, green, blue))
    image.save(path)


def first(folder: Path) -> Path:
    return sorted((folder / "images").iterdir())[0]


def resealed(folder: Path) -> None:
    """Manifests that fit whatever images are there."""
    for each in (folder, folder / "null", folder / "back"):
        for row in (record := json.loads((each / "manifest.json").read_text(encoding="utf-8")))["images"]:
            row["sha256"] = hashlib.sha256((each / row["file"]).read_bytes()).hexdigest()
        (each / "manifest.json").write_text(json.dumps(record), encoding="utf-8")


def of(metric: str, **change: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: next(score for score in record["scores"] if score["metric"] == metric).update(change)
