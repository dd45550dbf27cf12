"""The folder of a run: its names, who may write there, and what is refused as no finished run of this card and data."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.errors import ResultError
from ldbench.records.files import whole_file
from ldbench.records.result import SCORED, ModelRef, Result, TaskRef, write
from ldbench.records.run_folder import NULL, PASSES, RunFolder, check_card, check_split

CARD = TaskRef("small", 2, "aging", "c" * 64)
MODEL = ModelRef("mean-image", "ldbench", "0.1.0")
RESULT = Result(CARD, MODEL, "measured", [], seed=0, split_hash="5" * 64)


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    folder = RunFolder.of(tmp_path, CARD.id, MODEL, 0)
    folder.images.mkdir(parents=True)
    write(RESULT, folder.result)
    return folder


def test_the_names_on_disk_are_those_of_every_run_so_far() -> None:
    folder = RunFolder.of(Path("runs"), "small", MODEL, 3)
    assert folder.path == Path("runs/small/mean-image-230820f2/seed-3")
    names = {
        name: getattr(folder, name).relative_to(folder.path).as_posix()
        for name in (
            "result", "units", "subgroups", "state", "manifest", "images", "samples", "edits", "log", "progress",
            "lock", "error", "beginning",
        )
    }
    assert names == {
        "result": "result.json", "units": "units.json", "subgroups": "subgroups.json", "state": "run.json",
        "manifest": "manifest.json", "images": "images", "samples": "samples.png", "edits": "edits.png",
        "log": "run.log", "progress": ".progress", "error": "error.txt",
        "lock": ".lock", "beginning": ".begun",
    }
    assert folder.image("a-1") == folder.path / "images/a-1.png"
    assert [folder.fit().name, folder.fit(0).name, folder.fit(1).name] == ["fit", "fit-0", "fit-1"]
    assert folder.of_pass("") == folder
    assert folder.of_pass(NULL).image("a.null") == folder.path / "null/images/a.null.png"
    below = {name: path.relative_to(folder.path).as_posix() for name, path in folder.image_folders.items()}
    assert below == {"": "images", "null": "null/images", "back": "back/images"}
    assert tuple(below) == PASSES


def test_a_folder_is_found_by_its_result_too() -> None:
    assert RunFolder.holding(Path("a/seed-0/result.json")) == RunFolder.holding(Path("a/seed-0"))
    assert RunFolder.holding(Path("a/seed-0")).path == Path("a/seed-0")


def test_models_that_differ_in_a_parameter_do_not_share_a_folder(tmp_path: Path) -> None:
    models = [MODEL, replace(MODEL, parameters={"steps": 1}), replace(MODEL, parameters={"steps": 2})]
    models += [replace(MODEL, name=name) for name in ("mean image", "mean/image", "-mean-image-")]
    assert len({RunFolder.of(tmp_path, "small", model, 0).path for model in models}) == len(models)


def test_a_name_that_no_folder_can_have_is_cut_and_others_stay_whole(tmp_path: Path) -> None:
    folders = [RunFolder.of(tmp_path, "small", ModelRef("a" * 300 + end, None, None), 0) for end in ("", "b")]
    for folder in folders:
        folder.path.mkdir(parents=True)
    assert folders[0] != folders[1]
    assert RunFolder.of(tmp_path, "small", ModelRef("a" * 246, None, None), 0).path.parent.name.startswith("a" * 246)


def test_scored_images_lie_in_a_place_of_their_own() -> None:
    folder = RunFolder.of(Path("runs"), "small", ModelRef("mine", None, SCORED), 3)
    assert folder.path.parent.parent == Path("runs/scored/small")
    assert folder.path.name == "seed-3"


task_ids = st.lists(st.sampled_from(["small", "scored", "mine"]), min_size=1, max_size=3).map("/".join)
references = st.builds(
    ModelRef, st.sampled_from(["mine", "small", "scored", "seed-0"]), st.none(), st.sampled_from([None, "0.1", SCORED])
)


@given(st.lists(st.tuples(task_ids, references, st.integers(0, 1)), min_size=2, max_size=8))
def test_no_scored_set_and_no_run_share_a_folder(sets: list[tuple[str, ModelRef, int]]) -> None:
    places = {RunFolder.of(Path("runs"), *each).path for each in sets}
    assert len(places) == len({(task, model.name, model.scored, seed) for task, model, seed in sets})


@given(name=st.text(max_size=200))
def test_no_model_is_put_outside(name: str) -> None:
    folder = RunFolder.of(Path("/out"), "small", ModelRef(name, None, None), 0).path
    assert folder.parent.parent == Path("/out/small")
    assert folder.parent.name.isascii()
    assert folder.parent.name[0] not in ".-"


@pytest.mark.parametrize("task_id", ["", ".", "..", "../small", "small/../..", "/small", "a/../../b", "a\nb", "a\0b"])
def test_no_task_is_put_outside(task_id: str, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="expected the name of a folder below"):
        RunFolder.of(tmp_path, task_id, MODEL, 0)


def test_a_run_is_finished_when_its_result_is_there(finished: RunFolder) -> None:
    assert finished.finished()
    assert finished.read() == finished.read_beside_images() == RESULT
    finished.result.unlink()
    assert not finished.finished()


def failed(folder: RunFolder) -> None:
    write(replace(RESULT, status="failed", error="out of luck"), folder.result)


def reported(folder: RunFolder) -> None:
    write(replace(RESULT, origin="reported", source="a paper"), folder.result)


def gone(folder: RunFolder) -> None:
    folder.path.rename(folder.path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (gone, "can't read .*seed-0: no such folder"),
        (lambda folder: folder.result.unlink(), "got no result.json; finish the run there"),
        (lambda folder: folder.images.rmdir(), "expected images/ beside result.json, got none; keep them together"),
        (lambda folder: folder.result.write_text("{", encoding="utf-8"), "result.json: expected JSON"),
        (lambda folder: folder.result.write_text("[" * 100000, encoding="utf-8"), "result.json: expected JSON"),
        (lambda folder: folder.result.write_text("{}", encoding="utf-8"), "an integer schema_version"),
        (failed, "expected a complete measured run, got a failed measured result"),
        (reported, "expected a complete measured run, got a complete reported result"),
    ],
)
def test_what_is_no_finished_run_is_one_line(
    spoil: Callable[[RunFolder], object], message: str, finished: RunFolder
) -> None:
    spoil(finished)
    with pytest.raises(ResultError, match=message) as caught:
        finished.read_beside_images()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"id": "other"}, {"version": 3}, {"kind": "text-to-image"}, {"card_hash": "d" * 64}]
)
def test_another_card_is_refused_and_both_are_named(change: dict[str, object]) -> None:
    here = TaskRef(**{**CARD.__dict__, **change})  # type: ignore[arg-type]
    check_card(CARD, CARD, "here")
    with pytest.raises(ResultError, match=r"run-1 was measured on small version 2 .*, but the card here is") as caught:
        check_card(CARD, here, "run-1")
    assert str(next(iter(change.values())))[:12] in str(caught.value).partition("but")[2]


@pytest.mark.parametrize(("recorded", "named"), [(None, "unknown"), ("6" * 64, "666666666666")])
def test_other_data_are_refused(recorded: str | None, named: str) -> None:
    check_split("5" * 64, "5" * 64, "here")
    with pytest.raises(ResultError, match=rf"run-1 was measured over other data \(split {named}\)"):
        check_split(recorded, "5" * 64, "run-1")


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new")
    with folder.claimed():
        assert folder.lock.exists()
        with pytest.raises(ResultError, match="another run is at work there"), folder.claimed():
            pass
    with folder.claimed():
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="can't write"), RunFolder(tmp_path / "file" / "x").claimed():
        pass


def test_a_folder_keeps_what_it_was_begun_as(tmp_path: Path) -> None:
    folder, state = RunFolder(tmp_path), {"seed": 3, "parameters": {"rate": 0.1, "name": "ä"}}
    folder.begin(state)
    written = folder.state.read_bytes()
    assert json.loads(written) == state
    folder.begin(state)
    assert folder.state.read_bytes() == written
    folder.samples.touch()
    with pytest.raises(ResultError, match="begun with seed 3, this run has 4; finish it as it was begun"):
        folder.begin({**state, "seed": 4})
    with pytest.raises(ResultError, match="begun with batch_size None, this run has 50"):
        folder.begin({**state, "batch_size": 50})
    folder = RunFolder(tmp_path / "of-a-card")
    folder.path.mkdir()
    folder.begin({"card_hash": "a" * 64})
    folder.samples.touch()
    with pytest.raises(ResultError, match=r"begun with card_hash a{12}, this run has b{12}; "):
        folder.begin({"card_hash": "b" * 64})


def test_a_folder_in_which_nothing_was_made_is_begun_anew(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin({"model_version": "sha256:aa"}, {"code": "sha256:aa"})
    (tmp_path / "fit").mkdir()
    assert folder.begin({"model_version": "sha256:bb"}, {"code": "sha256:bb"}) == ""
    assert json.loads(folder.state.read_bytes()) == {"code": "sha256:bb", "model_version": "sha256:bb"}


BEGUN = {"seed": 3, "model": "sd"}
CONTENT = {"code": "sha256:aa", "content of backbone": "sha256:bb"}


def begun(folder: RunFolder, content: dict[str, str], files: tuple[str, ...] = ("images/a.png",)) -> RunFolder:
    folder.path.mkdir(exist_ok=True)
    assert folder.begin(BEGUN, content) == ""
    for name in files:
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).touch()
    return folder


@settings(max_examples=60)
@given(
    key=st.sampled_from(sorted(CONTENT)), now=st.sampled_from(["sha256:aa", "sha256:bb", None]),
    made=st.sampled_from(["images/a.png", "fit/state.safetensors", "null/images/a.null.png", "manifest.json"]),
)
def test_half_a_run_is_not_continued_with_other_content(key: str, now: str | None, made: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = begun(RunFolder(Path(place)), CONTENT, (made,))
        here = {name: value for name, value in {**CONTENT, key: now}.items() if value is not None}
        before = folder.state.read_bytes()
        if here == CONTENT:
            assert folder.begin(BEGUN, here) == ""
            return
        with pytest.raises(ResultError, match=rf"begun with other {key} \(sha256:.., here .*\); put back") as caught:
            folder.begin(BEGUN, here)
        assert "\n" not in str(caught.value)
        assert folder.state.read_bytes() == before


def test_a_run_that_has_made_nothing_takes_on_the_code_that_is_here(tmp_path: Path) -> None:
    folder = begun(RunFolder(tmp_path), CONTENT, ("run.log", ".lock", ".progress"))
    folder.fit().mkdir()
    assert folder.begin(BEGUN, {"code": "sha256:cc"}) == ""
    assert json.loads(folder.state.read_bytes()) == {**BEGUN, "code": "sha256:cc"}
    folder.image("a").parent.mkdir()
    folder.image("a").touch()
    with pytest.raises(ResultError, match="begun with other code"):
        folder.begin(BEGUN, CONTENT)


@pytest.mark.parametrize("left", ["times.json", ".begun", "error.txt", "images/a.png", "manifest.json"])
def test_what_a_kill_left_half_written_is_nothing_made(left: str, tmp_path: Path) -> None:
    folder = begun(RunFolder(tmp_path), CONTENT, ())
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / left) as part:
        copy = part.rename(tmp_path / "kept")
    half = copy.rename(part)
    assert folder.begin(BEGUN, {"code": "sha256:cc"}) == ""
    half.rename(half.with_name("weights.1a2b3c4d"))
    with pytest.raises(ResultError, match="begun with other code"):
        folder.begin(BEGUN, CONTENT)


def test_images_that_lie_elsewhere_were_made(tmp_path: Path) -> None:
    folder = begun(RunFolder(tmp_path / "run"), CONTENT, ())
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "a.png").touch()
    folder.images.symlink_to(tmp_path / "scratch")
    with pytest.raises(ResultError, match="begun with other code"):
        folder.begin(BEGUN, {**CONTENT, "code": "sha256:cc"})


def test_a_run_begun_before_content_was_noted_goes_on_and_is_held_to_it_from_then_on(tmp_path: Path) -> None:
    folder = begun(RunFolder(tmp_path), {})
    assert folder.begin(BEGUN, CONTENT) == "begun when the code was not recorded; goes on with the code that is here"
    assert json.loads(folder.state.read_bytes()) == {**BEGUN, **CONTENT}
    assert folder.begin(BEGUN, CONTENT) == ""
    with pytest.raises(ResultError, match="begun with other code"):
        folder.begin(BEGUN, {**CONTENT, "code": "sha256:cc"})


def test_a_finished_run_is_one_of_its_data_and_says_what_code_made_it(finished: RunFolder) -> None:
    begun(finished, CONTENT)
    assert finished.begin(BEGUN, CONTENT) == ""
    said = "the code of sd was edited since (sha256:aa, here sha256:cc), so these are scores of the old code"
    assert finished.begin(BEGUN, {**CONTENT, "code": "sha256:cc"}) == said
    assert finished.begin(BEGUN, {"code": "sha256:aa"}) == ""  # read back where the backbone isn't
    for code in ("sha256:aa", "sha256:cc"):
        with pytest.raises(ResultError, match=r"begun with other content of backbone \(sha256:bb, here sha256:dd\)"):
            finished.begin(BEGUN, {"code": code, "content of backbone": "sha256:dd"})
    assert json.loads(finished.state.read_bytes()) == {**BEGUN, **CONTENT}


def test_a_finished_run_of_another_version_is_read_back_and_half_a_run_is_not(
    finished: RunFolder, tmp_path: Path
) -> None:
    """As after an edit of a generator's file, whose digest is its version."""
    begun(finished, CONTENT)
    state = finished.state.read_bytes()
    edited = {**BEGUN, "model_version": "2.0"}
    said = "made by another version (None, here '2.0'), so these are its scores"
    assert finished.begin(edited, {**CONTENT, "code": "sha256:cc"}) == said
    assert finished.state.read_bytes() == state
    with pytest.raises(ResultError, match="begun with seed 3, this run has -1; put that back, remove it, or choose"):
        finished.begin({**edited, "seed": -1}, CONTENT)
    with pytest.raises(ResultError, match=r"begun with sd of version None, this run has '2\.0': its code or"):
        begun(RunFolder(tmp_path / "half"), CONTENT, ("fit/weights",)).begin(edited, CONTENT)


