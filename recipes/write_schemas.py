"""JSON Schemas of task cards, results and leaderboards, for editors, validators and other languages.

Generated from the dataclasses that read the files, never written by hand; `python -m recipes.write_schemas` renews the
committed copies. The readers check more than a schema can say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ldbench.board import leaderboard
from ldbench.plugins.kinds import METRICS
from ldbench.records import result
from ldbench.task.card import Task
from ldbench.task.card_file import OWN
from ldbench.task.prompt_sets import set_names

FOLDER = Path(__file__).parents[1] / "ldbench" / "records" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What `ldbench.task.card` checks beyond types, by definition and property.
_CARD_RULES: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("DataSpec", "classes", {"minItems": 2}),
    ("Protocol", "resolution", {"multipleOf": 8, "minimum": 8}),
    ("Protocol", "templates", {"minItems": 1, "uniqueItems": True}),
    ("Protocol", "seeds", {"minItems": 1}),
    ("Protocol", "evaluation_cases", {"minimum": 2}),
)


def texts() -> dict[str, str]:
    """File name to content of every schema."""
    schemas = {"task": task_schema(), "result": result_schema(), "leaderboard": leaderboard_schema()}
    return {f"{name}.schema.json": json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def write(folder: Path) -> None:
    """Write every schema into `folder`, which exists."""
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


def task_schema() -> dict[str, Any]:
    """The JSON Schema of a task card as it is written, TOML read as JSON: a whole one, or one that extends another."""
    whole = TypeAdapter(Task).json_schema()
    tables = whole.pop("$defs")
    whole["properties"]["version"]["minimum"] = 1
    whole["properties"]["metrics"], settings = _metrics()
    tables |= settings
    for definition, name, rule in _CARD_RULES:
        tables[definition]["properties"][name].update(rule)
    protocol = tables["Protocol"]
    protocol["properties"]["template_set"] = {"enum": set_names(), "type": "string"}
    protocol["required"].remove("templates")
    extension, parts = _extension(whole, tables)
    protocol["oneOf"] = [{"required": ["templates"]}, {"required": ["template_set"]}]
    choice = {"if": {"required": ["extends"]}, "then": _reference("Extension"), "else": _reference("Task")}
    definitions = {"Extension": extension, **parts, "Task": whole, **tables}
    return _closed({"type": "object", "$defs": definitions, **choice}, "ldbench task card")


def _metrics() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of `[metrics]`, and those of the settings in it; a plug-in's table may hold anything."""
    records = [METRICS.load(entry.name) for entry in METRICS.entries() if entry.distribution == "ldbench"]
    tables: dict[str, Any] = {}
    for record in records:
        tables[record.settings.__name__] = TypeAdapter(record.settings).json_schema()
    properties = {record.name: _reference(record.settings.__name__) for record in records}
    return (
        {"type": "object", "minProperties": 1, "properties": properties, "additionalProperties": {"type": "object"}},
        tables,
    )


def _extension(whole: dict[str, Any], tables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a card that extends another, and those of its tables, of which no key is required."""
    text = json.dumps([whole, tables])
    extension, parts = json.loads(text.replace('"#/$defs/', '"#/$defs/Part'))
    for part in parts.values():
        part.pop("required", None)
    extension["properties"] |= {
        "extends": {"type": "string"}, "omit": {"items": {"type": "string"}, "type": "array"},
    }
    return {**extension, "required": ["extends", *OWN]}, {f"Part{name}": part for name, part in parts.items()}


def _reference(definition: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{definition}"}


def result_schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    return _versioned(_closed(TypeAdapter(result.Result).json_schema(), "ldbench result"), result.SCHEMA_VERSION)


def leaderboard_schema() -> dict[str, Any]:
    """The JSON Schema of a leaderboard file."""
    schema = TypeAdapter(leaderboard.Leaderboard).json_schema()
    return _versioned(_closed(schema, "ldbench leaderboard"), leaderboard.SCHEMA_VERSION)


def _closed(schema: dict[str, Any], title: str) -> dict[str, Any]:
    """The schema with unknown fields refused in every table that names its fields."""
    for table in [schema, *schema.get("$defs", {}).values()]:
        if "properties" in table:
            table["additionalProperties"] = False
    return {"$schema": DIALECT, **schema, "title": title}


def _versioned(schema: dict[str, Any], version: int) -> dict[str, Any]:
    """The schema with its version demanded, although the dataclass has a default for it."""
    schema["properties"]["schema_version"] = {"const": version, "type": "integer"}
    schema["required"] = sorted({*schema["required"], "schema_version"})
    return schema


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
