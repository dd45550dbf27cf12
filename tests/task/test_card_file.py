"""A card that extends another: what it says wins, what it omits is gone, and it can't hide behind its base."""

from __future__ import annotations

import tomllib

import pytest

from ldbench.errors import CardError
from ldbench.task import card
from ldbench.task.card_file import complete
from tests.conftest import CARDS

BASE = tomllib.loads((CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8"))
HEAD = 'extends = "sandbox-brain-t2i"\nid = "mine"\nversion = 7\ntitle = "t"\nsummary = "s"\n'


def test_what_a_card_does_not_say_is_its_bases() -> None:
    assert complete(HEAD, "mine.toml") == {**BASE, "id": "mine", "version": 7, "title": "t", "summary": "s"}


def test_tables_are_merged_by_key_and_lists_replaced() -> None:
    own = "[protocol]\nseeds = [9]\n[protocol.words.sex]\nmale = 'man'\n[metrics.fid]\nresize = 64\n"
    table = complete(HEAD + own, "mine.toml")
    assert table["protocol"]["seeds"] == [9]
    assert table["protocol"]["words"] == {**BASE["protocol"]["words"], "sex": {"male": "man"}}
    assert table["metrics"]["fid"] == {**BASE["metrics"]["fid"], "resize": 64}
    assert table["metrics"]["kid"] == BASE["metrics"]["kid"]


def test_what_is_omitted_is_gone_and_may_be_said_anew() -> None:
    omit = 'omit = ["metrics.auc", "metrics.fid", "estimators"]\n'
    table = complete(omit + HEAD + "[metrics.fid]\nresize = 64\n", "mine.toml")
    assert "estimators" not in table
    assert "auc" not in table["metrics"]
    assert table["metrics"]["fid"] == {"resize": 64}


def test_a_base_can_be_extended_with_listed_templates() -> None:
    text = 'omit = ["protocol.template_set"]\n' + HEAD + '[protocol]\ntemplates = ["the {age} brain"]\n'
    assert card.parse(text, "mine.toml").protocol.templates == ("the {age} brain",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("t2i", "t3i"), "extends: unknown task 'sandbox-brain-t3i': did you mean sandbox-brain-t2i"),
        (
            HEAD.replace("t2i", "t2i-plain"),
            "extends: expected a card that extends no other, got 'sandbox-brain-t2i-plain', which extends "
            "'sandbox-brain-t2i'; extend that one, and copy the keys and the omit of ",
        ),
        *(
            (HEAD.replace('"mine"', name), "id: expected the name of a folder, as results are kept in one")
            for name in ('""', '"."', '"../../x"', '"/x"', '"a\\nb"', f'"{"x" * 256}"')
        ),
        ("extends = 3\n", "extends: expected the id of an installed card, got 3"),
        ("extends = [{}]\n", "extends: expected the id of an installed card, got [{}]"),
        (HEAD.replace("version = 7\n", ""), "version: expected the card's own, got nothing"),
        (HEAD.replace('summary = "s"\n', ""), "summary: expected the card's own, got nothing"),
        ('omit = ["metrics.auk"]\n' + HEAD, "omit: expected keys of sandbox-brain-t2i, such as metrics.fid, got"),
        ('omit = ["title.x.y"]\n' + HEAD, "omit: expected keys of sandbox-brain-t2i"),
        ("omit = [3]\n" + HEAD, "omit: expected keys of sandbox-brain-t2i"),
        ('omit = "metrics.auc"\n' + HEAD, "omit: expected a list of dotted keys, got 'metrics.auc'"),
        ('omit = ["metrics.auc"]\nid = "mine"\n', "omit: expected only in a card that extends another"),
        ("extend = 3\n", "extend: unknown key"),
        (HEAD + "[protocol]\npromt_style = 'simple'\n", "protocol.promt_style: unknown key; did you mean 'prompt"),
        (HEAD + "[protocol]\ncases = 'many'\n", "protocol.cases: expected an integer, got 'many'"),
        (HEAD + "[protocol]\ncases = 100\n", "protocol.evaluation_cases: expected a multiple of the classes, from"),
        (HEAD.replace("[", "") + "protocol = 3\n", "protocol: expected a table, got 3"),
        ('omit = ["version"]\n' + HEAD.replace("version = 7\n", ""), "version: expected the card's own"),
        ('omit = ["data"]\n' + HEAD, "data: expected a table, got nothing"),
    ],
)
def test_a_wrong_extension_is_one_line_with_file_and_key(text: str, message: str) -> None:
    with pytest.raises(CardError) as caught:
        card.parse(text, "mine.toml")
    assert str(caught.value).startswith(f"mine.toml:{message}")
    assert "\n" not in str(caught.value)


def test_the_hash_is_that_of_the_card_written_out() -> None:
    whole = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")
    spelled = whole.replace('id = "sandbox-brain-t2i"', 'id = "mine"').replace("cases = 600", "cases = 400")
    own = f'title = "{BASE["title"]}"\nsummary = "{BASE["summary"]}"\nversion = {BASE["version"]}\nid = "mine"\n'
    extending = f'extends = "sandbox-brain-t2i"\n{own}[protocol]\ncases = 400\n'
    assert card.parse(extending, "a.toml").hash == card.parse(spelled, "b.toml").hash
