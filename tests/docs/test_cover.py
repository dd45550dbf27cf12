"""What the pages list is all that there is: metrics and keys of a card. The cards that they print are cards."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from ldbench.api import Metric, MetricAxis
from ldbench.task import card
from ldbench.task.card import Task
from tests.docs.page_parts import BUILT_IN, editing_card, section
from tests.layers import ORDER
from tests.markdown_blocks import ROOT, TOML, blocks

SPELLED = {int: "integer", float: "number", str: "text", bool: "true or false"}
CARD_FILE_KEYS = {"extends", "omit", "protocol.template_set"}  # read before the dataclasses are built


@pytest.mark.parametrize("metric", BUILT_IN, ids=lambda each: each.name)
def test_every_metric_has_its_section(metric: Metric) -> None:
    text = section((ROOT / "docs/metrics.md").read_text(encoding="utf-8"), f"`{metric.name}`")
    low, high = metric.bounds
    span = {"inf": f"{low:g} or more" if low > -math.inf else "any number"}.get(f"{high:g}", f"{low:g} to {high:g}")
    for expected in (f"{metric.title}.", f"{metric.direction} is better", span, metric.compares, metric.interval):
        assert expected in text, f"{metric.name}: no {expected!r}"
    assert "*Misleads*" in text
    assert all(f"`{name}`" in text for name in metric.networks)


def test_the_table_of_questions_is_that_of_the_metrics() -> None:
    text = section((ROOT / "docs/metrics.md").read_text(encoding="utf-8"), "Which one to read")
    rows = re.findall(r"\| (\w+): [^|]*\|([^|]*)\|", text)
    assert [axis for axis, _ in rows] == list(get_args(MetricAxis))
    asked = {axis: sorted(metric.name for metric in BUILT_IN if metric.axis == axis) for axis, _ in rows}
    assert {axis: sorted(re.findall(r"`(\w+)`", names)) for axis, names in rows} == asked


def test_the_table_of_ways_by_group_is_that_of_the_metrics() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (mean|units|all|equal|excess|none) \|([^|]*)\|", text, flags=re.MULTILINE)
    found = {way: sorted(re.findall(r"`(\w+)`", names)) for way, names in rows}
    ways = {metric.name: _way(metric) for metric in BUILT_IN}
    assert found == {way: sorted(name for name in ways if ways[name] == way) for way in sorted(set(ways.values()))}


def _way(metric: Metric) -> str:
    """How a metric is measured within a group: as it says, else as a mean over cases, else not at all."""
    over_cases = metric.interval.startswith(("mean over cases", "over cases (Wilson)"))
    return metric.groups or ("mean" if over_cases else "none")


def test_metrics_has_no_section_that_is_no_metric() -> None:
    heads = re.findall(r"^## `(\w+)`", (ROOT / "docs/metrics.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(heads) == [metric.name for metric in BUILT_IN]


def spelled(hint: Any) -> str:
    """A type as the page writes it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin is Union or origin is type(int | None):
        return ", ".join(spelled(each) for each in arguments if each is not type(None))
    if origin is tuple:
        return f"list of {spelled(arguments[0])}"
    if origin is not None:
        return "table"
    return SPELLED[hint]


def _settings_keys(metric: Metric) -> Iterator[tuple[str, str, str]]:
    """The keys of a metric's table, or the table where it has none."""
    key = f"metrics.{metric.name}"
    if dataclasses.fields(metric.settings):
        yield from card_keys(metric.settings, f"{key}.")
    else:
        yield key, "empty table", "absent"


def card_keys(cls: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every key of a card, dotted, with its type and its default; a table without keys as itself."""
    hints = get_type_hints(cls)
    for item in dataclasses.fields(cls):
        key = f"{prefix}{item.name}"
        if key == "metrics":
            for metric in BUILT_IN:
                yield from _settings_keys(metric)
            continue
        tables = [each for each in (hints[item.name], *get_args(hints[item.name])) if dataclasses.is_dataclass(each)]
        if tables and dataclasses.fields(tables[0]):
            yield from card_keys(tables[0], f"{key}.")
        elif tables:
            yield key, "empty table", "absent"
        else:
            yield key, spelled(hints[item.name]), _default(item)


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is not dataclasses.MISSING:
        value = item.default
    elif item.default_factory is not dataclasses.MISSING:
        value = item.default_factory()
    else:
        return "required"
    if value is None or value in ({}, ()):
        return "absent"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


def described_keys() -> Mapping[str, tuple[str, str]]:
    """Every key of docs/cards.md's tables with its type and default; a row may describe several keys."""
    found: dict[str, tuple[str, str]] = {}
    for line in (ROOT / "docs/cards.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 4:
            for key in re.findall(r"`([^`]+)`", cells[0]):
                assert key not in found, f"{key} stands twice"
                found[key] = (cells[1], cells[2])
    return found


def test_every_key_of_a_card_is_described_and_none_that_is_not() -> None:
    keys = {key: (kind, default) for key, kind, default in card_keys(Task)}
    described = {key: what for key, what in described_keys().items() if key not in CARD_FILE_KEYS}
    assert described == keys
    assert set(described_keys()) >= CARD_FILE_KEYS


@pytest.mark.parametrize("name", ["docs/adding-a-task.md", "docs/cards.md"])
def test_cards_in_pages_are_cards(name: str, tmp_path: Path) -> None:
    found = [block.text for block in blocks(ROOT / name) if block.language in TOML and "id = " in block.text]
    ids = [tomllib.loads(text)["id"] for text in found]
    assert ids
    for each, text in zip(ids, found, strict=True):  # one may extend another by its path
        (tmp_path / f"{each}.toml").write_text(text, encoding="utf-8")
    assert [card.load(str(tmp_path / f"{each}.toml")).id for each in ids] == ids


def test_the_pages_small_card_of_labels_asks_for_what_a_laptop_runs() -> None:
    [text] = [block.text for block in blocks(ROOT / "docs/adding-a-task.md") if "mimic-findings-64" in block.text]
    task = card.parse(text, "mimic-findings-64.toml")
    assert set(task.metrics) >= {"judge_labels_auc", "labels_auc"}
    assert {getattr(each, "extractor", None) for each in task.metrics.values()} == {"efficientnet-lite0", None}
    assert (task.protocol.resolution, task.protocol.backbone) == (64, "tiny-sd")


def test_an_editing_card_made_as_the_page_says_is_one() -> None:
    assert list(card.parse(editing_card(), "shapes-edit.toml").metrics)[-1] == "composition"


def test_the_architecture_names_every_package_in_the_order_of_imports() -> None:
    rows = section((ROOT / "docs/architecture.md").read_text(encoding="utf-8"), "The suite")
    named = re.findall(r"\| `(\w+)` \|", rows)
    assert named == [package for package in ORDER if not package.startswith("_")]
    tops = {path.stem for path in (ROOT / "ldbench").iterdir() if any(path.rglob("*.py")) or path.suffix == ".py"}
    assert {name for name in tops if not name.startswith("_")} == set(named)


def test_the_tree_in_contributing_is_the_tree() -> None:
    [tree] = [block.text for block in blocks(ROOT / "CONTRIBUTING.md") if block.language == "text"]
    folders = re.findall(r"^(  )?(\w+)/ ", tree, flags=re.MULTILINE)
    paths = [f"ldbench/{name}" if inner else name for inner, name in folders]
    assert [path for path in paths if not (ROOT / path).is_dir()] == []
    packages = {path.name for path in (ROOT / "ldbench").iterdir() if (path / "__init__.py").is_file()}
    assert packages == {name for inner, name in folders if inner}
