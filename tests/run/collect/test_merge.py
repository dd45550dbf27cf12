"""Collecting: its laws over any folders, and what it does with runs that can't be taken."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.board.gather import collect as read_results
from ldbench.errors import ResultError, UsageError
from ldbench.run.collect.contradictions import answer
from ldbench.run.collect.merge import Images, Merge, collect, plan
from tests.run.collect.run_copies import Copy, tree

pytestmark = pytest.mark.slow

NAMES = st.tuples(st.sampled_from("ab"), st.sampled_from([0, 1]))


def folders_of(values: Sequence[float]) -> st.SearchStrategy[list[list[Copy]]]:
    """Two or three folders, each with a copy or more of four possible runs, whose score is one of the values."""
    copies = st.builds(
        lambda name, fid, day, units, sheet: Copy(*name, fid, day, units, sheet),
        NAMES, st.sampled_from(values), st.integers(1, 3), st.booleans(), st.booleans(),
    )  # fmt: skip
    one = st.lists(copies, min_size=1, max_size=4, unique_by=lambda copy: (copy.model, copy.seed))
    return st.lists(one, min_size=2, max_size=3)


@contextmanager
def written(copies: Sequence[Sequence[Copy]]) -> Iterator[tuple[Path, list[Path]]]:
    """A folder for what a test makes, and the folders with those copies."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"machine-{number}") for number in range(len(copies))]
        for path, inside in zip(paths, copies, strict=True):
            for copy in inside:
                copy.write(path)
        yield Path(folder), paths


def collected(folders: Sequence[Path], out: Path, images: Images | None = None) -> Merge:
    merge = plan(folders, out, images)
    collect(merge, images)
    return merge


def answers(out: Path) -> list[str]:
    return sorted(answer(result) for _, result in read_results([out])) if tree(out) else []


@settings(max_examples=20)
@given(folders_of([10.0, 11.0]), st.randoms())
def test_the_order_of_folders_changes_nothing(copies: list[list[Copy]], random: object) -> None:
    with written(copies) as (folder, paths):
        first = collected(paths, folder / "one")
        shuffled = list(paths)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        second = collected(shuffled, folder / "two")
        assert tree(folder / "one") == tree(folder / "two")
        assert first.problems == second.problems


@settings(max_examples=20)
@given(folders_of([10.0, 11.0]))
def test_collecting_twice_is_collecting_once_and_leaves_the_folders_alone(copies: list[list[Copy]]) -> None:
    with written(copies) as (folder, paths):
        sources, out = [tree(path) for path in paths], folder / "out"
        first = collected(paths, out)
        once = tree(out)
        again = collected(paths, out)
        assert tree(out) == once
        assert not again.transfers
        assert again.problems == first.problems
        assert [tree(path) for path in paths] == sources


@settings(max_examples=20)
@given(folders_of([10.0]))
def test_collecting_a_union_is_the_union_of_collects(copies: list[list[Copy]]) -> None:
    with written(copies) as (folder, paths):
        collected(paths, folder / "at once")
        collected(paths[:1], folder / "first")
        collected(paths[1:], folder / "rest")
        collected([folder / "rest", folder / "first"], folder / "of both")
        assert tree(folder / "of both") == tree(folder / "at once")
        for path in paths:  # one after the other, nothing that lies there is replaced
            before = tree(folder / "into one")
            collected([path], folder / "into one")
            assert before.items() <= tree(folder / "into one").items()
        assert answers(folder / "into one") == answers(folder / "at once")


@settings(max_examples=20)
@given(folders_of([10.0, 11.0]))
def test_every_run_is_taken_whole_or_named(copies: list[list[Copy]]) -> None:
    with written(copies) as (folder, paths):
        merge, out = collected(paths, folder / "out"), folder / "out"
        scores: dict[tuple[str, int], set[float]] = {}
        for copy in (copy for inside in copies for copy in inside):
            scores.setdefault((copy.model, copy.seed), set()).add(copy.fid)
        agreed = [Copy(*run, min(values)) for run, values in scores.items() if len(values) == 1]
        assert answers(out) == sorted(answer(copy.result()) for copy in agreed)
        assert len(merge.problems) == len(scores) - len(agreed)
        held = [tree(path) for path in paths]
        for run in out.glob("*/*/*"):
            of_run = {name: text for name, text in tree(out).items() if (out / name).is_relative_to(run)}
            assert any(of_run.items() <= files.items() for files in held)


def test_of_two_copies_the_one_that_a_fold_can_compare_is_taken_then_the_earlier(tmp_path: Path) -> None:
    for name, copy in (("a", Copy(day=1, units=False)), ("b", Copy(day=3)), ("c", Copy(day=2))):
        copy.write(tmp_path / name)
    collected([tmp_path / name for name in "abc"], tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "c")