@pytest.mark.parametrize(
    ("model", "what"), [("gen.py:Gen", "gen.py"), ("__main__:Gen", "the code of __main__:Gen")]
)
def test_a_finished_run_of_a_file_says_that_the_file_was_edited(finished: RunFolder, model: str, what: str) -> None:
    state = {**BEGUN, "model": model, "model_version": "sha256:aa"}
    finished.begin(state, CONTENT)
    said = finished.begin({**state, "model_version": "sha256:ee"}, CONTENT)
    assert said == f"{what} was edited since (sha256:aa, here sha256:ee), so these are scores of the old code"


def test_half_a_run_goes_on_in_its_precision_alone_and_a_finished_one_is_read_in_any(tmp_path: Path) -> None:
    half, whole = {**CONTENT, "resolved precision": "float16"}, {**CONTENT, "resolved precision": "bfloat16"}
    folder = begun(RunFolder(tmp_path), half)
    with pytest.raises(ResultError, match=r"begun with other resolved precision \(float16, here bfloat16\)"):
        folder.begin(BEGUN, whole)
    assert folder.begin(BEGUN, half) == ""
    folder.result.touch()
    assert folder.begin(BEGUN, whole) == ""


def test_a_finished_run_of_a_time_before_content_was_noted_stays_as_it_is(finished: RunFolder) -> None:
    before = begun(finished, {}).state.read_bytes()
    assert finished.begin(BEGUN, CONTENT) == "which code made it is not recorded"
    assert finished.state.read_bytes() == before


def test_the_manifest_is_a_list_of_images_or_one_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(ResultError, match=r"can't read .*manifest.json: .*; expected a finished run"):
        folder.listed()
    folder.manifest.write_text('{"images": [{"id": "a"}, {}]}', encoding="utf-8")
    assert folder.listed() == [{"id": "a"}, {}]
    for text in ("", "[" * 100000, "[]", "{}", '{"images": {}}', '{"images": ["a"]}'):
        folder.manifest.write_text(text, encoding="utf-8")
        with pytest.raises(ResultError, match=r"manifest.json: expected (JSON|a run's manifest), got .*; restore"):
            folder.listed()


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_damaged_state_is_one_line(text: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.state.write_text(text, encoding="utf-8")
    folder.samples.touch()
    with pytest.raises(ResultError, match=r"run.json: expected JSON|begun with seed None") as caught:
        folder.begin({"seed": 0})
    assert "choose another --out" in str(caught.value)
