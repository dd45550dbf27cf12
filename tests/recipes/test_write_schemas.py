"""The committed JSON Schemas are those of the code, and say what the readers say."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ldbench.board import leaderboard
from ldbench.board.gather import fold
from ldbench.records import result
from recipes import write_schemas as schemas

COMMITTED = schemas.FOLDER
HISTORIC = Path(__file__).parents[1] / "historic"
texts = functools.cache(schemas.texts)
NAMES = ["leaderboard.schema.json", "result.schema.json", "task.schema.json"]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(texts()[f"{name}.schema.json"]))


def measured() -> dict[str, Any]:
    record: dict[str, Any] = json.loads((HISTORIC / "result-v1-measured.json").read_text(encoding="utf-8"))
    return record


def test_the_committed_schemas_are_those_the_code_gives() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.json")}
    assert sorted(committed) == NAMES
    assert committed == texts(), "renew them with `python -m recipes.write_schemas`"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_valid_schema_that_refuses_unknown_fields(name: str) -> None:
    schema = json.loads(texts()[name])
    Draft202012Validator.check_schema(schema)
    tables = [schema, *schema["$defs"].values()]
    assert all(table["additionalProperties"] is False for table in tables if "properties" in table)


@pytest.mark.slow
def test_the_module_writes_the_files_it_names(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "recipes.write_schemas", str(tmp_path)], check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == texts()


@pytest.mark.parametrize("path", sorted(HISTORIC.glob("result-v1-*.json")), ids=lambda path: path.stem)
def test_results_and_their_leaderboard_validate(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    validator("result").validate(record)
    (folded,) = fold([(path.name, result.read(path))]).values()
    validator("leaderboard").validate(json.loads(leaderboard.dumps(folded)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.update(colour="red"),
        lambda record: record.update(schema_version=2),
        lambda record: record.pop("schema_version"),
        lambda record: record.pop("task"),
        lambda record: record["scores"][0].update(value="58.77"),
        lambda record: record["scores"][0].update(p=0.05),
        lambda record: record["model"].pop("name"),
        lambda record: record.update(origin="guessed"),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(edit: Callable[[dict[str, Any]], object]) -> None:
    record = measured()
    edit(record)
    assert not validator("result").is_valid(record)


CARDS = sorted((Path(__file__).parents[2] / "tasks").glob("*.toml"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_card_validates(path: Path) -> None:
    validator("task").validate(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "edit",
    [
        lambda card: card.update(colour="red"),
        lambda card: card["protocol"].update(colour="red"),
        lambda card: card.update(version=0),
        lambda card: card.update(kind="segmentation"),
        lambda card: card["data"].update(classes=["AD"]),
        lambda card: card["protocol"].update(resolution="64"),
        lambda card: card["protocol"].update(resolution=65),
        lambda card: card.pop("metrics"),
        lambda card: card.update(metrics={}),
    ],
)
def test_a_wrong_card_does_not_validate(edit: Callable[[dict[str, Any]], object]) -> None:
    card = tomllib.loads(next(path for path in CARDS if path.stem == "sandbox-brain-t2i").read_text(encoding="utf-8"))
    assert validator("task").is_valid(card)
    edit(card)
    assert not validator("task").is_valid(card)