def test_a_contradiction_names_folders_metric_and_distance_and_takes_none(tmp_path: Path) -> None:
    one, other = Copy(fid=10.0).write(tmp_path / "one"), Copy(fid=12.5).write(tmp_path / "other")
    Copy(model="b").write(tmp_path / "other")
    merge = collected([tmp_path / "other", tmp_path / "one"], tmp_path / "out")
    [said] = merge.problems
    assert f"{one.path} and {other.path} contradict each other: fid 10 and 12.5, 2.5 apart (20.00%)" in said
    assert [path.parent.name[:2] for path in (tmp_path / "out").rglob("result.json")] == ["se"]
    assert len(answers(tmp_path / "out")) == 1


ROUNDED = 10.0 * (1 + 1e-7)


@settings(max_examples=20)
@given(folders_of([10.0, ROUNDED]), st.randoms())
def test_what_rounding_alone_makes_two_answers_is_one_run(copies: list[list[Copy]], random: object) -> None:
    with written(copies) as (folder, paths):
        merge = collected(paths, folder / "at once")
        assert merge.problems == []
        runs = {(copy.model, copy.seed) for inside in copies for copy in inside}
        assert len(answers(folder / "at once")) == len(runs)
        shuffled = list(paths)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        collected(shuffled[:1], folder / "first")
        collected(shuffled[1:], folder / "rest")
        collected([folder / "rest", folder / "first"], folder / "of both")
        assert tree(folder / "of both") == tree(folder / "at once")


def test_a_copy_that_is_rounded_otherwise_is_said_and_nothing_of_it_is_taken(tmp_path: Path) -> None:
    late = Copy(fid=ROUNDED, day=2, images=1).write(tmp_path / "a")
    early = Copy(day=1, images=1).write(tmp_path / "b")
    merge = collected([tmp_path / "a", tmp_path / "b"], tmp_path / "out", "copy")
    assert tree(tmp_path / "out") == tree(tmp_path / "b")
    assert merge.skipped == [
        f"{late.path}: the same images as {early.path}, and its scores but for rounding; that one counts"
    ]
    [said] = collected([tmp_path / "a"], tmp_path / "out").skipped
    assert f"the same images as {tmp_path / 'out'}" in said
    assert tree(tmp_path / "out") == tree(tmp_path / "b")


def test_other_images_are_no_rounding(tmp_path: Path) -> None:
    Copy().write(tmp_path / "a")
    Copy(fid=ROUNDED, images_hash="e" * 64).write(tmp_path / "b")
    assert len(collected([tmp_path / "a", tmp_path / "b"], tmp_path / "out").problems) == 1
    assert not tree(tmp_path / "out")


def test_what_lies_in_the_target_stays_whatever_contradicts_it(tmp_path: Path) -> None:
    Copy(fid=10.0).write(tmp_path / "out")
    Copy(fid=11.0).write(tmp_path / "one")
    before = tree(tmp_path / "out")
    [said] = collected([tmp_path / "one"], tmp_path / "out").problems
    assert str(tmp_path / "out") in said
    assert tree(tmp_path / "out") == before


def test_half_written_runs_are_skipped_and_said_and_damaged_ones_are_no_runs(tmp_path: Path) -> None:
    begun, cut, foreign = (Copy(model=name).write(tmp_path / "one") for name in "abc")
    Copy(model="d").write(tmp_path / "one")
    begun.result.unlink()
    cut.result.write_text(cut.result.read_text(encoding="utf-8")[:100], encoding="utf-8")
    foreign.units.write_text(foreign.units.read_text(encoding="utf-8").replace("10.0", "11.0"), encoding="utf-8")
    merge = collected([tmp_path / "one"], tmp_path / "out")
    assert merge.skipped == [f"{begun.path}: begun and not finished"]
    assert [line.partition(":")[0] for line in merge.problems] == [str(cut.result), str(foreign.units)]
    assert len(answers(tmp_path / "out")) == 1
    assert merge.summary(Path("out")) == "out: 1 runs: 1 new, 0 there already, 1 skipped, 2 not taken"


