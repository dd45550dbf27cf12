"""The sets that ship: 21 wordings each, true of any patient, the plain ones saying nothing of the patient."""

from __future__ import annotations

import re

import pytest

from ldbench.errors import CardError, UnknownNameError
from ldbench.task import card, prompt_sets
from ldbench.task.prompt_sets import FIELDS, complaint, fields_of, load_set, set_names
from tests.conftest import CARDS

ATTRIBUTES = {
    "brain-mri": {"age", "sex", "diagnosis"}, "chest-x-ray": {"age", "sex", "finding"},
    "chest-x-ray-findings": {"age", "sex", "findings"},
}
TASKS = {
    "brain-mri": "sandbox-brain-t2i", "chest-x-ray": "sandbox-chest-t2i", "chest-x-ray-findings": "chest-findings-t2i",
}
TEXT = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")
SET = 'template_set = "brain-mri"\n'


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def test_the_sets_are_these() -> None:
    assert set_names() == sorted(ATTRIBUTES)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_has_21_of_either_kind_that_differ_in_more_than_an_article(name: str) -> None:
    for kind in (load_set(name).with_patient_information, load_set(name).without_patient_information):
        assert len(kind) == 21
        bare = {" ".join(re.findall(r"[a-z0-9{}]+", re.sub(r"\b(an?|the)\b", "", text.lower()))) for text in kind}
        assert len(bare) == 21


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_with_patient_information_names_all_of_it_once(name: str) -> None:
    for template in load_set(name).with_patient_information:
        assert sorted(fields_of(template)) == sorted(ATTRIBUTES[name])


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_only_the_papers_own_wording_puts_an_article_before_an_age(name: str) -> None:
    first, *others = load_set(name).with_patient_information
    assert " of a {age} year old {sex} with {" in first
    assert not [text for text in others if re.search(r"\b(a|an) \{(age|diagnosis|findings?)\}", text)]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_without_patient_information_says_nothing_of_the_patient(name: str) -> None:
    told = {"old", "age", "aged", "year", "years", "patient", "person", "subject", "participant", "sex", "healthy",
            "normal", "disease", "dementia", "diagnosis", "finding", "man", "woman", "female", "male", "MCI",
            *card.load(TASKS[name]).data.classes}
    plain = load_set(name).without_patient_information
    assert not [text for text in plain if fields_of(text)]
    assert not [text for text in plain if re.search(r"\b\d", text)]
    leaks = [(text, secret) for text in plain for secret in told if words(secret) and words(secret) <= words(text)]
    assert leaks == []


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_the_nth_of_either_kind_say_the_same_of_the_image(name: str) -> None:
    chosen = load_set(name)
    small = {"a", "an", "the", "of", "in", "on", "by", "view"}
    for with_, without in zip(chosen.with_patient_information, chosen.without_patient_information, strict=True):
        assert words(without) - small <= words(with_)


FIRST = [("brain-mri", "a brain MRI"), ("chest-x-ray", "a chest X-ray"), ("chest-x-ray-findings", "a chest X-ray")]


@pytest.mark.parametrize(("name", "first"), FIRST)
def test_a_card_takes_what_its_style_and_patient_information_ask_for(name: str, first: str) -> None:
    chosen = load_set(name)
    for style in ("simple", "diverse"):
        for known in (True, False):
            protocol = {"template_set": name, "prompt_style": style, "patient_information": known}
            expected = chosen.with_patient_information if known else chosen.without_patient_information
            got = prompt_sets.put_in({"protocol": protocol}, "x.toml")["protocol"]
            assert "template_set" not in got
            assert got["templates"] == list(expected if style == "diverse" else expected[:1])
    assert chosen.without_patient_information[0] == first


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (SET.replace("brain", "brian"), "template_set: unknown template set 'brian-mri': did you mean brain-mri"),
        ("template_set = 3\n", "template_set: expected a string, got 3"),
        (SET + 'templates = ["a {age} brain"]\n', "template_set: expected either it or templates, got both"),
        ("", "templates: expected a list of a string, got nothing"),
        ("templates = []\n", "templates: expected at least one template, got none"),
        ('templates = ["a {age brain"]\n', "templates[0]: expected text with fields such as {age}, got"),
        ('templates = ["a {} brain"]\n', "templates[0]: expected text with fields such as {age}, got"),
        ('templates = ["a {age.real} brain"]\n', "templates[0]: expected text with fields"),
        ('templates = ["a {age:>9} brain"]\n', "templates[0]: expected text with fields"),
        (
            'templates = ["a {Pleural Effusion} film"]\n',
            f"templates[0]: expected {FIELDS}, got 'a {{Pleural Effusion}} film': {{Pleural Effusion}} "
            "is not an attribute's name of letters, digits and _ alone; call the column otherwise in the table, as "
            "pleural_effusion, and prepare the data again",
        ),
        ('templates = ["a {age!r:x}"]\n', f"templates[0]: expected {FIELDS}, got 'a {{age!r:x}}': write {{age}} for"),
        ('templates = ["{age} b", "{age} b"]\n', "templates[1]: expected templates that differ, got '{age} b'"),
        ('templates = ["{age} b", "a brain"]\n', "templates[1]: expected fields such as {age} with patient inf"),
    ],
)
def test_wrong_templates_are_one_line_with_file_and_key(new: str, message: str) -> None:
    assert SET in TEXT
    with pytest.raises(CardError) as caught:
        card.parse(TEXT.replace(SET, new), "cards/mine.toml")
    assert str(caught.value).startswith(f"cards/mine.toml:protocol.{message}")
    assert "\n" not in str(caught.value)


def test_instructions_of_edits_have_such_fields_too() -> None:
    text = (CARDS / "sandbox-chest-disease.toml").read_text(encoding="utf-8")
    instructed = re.sub(r"(?m)^instructions = .*$", 'instructions = ["to {target finding}"]', text)
    with pytest.raises(CardError, match=r"edit.instructions\[0\]: expected .* \{target finding\} is not an attr"):
        card.parse(instructed, "mine.toml")


def test_diverse_prompts_need_two_templates_and_plain_ones_no_fields() -> None:
    assert complaint(["{age}"], "simple", True) is None
    assert complaint(["{age}"], "diverse", True) == ("templates", "at least two templates under the diverse style", "1")
    assert complaint(["{age} x", "{age} y"], "diverse", True) is None
    assert complaint(["a {age} x"], "simple", False) == (
        "templates[0]", "no fields without patient information", "'a {age} x'"
    )


def test_an_unknown_set_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean chest-x-ray"):
        load_set("chest-xray")


def test_a_card_may_still_list_its_templates() -> None:
    task = card.parse(TEXT.replace(SET, 'templates = ["my {age} {sex} brain", "{age} b"]\n'), "mine.toml")
    assert task.protocol.templates == ("my {age} {sex} brain", "{age} b")
