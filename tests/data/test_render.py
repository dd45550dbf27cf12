"""Fresh data: the same seed the same bytes, cards that run by their path, and nothing mixed or overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ldbench.api import Simulator
from ldbench.data.render import drawn_seed, read_rendered, render
from ldbench.data.task_data import task_data
from ldbench.errors import CardError, DataError, UsageError
from ldbench.records.lock import locked
from ldbench.task import card
from tests.stand_ins.toy_simulator import card as toy_card
from tests.stand_ins.toy_simulator import draw

DISCS = f"{Path(__file__).parents[1] / 'stand_ins' / 'toy_simulator.py'}:DISCS"
WITHOUT = DISCS.replace(":DISCS", ":WITHOUT")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_equal_seeds_give_equal_folders_and_others_do_not(tmp_path: Path) -> None:
    asked = [str(toy_card(tmp_path))]
    one, two = (render(DISCS, 7, tmp_path / name, cards=asked) for name in ("one", "two"))
    assert one == two
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert render(DISCS, 8, tmp_path / "other", cards=asked).digest != one.digest


def test_a_card_of_new_subjects_runs_by_its_path_and_says_whose_they_are(tmp_path: Path) -> None:
    base = toy_card(tmp_path)
    rendered = render(DISCS, 7, tmp_path / "fresh", cards=[str(base)])
    task = card.load(str(rendered.card(tmp_path / "fresh", base.stem)))
    assert task.id == f"{base.stem}-fresh-{rendered.digest[:8]}"
    assert (task.version, task.metrics) == (3, card.load(str(base)).metrics)
    data, frozen = task_data(task, 0), task_data(card.load(str(base)), 0)
    assert {case.id for case in data.cases}.isdisjoint(case.id for case in frozen.cases)
    assert {one.id for one in data.train.records}.isdisjoint(one.id for one in frozen.train.records)
    assert data.split_hash() != frozen.split_hash()


def test_test_only_leaves_training_as_it_is_and_renders_the_same_test_set(tmp_path: Path) -> None:
    base = toy_card(tmp_path)
    whole = render(DISCS, 7, tmp_path / "whole", cards=[str(base)])
    part = render(DISCS, 7, tmp_path / "part", splits=("test",), cards=[str(base)])
    paths = [whole.card(tmp_path / "whole", base.stem), part.card(tmp_path / "part", base.stem)]
    tasks = [card.load(str(path)) for path in paths]
    (all_new, tested), frozen = [task_data(task, 0) for task in tasks], task_data(card.load(str(base)), 0)
    assert [case.id for case in tested.cases] == [case.id for case in all_new.cases]
    assert [one.id for one in tested.train.records] == [one.id for one in frozen.train.records]
    assert {record.split for record in tested.dataset.records} == {"train", "validation", "test"}
    assert len(tested.dataset.records) == len(draw(7).records)
    assert not tested.blind


def test_what_was_rendered_is_found_again_and_may_get_further_cards(tmp_path: Path) -> None:
    edits, texts = toy_card(tmp_path), toy_card(tmp_path, text_to_image=True)
    first = render(DISCS, 7, tmp_path / "out", cards=[str(edits)])
    made = (tmp_path / "out" / "data" / "images.npy").stat().st_mtime_ns
    second = render(DISCS, 7, tmp_path / "out", cards=[str(texts)])
    assert (tmp_path / "out" / "data" / "images.npy").stat().st_mtime_ns == made
    assert second.cards.keys() == {edits.stem, texts.stem}
    assert (first.digest, read_rendered(tmp_path / "out")) == (second.digest, second)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    asked = [str(toy_card(tmp_path))]
    render(DISCS, 7, tmp_path / "out", cards=asked)
    with pytest.raises(UsageError, match="got other rendered data"):
        render(DISCS, 8, tmp_path / "out", cards=asked)
    (tmp_path / "out" / "data" / "records.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected the files that rendered\.json names"):
        render(DISCS, 7, tmp_path / "out", cards=asked)
    with pytest.raises(UsageError, match="expected a new or empty folder"):
        render(DISCS, 7, tmp_path, cards=asked)


def test_a_simulator_that_fails_leaves_no_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected revision 1, got '9'"):
        render(DISCS, 7, tmp_path / "out", cards=[], revision="9")
    assert files(tmp_path / "out") == {}


KILLED = """
import os, sys
from pathlib import Path
from ldbench.data import render
def kill(*arguments):
    os._exit(9)
