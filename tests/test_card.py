"""Cards: what ships is valid, what is wrong is named as file:key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ldbench import card
from ldbench.errors import CardError, UnknownNameError

from .conftest import CARDS

TEXT = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", card.task_names())
def test_installed_cards_load(name: str) -> None:
    task = card.load(name)
    assert task.id == name
    assert task.protocol.cases % len(task.data.classes) == 0
    assert set(task.data.checksums) == {"images.npz", "manifest.csv"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cases = 600", "cases = '600'", "protocol.cases: expected an integer, got '600'"),
        ("cases = 600", "cases = 601", "protocol.cases: expected a multiple of the classes, got 601"),
        ("evaluation_cases = 200", "evaluation_cases = 700", "protocol.evaluation_cases: expected a multiple"),
        ("resize = 224", "resiz = 224", "metrics.fid.resiz: unknown key; did you mean 'resize'?"),
        ("version = 2\n", "", "version: expected an integer, got nothing"),
        ("version = 2\n", "version = true\n", "version: expected an integer, got True"),
        ('kind = "text-to-image"', 'kind = "text"', "kind: expected one of 'text-to-image', 'aging'"),
        ('classes = ["CN", "AD"]', 'classes = ["CN", 3]', "data.classes[1]: expected a string, got 3"),
        ("learning_rate = 0.001", "learning_rate = nan", "metrics.auc.learning_rate: expected a finite number"),
        ("resolution = 64", "resolution = 63", "protocol.resolution: expected a multiple of 8, got 63"),
        ("resolution = 64", "resolution = 0", "protocol.resolution: expected a multiple of 8, got 0"),
        ("resolution = 64", "resolution = -8", "protocol.resolution: expected a multiple of 8, got -8"),
        ('classes = ["CN", "AD"]', 'classes = ["AD", "AD"]', "data.classes: expected classes that differ"),
        ("seeds = [0, 1, 2]", "seeds = []", "protocol.seeds: expected seeds of 0 or more, got ()"),
        ("seeds = [0, 1, 2]", "seeds = [-1]", "protocol.seeds: expected seeds of 0 or more, got (-1,)"),
        ("[metrics.fid]", "[metrics.ssim]\n\n[metrics.fid]", "metrics: expected no metrics of pairs"),
        ("[protocol]", "[protocol", "expected TOML"),
    ],
)
def test_a_wrong_card_is_one_line_with_file_and_key(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(CardError) as caught:
        card.parse(TEXT.replace(old, new, 1), "cards/mine.toml")
    text = str(caught.value)
    assert text.startswith("cards/mine.toml:")
    assert message in text
    assert "\n" not in text


def test_the_hash_follows_content_and_not_layout() -> None:
    task = card.parse(TEXT, "x.toml")
    assert card.parse("# a comment\n\n" + TEXT, "y.toml").hash == task.hash
    assert card.parse(TEXT.replace("resize = 224", "resize = 128", 1), "x.toml").hash != task.hash
    assert dataclasses.replace(task, version=3).hash != task.hash


def test_the_hash_follows_the_templates_in_use() -> None:
    task = card.load("sandbox-brain-t2i-diverse")
    edited = dataclasses.replace(task.protocol, templates=(*task.protocol.templates[:-1], "another {age}"))
    assert dataclasses.replace(task, protocol=edited).hash != task.hash
    assert card.load("sandbox-brain-t2i").protocol.templates == task.protocol.templates[:1]


def test_the_four_cards_of_the_papers_table_3_differ_in_prompts_alone() -> None:
    main = card.load("sandbox-brain-t2i")
    variants = (("plain", "simple", False), ("diverse", "diverse", True), ("diverse-plain", "diverse", False))
    for name, style, known in variants:
        task = card.load(f"sandbox-brain-t2i-{name}")
        assert (task.protocol.prompt_style, task.protocol.patient_information) == (style, known)
        assert len(task.protocol.templates) == (21 if style == "diverse" else 1)
        assert (task.data, task.metrics.fid, task.metrics.kid) == (main.data, main.metrics.fid, main.metrics.kid)
        assert task.protocol.evaluation_cases == main.protocol.evaluation_cases
        # a class that the prompt does not name can't be learnt from the images
        assert task.metrics.auc == (main.metrics.auc if known else None)


def test_an_unknown_task_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean sandbox-brain-t2i"):
        card.load("sandbox-brain-t2")


def test_a_card_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"nowhere\.toml: No such file"):
        card.load(str(tmp_path / "nowhere.toml"))
