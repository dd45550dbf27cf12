"""A card that extends another: what it says wins, what it omits is gone, and it can't hide behind its base."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ldbench.errors import CardError
from ldbench.task import card
from ldbench.task.card_file import complete
from ldbench.task.derived import derived
from tests.conftest import CARDS

BASE = tomllib.loads((CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8"))
EITHER = "expected the id of an installed card, or the path of a card's file"
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
        ("extends = 3\n", f"extends: {EITHER}, got 3"),
        ("extends = [{}]\n", f"extends: {EITHER}, got [{{}}]"),
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


def extending(name: str, own: str = "", base: str = "base.toml") -> str:
    return f'extends = "{base}"\nid = "{name}"\nversion = 1\ntitle = "t"\nsummary = "s"\n{own}'


def test_a_card_in_a_file_is_extended_by_its_path_from_the_card_that_says_it(tmp_path: Path) -> None:
    """As a trial with few cases, also of a card that extends an installed one."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "base.toml").write_text(HEAD + "[protocol]\nseeds = [3]\n", encoding="utf-8")
    few = "[protocol]\ncases = 8\nevaluation_cases = 8\n"
    (tmp_path / "few.toml").write_text(extending("few", few, "own/base.toml"), encoding="utf-8")
    (tmp_path / "own" / "fewer.toml").write_text(extending("few", few, "../few.toml"), encoding="utf-8")
    written_out = HEAD.replace('"mine"\nversion = 7', '"few"\nversion = 1') + few + "seeds = [3]\n"
    for file in ("few.toml", "own/fewer.toml"):
        assert card.load(str(tmp_path / file)).hash == card.parse(written_out, "few.toml").hash
    again = card.parse(derived(str(tmp_path / "few.toml"), {"title": "u"}), "elsewhere.toml")
    assert again.hash == card.load(str(tmp_path / "few.toml")).hash


def test_a_wrong_file_to_extend_is_one_line(tmp_path: Path) -> None:
    here, base, other = (tmp_path / f"{name}.toml" for name in ("here", "base", "other"))
    here.write_text(extending("here"), encoding="utf-8")
    for text, message in (
        (None, f"{here}:extends: can't read {base}: No such file or directory; expected a task card"),
        ("id = ", f"{base}: expected TOML"),
        (extending("base", base="here.toml"), f"{base}:extends: expected another card, got 'here.toml', which extends"),
        (extending("base"), f"{base}:extends: expected another card, got 'base.toml', which extends this one or is it"),
        (extending("base", base="other.toml"), f"{other}:extends: expected another card, got './base.toml', which"),
        (extending("base").replace("version = 1\n", ""), f"{base}:extends: expected another card"),
        ('omit = ["protocol"]\n', f"{base}:omit: expected only in a card that extends another"),
    ):
        if text is not None:
            base.write_text(text, encoding="utf-8")
        other.write_text(extending("other", base="./base.toml"), encoding="utf-8")
        with pytest.raises(CardError) as caught:
            card.load(str(here))
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)


def test_rendered_data_of_a_card_that_is_extended_lie_below_that_card(tmp_path: Path) -> None:
    (tmp_path / "rendered").mkdir()
    fresh = '[data.fresh]\nfolder = "data"\nsplits = ["test"]\nchecksums = {a = "b"}\n'
    (tmp_path / "rendered" / "base.toml").write_text(HEAD + fresh, encoding="utf-8")
    (tmp_path / "few.toml").write_text(extending("few", base="rendered/base.toml"), encoding="utf-8")
    found = card.load(str(tmp_path / "few.toml")).data.fresh
    assert found is not None
    assert Path(found.folder) == tmp_path / "rendered" / "data"
    (tmp_path / "rendered" / "few.toml").write_text(extending("few", base="../few.toml"), encoding="utf-8")
    with pytest.raises(CardError, match=r"data.fresh.folder: expected a path below the card's folder"):
        card.load(str(tmp_path / "rendered" / "few.toml"))