setattr(render, sys.argv[1], kill) if sys.argv[1] != "replace" else setattr(Path, "replace", kill)
render.render(sys.argv[2], 7, Path(sys.argv[3]), cards=[sys.argv[4]])
"""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["replace", "checksums_of", "write_text_atomic", "write_json"])
def test_a_killed_call_is_begun_anew_by_the_next_one(at: str, tmp_path: Path) -> None:
    """Killed before the data are renamed into place, before their cards, and before the record of both."""
    base = str(toy_card(tmp_path))
    killed = [sys.executable, "-c", KILLED, at, DISCS, str(tmp_path / "out"), base]
    assert subprocess.run(killed, check=False, timeout=300).returncode == 9
    assert files(tmp_path / "out").keys() - {".rendering"}
    render(DISCS, 7, tmp_path / "out", cards=[base])
    render(DISCS, 7, tmp_path / "whole", cards=[base])
    left, whole = files(tmp_path / "out"), files(tmp_path / "whole")
    assert {name: content for name, content in left.items() if not name.startswith(".rendered.json")} == whole


def test_what_an_earlier_version_was_killed_at_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "out" / ".data-0011aabb").mkdir(parents=True)
    render(DISCS, 7, tmp_path / "out", cards=[str(toy_card(tmp_path))])
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []


def test_somebodys_own_folder_called_data_is_never_cleared(tmp_path: Path) -> None:
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "data" / "scan.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match="expected a new or empty folder"):
        render(DISCS, 7, tmp_path / "out", cards=[str(toy_card(tmp_path))])
    assert files(tmp_path / "out") == {"data/scan.png": b"mine"}


def test_a_folder_in_which_another_call_renders_is_left_to_it(tmp_path: Path) -> None:
    with locked(tmp_path / "out" / ".rendering", wait=False):
        (tmp_path / "out" / ".data-0011aabb").mkdir()
        with pytest.raises(UsageError, match="another call renders there"):
            render(DISCS, 7, tmp_path / "out", cards=[str(toy_card(tmp_path))])
        assert (tmp_path / "out" / ".data-0011aabb").is_dir()


@pytest.mark.parametrize(
    ("dataset", "seed", "changed", "message"),
    [
        (WITHOUT, 7, {}, "expected a data set with a simulator"),
        (DISCS, -1, {}, "--seed: expected 0 to"),
        (DISCS, 2**256, {}, "--seed: expected 0 to"),
        (DISCS, 7, {"splits": ("test",), "revision": "2"}, "expected cards of one revision, got 1; render all splits"),
        (DISCS, 7, {"cards": []}, "expected cards of one revision, got none; give --revision"),
        (DISCS, 7, {"cards": ["sandbox-brain-aging"]}, "sandbox-brain-aging: expected a card on .*, got a card"),
        ("sandbox-brain", 7, {"revision": "0", "cards": []}, "sandbox-brain: expected revision 1 or 2, got '0'"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_a_line(
    tmp_path: Path, dataset: str, seed: int, changed: dict[str, object], message: str
) -> None:
    options = {"cards": [str(toy_card(tmp_path))], **changed}
    with pytest.raises(UsageError, match=message) as caught:
        render(dataset, seed, tmp_path / "out", **options)
    assert "\n" not in str(caught.value)


def test_a_card_of_rendered_data_is_no_base(tmp_path: Path) -> None:
    base = toy_card(tmp_path)
    path = render(DISCS, 7, tmp_path / "out", cards=[str(base)]).card(tmp_path / "out", base.stem)
    with pytest.raises(UsageError, match="got one on rendered data"):
        render(DISCS, 8, tmp_path / "again", cards=[str(path)])


def test_drawn_seeds_differ() -> None:
    assert len({drawn_seed() for _ in range(20)}) == 20
    assert all(0 <= drawn_seed() < 2**63 for _ in range(20))


@pytest.mark.parametrize("name", ["sandbox-brain", "sandbox-chest"])
def test_the_sandbox_has_simulators(name: str) -> None:
    from ldbench.plugins.kinds import DATASETS

    assert isinstance(DATASETS.load(name).simulator, Simulator)


@pytest.mark.parametrize("folder", ["../up", "/etc", "a/../b", "c:\\\\data", "a\\\\b"])
def test_a_card_reads_rendered_data_below_its_own_folder_alone(tmp_path: Path, folder: str) -> None:
    text = toy_card(tmp_path).read_text(encoding="utf-8")
    fresh = f'[data.fresh]\nfolder = "{folder}"\nsplits = ["test"]\n[data.fresh.checksums]\na = "0"\n'
    with pytest.raises(CardError, match=r"data.fresh.folder: expected a path below the card's folder"):
        card.parse(text.replace("[protocol]", f"{fresh}[protocol]"), "mine.toml")


def test_where_rendered_data_lie_is_no_part_of_the_hash_and_what_they_are_is(tmp_path: Path) -> None:
    text = toy_card(tmp_path).read_text(encoding="utf-8")

    def hashed(folder: str, digest: str) -> str:
        fresh = f'[data.fresh]\nfolder = "{folder}"\nsplits = ["test"]\n[data.fresh.checksums]\na = "{digest}"\n'
        return card.parse(text.replace("[protocol]", f"{fresh}[protocol]"), "mine.toml").hash

    assert hashed("here", "0") == hashed("there", "0") != hashed("here", "1")
    assert card.parse(text, "mine.toml").hash != hashed("here", "0")
