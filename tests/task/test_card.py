"""Cards: what ships is valid, what is wrong is named as file:key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ldbench.errors import CardError, UnknownNameError
from ldbench.task import card
from ldbench.task.card import Viewing
from tests.conftest import CARDS

HISTORIC = Path(__file__).parent.parent / "historic"
TEXT = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", card.task_names())
def test_installed_cards_load(name: str) -> None:
    task = card.load(name)
    assert task.id == name
    assert task.protocol.cases % len(task.data.classes) == 0
    assert set(task.data.checksums) == ({"images.npz", "manifest.csv"} if name.startswith("sandbox-") else set())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cases = 600", "cases = '600'", "protocol.cases: expected an integer, got '600'"),
        ("cases = 600", "cases = 601", "protocol.cases: expected a multiple of the classes, got 601"),
        ("evaluation_cases = 200", "evaluation_cases = 700", "protocol.evaluation_cases: expected a multiple"),
        ("resize = 224", "resiz = 224", "metrics.viewed_fid.resiz: unknown key; did you mean 'resize'?"),
        ("resize = 224", "resize = -5", "metrics.viewed_fid.resize: expected 1 or more, got -5"),
        ("resize = 224", "resize = 0", "metrics.viewed_fid.resize: expected 1 or more, got 0"),
        ("[metrics.fid]", "[metrics.fld]\nresize = 0\n[metrics.fid]", "metrics.fld.resize: expected 1 or more, got 0"),
        *(
            (f"[metrics.{name}]\nextractor = \"efficientnet-lite0\"\nresize = 224",
             f"[metrics.{name}]\nextractor = \"efficientnet-lite0\"\nresize = -1",
             f"metrics.{name}.resize: expected 1 or more, got -1")
            for name in ("precision", "mmd", "copied_share", "ct", "vendi")
        ),
        ("version = 5\n", "", "version: expected an integer, got nothing"),
        ("version = 5\n", "version = true\n", "version: expected an integer, got True"),
        ('kind = "text-to-image"', 'kind = "text"', "kind: expected one of 'text-to-image', 'aging'"),
        ('classes = ["CN", "AD"]', 'classes = ["CN", 3]', "data.classes[1]: expected a string, got 3"),
        ("learning_rate = 0.001", "learning_rate = nan", "judge.learning_rate: expected a finite number"),
        ("spread_seeds = 3", "spread_seeds = nan", "metrics.auc.spread_seeds: expected an integer, got nan"),
        ("resolution = 64", "resolution = 63", "protocol.resolution: expected a multiple of 8, got 63"),
        ("resolution = 64", "resolution = 0", "protocol.resolution: expected a multiple of 8, got 0"),
        ("resolution = 64", "resolution = -8", "protocol.resolution: expected a multiple of 8, got -8"),
        ('classes = ["CN", "AD"]', "classes = []", "data.classes: expected at least two classes, got []"),
        ('classes = ["CN", "AD"]', 'classes = ["AD", "AD"]', "data.classes: expected classes that differ"),
        ("seeds = [0, 1, 2, 3, 4]", "seeds = []", "protocol.seeds: expected seeds of 0 or more, got ()"),
        ("seeds = [0, 1, 2, 3, 4]", "seeds = [-1]", "protocol.seeds: expected seeds of 0 or more, got (-1,)"),
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


def test_two_metrics_of_a_card_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "covm.py").write_text(
        'from ldbench.api import Metric\nX = Metric("coverage", "C", "C.", "higher", lambda *_: [0.0], "images")\n'
    )
    own = '[metrics."covm.py:X"]\n\n'
    for text, asked, earlier in (
        (TEXT.replace("[metrics.fid]", f"{own}[metrics.fid]"), "coverage", "covm.py:X"),
        (TEXT.replace("[metrics.recall]", f"{own}[metrics.recall]"), "covm.py:X", "coverage"),
    ):
        with pytest.raises(CardError) as caught:
            card.parse(text, "mine.toml")
        assert str(caught.value) == (
            f"mine.toml:metrics.{asked}: expected another name than that of {earlier}, got 'coverage' too; "
            "rename covm.py:X"
        )


EDITING = (CARDS / "sandbox-brain-disease.toml").read_text(encoding="utf-8")
AGING = (CARDS / "sandbox-brain-aging.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (EDITING, "[edit] #", "[edits] #", "edits: unknown key; did you mean 'edit'?"),
        (EDITING, 'role = "other"\n', "", "metrics: expected none that needs true images without edit.role, got cou"),
        (AGING, 'role = "later"\n', "", "edit.role: expected the role of the later scans, as ages have no classes"),
        (EDITING, 'neutral = "CN"', 'neutral = "MCI"', "edit.neutral: expected one of data.classes, got MCI"),
        (EDITING, 'neutral = "CN"\n', "", "edit.neutral: expected one of data.classes, got None"),
        (EDITING, 'attribute = "diagnosis"\nrole', 'attribute = "sex"\nrole', "edit.attribute: expected age or data."),
        (EDITING, "region_threshold = 0.05", "region_threshold = 0", "edit.region_threshold: expected a number betw"),
        (EDITING, "region_margin = 1", "region_margin = -1", "edit.region_margin: expected 0 or more, got -1"),
        (EDITING, "[judge]", "[judged]", "judged: unknown key; did you mean 'judge'?"),
        (EDITING, '"An axial brain MRI, diagnosis', '"An axial brain MRI, {age}, diagnosis', "edit.sentences[4]: exp"),
        (EDITING, "cases = 40", "cases = 1", "metrics.composition.cases: expected 2 or more, got 1"),
        (EDITING, "[protocol]", '[protocol]\nage_style = "word"', "protocol.age_style: expected a style if and only"),
        (AGING, 'age_style = "numerical"', 'age_style = "roman"', "protocol.age_style: expected one of 'numerical'"),
        (AGING, 'age_style = "numerical"\n', "", "protocol.age_style: expected a style if and only if edit.attribute"),
        (AGING, "[metrics.age_error]", "[metrics.flip_rate]\n[metrics.age_error]", "judge: expected a table, as metr"),
        (TEXT, "[metrics.fid]", '[edit]\nattribute="age"\ninstructions=["x {source_age}"]\n[metrics.fid]',
         "edit: expected nothing, as text-to-image has no source"),
    ],
)
def test_a_wrong_editing_card_is_one_line_with_file_and_key(text: str, old: str, new: str, message: str) -> None:
    assert old in text
    with pytest.raises(CardError) as caught:
        card.parse(text.replace(old, new, 1), "cards/mine.toml")
    assert str(caught.value).startswith(f"cards/mine.toml:{message}")
    assert "\n" not in str(caught.value)


def test_an_editing_card_without_an_edit_is_refused() -> None:
    table = AGING[: AGING.index("[edit]")] + AGING[AGING.index("[metrics.fid]") :]
    with pytest.raises(CardError, match=r"^mine\.toml:edit: expected a table, as aging changes a source, got nothing"):
        card.parse(table, "mine.toml")


def test_fields_that_cards_gained_later_leave_the_hashes_of_older_cards_alone() -> None:
    # a card from before cards knew of editing
    older = card.load(str(HISTORIC / "card-sandbox-brain-t2i-v2.toml"))
    assert older.hash.startswith("15bae05dcfe15a163f477c7bd10d4131")
    task = card.load("sandbox-brain-aging")
    assert task.edit is not None
    wider = dataclasses.replace(task.edit, region_margin=2)
    assert dataclasses.replace(task, edit=wider).hash != task.hash
    aligned = dataclasses.replace(task, data=dataclasses.replace(task.data, alignment="mni152"))
    assert aligned.hash != task.hash
    fewer = {name: settings for name, settings in task.metrics.items() if name != "minimality"}
    assert dataclasses.replace(task, metrics=fewer).hash != task.hash
    judged = card.load("sandbox-brain-disease")
    assert judged.judge is not None
    assert dataclasses.replace(judged, judge=dataclasses.replace(judged.judge, blur=1.0)).hash != judged.hash
    assert dataclasses.replace(older, viewing=Viewing(1.0, 0.02, "the gauntlet")).hash != older.hash


def test_viewing_conditions_are_checked() -> None:
    without = (HISTORIC / "card-sandbox-brain-t2i-v2.toml").read_text(encoding="utf-8")
    with_table = without + '\n[viewing]\nblur = 1.0\nnoise = 0.02\nreason = "the gauntlet"\n'
    assert card.parse(without, "x.toml").viewing is None
    assert card.parse(with_table, "x.toml").viewing == Viewing(1.0, 0.02, "the gauntlet")
    for old, new, message in (
        ("blur = 1.0", "blur = -1.0", r"x\.toml:viewing\.blur: expected a number of pixels, 0 or more, got -1\.0"),
        ("blur = 1.0", "blur = 8.5", r"x\.toml:viewing\.blur: expected at most an eighth of the side, got 8\.5"),
        ("noise = 0.02", "noise = 1.0", r"x\.toml:viewing\.noise: expected a grey level, 0 or more and below 1, got "),
        ('"the gauntlet"', '" "', r"x\.toml:viewing\.reason: expected why these values, got nothing"),
    ):
        with pytest.raises(CardError, match=message):
            card.parse(with_table.replace(old, new), "x.toml")


def test_the_variants_of_the_editing_cards_differ_in_what_is_said_alone() -> None:
    for base, variants in (
        ("sandbox-brain-aging", ("word", "binned")), ("sandbox-brain-disease", ("plain", "diverse", "diverse-plain")),
    ):
        main = card.load(base)
        for name in variants:
            task = card.load(f"{base}-{name}")
            assert (task.data, task.metrics, task.judge) == (main.data, main.metrics, main.judge)
            assert task.protocol != main.protocol
            assert task.protocol.cases == main.protocol.cases


def test_the_hash_follows_content_and_not_layout() -> None:
    task = card.parse(TEXT, "x.toml")
    assert card.parse("# a comment\n\n" + TEXT, "y.toml").hash == task.hash
    assert card.parse(TEXT.replace("resize = 224", "resize = 128", 1), "x.toml").hash != task.hash
    assert dataclasses.replace(task, version=task.version + 1).hash != task.hash


def test_the_hash_leaves_out_the_words_of_a_card_about_itself_and_no_other_key() -> None:
    words = {"title", "summary", "citation", "data.source", "data.licence", "viewing.reason"}
    task = card.load("sandbox-brain-disease")
    parts = {"": task, "data.": task.data, "protocol.": task.protocol, "viewing.": task.viewing, "edit.": task.edit}
    seen = set()
    for place, part in parts.items():
        for key, value in list(vars(part).items()):  # `hash` is kept among them
            if not isinstance(value, str):
                continue
            other = dataclasses.replace(part, **{key: f"{value}, corrected"})
            changed = other if part is task else dataclasses.replace(task, **{place[:-1]: other})
            assert (changed.hash == task.hash) == (place + key in words), place + key
            seen.add(place + key)
    assert words < seen


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
        assert task.data == main.data
        assert all(task.metrics[name] == main.metrics[name] for name in ("fid", "kid"))
        assert task.protocol.evaluation_cases == main.protocol.evaluation_cases
        # a class that the prompt does not name can't be learnt from the images
        assert task.metrics.get("auc") == (main.metrics["auc"] if known else None)


def test_an_unknown_task_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean sandbox-brain-t2i"):
        card.load("sandbox-brain-t2")


def test_a_card_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"nowhere\.toml: No such file"):
        card.load(str(tmp_path / "nowhere.toml"))


def test_a_card_may_be_saved_as_windows_does(tmp_path: Path) -> None:
    text = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.toml"
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        assert card.load(str(path)) == card.load("sandbox-brain-t2i")
        assert card.load(str(path)).hash == card.load("sandbox-brain-t2i").hash


def test_a_card_of_no_known_encoding_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('title = "Universität"\n'.encode("latin-1"))
    with pytest.raises(CardError, match=r"latin\.toml: expected TOML in UTF-8, got .*; save it as UTF-8$") as caught:
        card.load(str(path))
    assert "\n" not in str(caught.value)
