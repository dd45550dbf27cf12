"""What a run says of itself, as names and values: parameters, machine, hashes, stages.

All of the record is shown but the scores, which stand in the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ldbench.records.result import Result, Stage
from ldbench.report.digits import duration


@dataclass(frozen=True)
class Fact:
    """A name and a value as text; `code` for what is read by machines."""

    name: str
    value: str
    code: bool = False


def parameters(result: Result) -> list[Fact]:
    """The model's parameters by name, values as JSON."""
    named = sorted(result.model.parameters.items())
    return [Fact(name, json.dumps(value, ensure_ascii=False), code=True) for name, value in named]


def facts(result: Result) -> list[Fact]:
    """Seed, machine, versions and hashes."""
    model, machine = result.model, result.environment
    known = [
        ("seed", "unknown" if result.seed is None else str(result.seed), False),
        ("distribution", " ".join(filter(None, (model.distribution, model.version))) or "none", False),
        ("created", result.created, False),
        ("card", f"version {result.task.version}, {result.task.card_hash}", True),
        ("split", result.split_hash, True),
        ("images", result.images_hash, True),
        ("note", result.note, False),
    ]
    if machine is not None:
        state = {True: " with uncommitted changes", False: "", None: ", state unknown"}[machine.dirty]
        known += [
            ("device", machine.machine, False),
            ("of the device", "; ".join(machine.notes), False),
            ("platform", f"Python {machine.python}, {machine.platform}", False),
            ("commit", f"{machine.commit}{state}" if machine.commit else "unknown", True),
            ("packages", ", ".join(f"{name} {version}" for name, version in sorted(machine.packages.items())), False),
        ]
    return [Fact(name, value, code) for name, value, code in known if value]


def stages(result: Result) -> list[tuple[str, str, str]]:
    """Name, duration and peak memory of each stage; a duration that is not of all the stage's work is at least that."""
    return [
        (stage.name, f"{'at least ' if stage.whole is False else ''}{duration(stage.seconds)}", _memory(stage))
        for stage in result.stages
    ]


def _memory(stage: Stage) -> str:
    return "" if stage.peak_memory_mib is None else f"{stage.peak_memory_mib:,.0f} MiB"