def test_a_result_whose_task_names_no_folder_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    Copy(model="b").write(tmp_path / "one")
    odd = Copy(model="a").write(tmp_path / "one").result
    odd.write_text(odd.read_text(encoding="utf-8").replace('"small"', '"../../evil"'), encoding="utf-8")
    merge = collected([tmp_path / "one"], tmp_path / "out")
    [said] = merge.problems
    assert said.startswith(f"{odd}:task.id: expected the name of a folder")
    assert "got '../../evil'" in said
    assert [answer["model"]["name"] for answer in map(read_json, (tmp_path / "out").rglob("result.json"))] == ["b"]
    assert {path.name for path in tmp_path.iterdir()} == {"one", "out"}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_call_that_was_stopped_is_finished_by_the_next(tmp_path: Path) -> None:
    source = Copy(images=3, sheet=True).write(tmp_path / "one")
    collected([tmp_path / "one"], tmp_path / "whole", "copy")
    [done] = (tmp_path / "whole").rglob("result.json")
    half = tmp_path / "out" / done.parent.relative_to(tmp_path / "whole")
    (half / "images").mkdir(parents=True)
    for name in ("units.json", "images/case-0.png"):
        (half / name).write_bytes((source.path / name).read_bytes())
    (half / ".manifest.json.12ab34cd").write_bytes(b"cut")
    assert collected([tmp_path / "one"], tmp_path / "out", "copy").problems == []
    (half / ".manifest.json.12ab34cd").unlink()
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_work_that_others_began_in_the_target_is_not_mixed_with_a_finished_run(tmp_path: Path) -> None:
    Copy(images=3).write(tmp_path / "one")
    begun = Copy(images=2).write(tmp_path / "out")
    begun.result.unlink()
    before = tree(tmp_path / "out")
    merge = collected([tmp_path / "one"], tmp_path / "out")
    [said] = merge.problems
    assert f"{begun.path}: begun there otherwise (images/case-0.png)" in said
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("images", ["link", "copy"])
def test_images_come_along_when_asked_for_and_later_too(tmp_path: Path, images: Images) -> None:
    source = Copy(images=3).write(tmp_path / "one")
    collected([tmp_path / "one"], tmp_path / "out")
    assert not list((tmp_path / "out").rglob("images"))
    collected([tmp_path / "one"], tmp_path / "out", images)
    assert tree(tmp_path / "out") == tree(tmp_path / "one")
    [image] = (tmp_path / "out").rglob("case-1.png")
    assert image.samefile(source.image("case-1")) is (images == "link")


def test_images_that_are_not_those_of_the_manifest_are_damage(tmp_path: Path) -> None:
    folder = Copy(images=2).write(tmp_path / "one")
    folder.image("case-1").unlink()
    [said] = collected([tmp_path / "one"], tmp_path / "out", "link").problems
    assert said.startswith(f"{folder.path}: expected the files of its manifests, got images: 1 missing: case-1.png")


def test_a_fresh_test_set_that_only_another_copy_has_is_said(tmp_path: Path) -> None:
    for number, name in enumerate(("out", "one", "two", "three")):
        file = Copy().write(tmp_path / name).path / "fresh.json"
        task = {"id": f"small-fresh-{min(number, 2)}", "version": 1, "kind": "text-to-image", "card_hash": "c" * 64}
        fresh = {"task": task, "data_seed": 1, "split_hash": "5" * 64, "images_hash": "e" * 64, "gaps": []}
        record = {"schema_version": 1, "images_hash": "d" * 64, "rounds": [fresh]}
        file.write_text(json.dumps(record), encoding="utf-8")
    before = tree(tmp_path / "out")
    merge = collected([tmp_path / name for name in ("one", "two")], tmp_path / "out")
    assert [line.partition(":")[0] for line in sorted(merge.skipped)] == [
        str(file) for name in ("one", "two") for file in (tmp_path / name).rglob("fresh.json")
    ]
    assert tree(tmp_path / "out") == before
    assert not collected([tmp_path / "two", tmp_path / "three"], tmp_path / "new").skipped


def test_a_folder_that_is_missing_or_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no such folder"):
        plan([tmp_path / "nowhere"], tmp_path / "out")
    (tmp_path / "table.csv").touch()
    with pytest.raises(ResultError, match=r"can't read .*table\.csv: a file, no folder; expected an --out"):
        plan([tmp_path / "table.csv"], tmp_path / "out")
    with pytest.raises(ResultError, match=r"expected a finished run below it, got none; .* make them$"):
        plan([tmp_path], tmp_path / "out")


def test_runs_of_an_ablation_are_left_out_unless_its_folder_is_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ranked = Copy("a").write(runs)
    swept = Copy("b").write(runs / "ablation")
    assert [transfer.source.folder for transfer in plan([runs], tmp_path / "out").transfers] == [ranked]
    named = plan([runs / "ablation"], tmp_path / "out")
    assert [transfer.source.folder for transfer in named.transfers] == [swept]
    shutil.rmtree(runs / "small")
    with pytest.raises(ResultError, match=r"expected a finished run .* make them, or name its ablation/ itself$"):
        plan([runs], tmp_path / "out")


def test_a_folder_is_not_collected_into_itself(tmp_path: Path) -> None:
    Copy("a").write(tmp_path / "runs")
    Copy("b").write(tmp_path / "more")
    runs, same = tmp_path / "runs", tmp_path / "more" / ".." / "runs"
    with pytest.raises(UsageError, match=r"--out .*runs: expected another folder than the one to collect from"):
        plan([runs, same], same)
    assert [transfer.source.result.model.name for transfer in plan([tmp_path / "more", runs], runs).transfers] == ["b"]
