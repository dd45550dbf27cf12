"""The judge: trained once, the same when read back, and trained again where its file is not what it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ldbench.data.task_data import network_files, task_data
from ldbench.errors import MetricError
from ldbench.run.requirements import inspect
from ldbench.score.metrics import judge as module
from ldbench.score.metrics.classifier import train_classifier
from ldbench.score.metrics.judge import Judge, judge_of, pinned_judge
from ldbench.score.networks.kept_state import state_digest
from ldbench.score.networks.pinned import recipe_text, write_shipped
from ldbench.task import card
from ldbench.task.metric_specs import JudgeSpec
from tests.score.metrics.marked_classes import marked, names, watch_stage

QUICK = JudgeSpec(epochs=1, batch_size=8, learning_rate=1e-3, width=16)


def judged(folder: Path | None, classes: int = 2, recipe: JudgeSpec = QUICK) -> Judge:
    images, labels = marked(1, 12 * classes, classes)
    return judge_of(recipe, names(classes), images, labels, device="cpu", folder=folder)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seed of every training that happens."""
    seen: list[int] = []
    real = module.train_classifier

    def counted(*arguments: object, **settings: object) -> object:
        seen.append(settings["seed"])  # type: ignore[arg-type]
        return real(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train_classifier", counted)
    return seen


def test_scores_are_the_classifiers() -> None:
    images, labels = marked(1, 24)
    index = torch.tensor([int(label[-1]) for label in labels])
    test = marked(2, 10)[0]
    expected = train_classifier(images, index, classes=2, recipe=QUICK, seed=0).scores(test)
    scores = judged(None).scores(test)
    assert (scores.dtype, scores.shape) == (np.float64, (10, 2))
    assert np.array_equal(scores, expected.numpy())


@pytest.mark.parametrize(
    ("classes", "recipe"), [(3, QUICK), (2, replace(QUICK, objective="auc-margin", margin_epochs=1))]
)
def test_is_trained_once_and_reads_back_the_same(
    tmp_path: Path, trainings: list[int], classes: int, recipe: JudgeSpec
) -> None:
    test = marked(2, 10, classes)[0]
    before = torch.get_rng_state()
    first, second = (judged(tmp_path, classes=classes, recipe=recipe) for _ in range(2))
    assert trainings == [0]
    assert np.array_equal(first.scores(test), second.scores(test))
    assert first.parameters == second.parameters
    assert torch.equal(torch.get_rng_state(), before)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_the_kept_judge_does_not_depend_on_the_memory_that_was_free(
    tmp_path: Path, kept_on_host: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(network: torch.nn.Module, given: torch.Tensor) -> None:
        if network.training and not kept_on_host:
            raise torch.OutOfMemoryError("told to")

    judged(tmp_path / "plenty")
    watch_stage(monkeypatch, watch)
    judged(tmp_path / "scarce")
    (plenty,), (scarce,) = ((tmp_path / name).iterdir() for name in ("plenty", "scarce"))
    assert plenty.name == scarce.name
    weights = load_file(scarce)
    assert all(torch.equal(value, weights[name]) for name, value in load_file(plenty).items())


def test_a_judge_needs_no_folder_that_can_be_written(tmp_path: Path, trainings: list[int]) -> None:
    (tmp_path / "taken").touch()
    test = marked(2, 10)[0]
    scores = [judged(folder).scores(test) for folder in (tmp_path / "taken" / "judges", None)]
    assert trainings == [0, 0]
    assert np.array_equal(*scores)


def test_another_seed_recipe_or_image_is_another_judge(tmp_path: Path, trainings: list[int]) -> None:
    judged(tmp_path)
    judged(tmp_path, recipe=replace(QUICK, seed=1))
    judged(tmp_path, recipe=replace(QUICK, shift=0))
    images, labels = marked(1, 24)
    images[0, 0, 0, 0] += 1 / 255
    judge_of(QUICK, names(2), images, labels, device="cpu", folder=tmp_path)
    assert trainings == [0, 1, 0, 0]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_broken_file_is_not_trusted(tmp_path: Path, trainings: list[int]) -> None:
    test = marked(2, 10)[0]
    expected = judged(tmp_path).scores(test)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1000] ^= 64
    for count, broken in enumerate((b"", whole[: len(whole) // 2], bytes(flipped)), start=2):
        path.write_bytes(broken)
        assert np.array_equal(judged(tmp_path).scores(test), expected)
        assert len(trainings) == count
        judged(tmp_path)
        assert len(trainings) == count  # what was left instead is trusted


def test_a_file_of_another_key_is_not_trusted(tmp_path: Path, trainings: list[int]) -> None:
    judged(tmp_path)
    (path,) = tmp_path.iterdir()
    state = load_file(path)
    save_file(state, path, metadata={"key": "another", "digest": state_digest(state)})
    judged(tmp_path)
    assert len(trainings) == 2


def test_bad_labels_are_one_line() -> None:
    images, labels = marked(1, 24)
    with pytest.raises(MetricError, match=r"judge: expected labels among two or more classes.*got \['odd'\]"):
        judge_of(QUICK, names(2), images, ["odd", *labels[1:]], device="cpu", folder=None)
    with pytest.raises(MetricError, match=r"judge: expected a label for each of 24 .* none of \['class 2'\]"):
        judge_of(QUICK, names(3), images, labels, device="cpu", folder=None)
    with pytest.raises(MetricError, match="got 23 labels"):
        judge_of(QUICK, names(2), images, labels[1:], device="cpu", folder=None)


def pinned_file(path: Path, recipe: JudgeSpec = QUICK, classes: int = 2) -> JudgeSpec:
    """Ship a judge's weights in a file; the recipe that asks for them."""
    state = judged(None, classes, recipe).classifier.network.state_dict()
    return replace(recipe, sha256=write_shipped(path, state, recipe_text(recipe, names(classes))))


def test_a_pinned_judge_is_that_of_its_file(tmp_path: Path, trainings: list[int]) -> None:
    pinned = pinned_file(tmp_path / "shipped.safetensors")
    images, labels = marked(1, 24)
    test = marked(2, 10)[0]
    expected, count = judged(None), len(trainings)
    found = judge_of(
        pinned, names(2), images + 0.1, labels, device="cpu", folder=tmp_path / "kept",
        shipped=[tmp_path / "absent.safetensors", tmp_path / "shipped.safetensors"],
    )
    assert len(trainings) == count
    assert np.array_equal(found.scores(test), expected.scores(test))
    assert found.parameters == {**expected.parameters, "sha256": pinned.sha256}


def test_a_judge_that_was_kept_serves_whoever_pins_it(tmp_path: Path, trainings: list[int]) -> None:
    state = judged(tmp_path).classifier.network.state_dict()
    judged(tmp_path, recipe=replace(QUICK, sha256=state_digest(state)))
    assert trainings == [0]


def test_other_weights_than_the_pinned_ones_do_not_serve(tmp_path: Path) -> None:
    path = tmp_path / "shipped.safetensors"
    pinned = pinned_file(path)
    with pytest.raises(MetricError, match=r"judge\.sha256: expected weights 0{12}\.\.\., got no file in "):
        pinned_judge(replace(pinned, sha256="0" * 64), names(2), shipped=[path])
    for recipe, classes in ((replace(pinned, epochs=2), 2), (pinned, 3)):
        with pytest.raises(MetricError, match="judge: expected the recipe that the weights of sha256 came of"):
            pinned_judge(recipe, names(classes), shipped=[path])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    pinned = pinned_file(tmp_path / "shipped.safetensors")
    save_file(load_file(tmp_path / "shipped.safetensors"), tmp_path / "b.safetensors", {"digest": pinned.sha256 or ""})
    with pytest.raises(MetricError, match="judge: expected weights of a resnet18-of-16 of 3 classes, got others"):
        pinned_judge(pinned, names(3), shipped=[tmp_path / "b.safetensors"])


PINNED = [
    name for name in card.task_names() if (task := card.load(name)).judge is not None and task.judge.sha256 is not None
]


@pytest.mark.slow
@pytest.mark.parametrize("name", PINNED)
def test_the_judges_of_shipped_cards_ship(name: str) -> None:
    task = card.load(name)
    assert task.judge is not None
    classifier = pinned_judge(task.judge, task.data.classes, shipped=network_files(task.data))
    scans, labels = task_data(task, 0).training_scans()
    some = list(range(0, len(labels), 20))
    read = classifier.scores(scans[some]).argmax(dim=1)
    right = np.mean([task.data.classes[k] == labels[index] for k, index in zip(read.tolist(), some, strict=True)])
    assert right > 0.7


def test_the_sandbox_has_one_each() -> None:
    assert {"sandbox-brain-t2i", "sandbox-brain-disease", "sandbox-chest-t2i", "sandbox-chest-sex"} <= set(PINNED)
    assert all(name.startswith("sandbox-") for name in PINNED)


def test_a_run_is_refused_before_it_begins() -> None:
    task = card.load("sandbox-brain-disease")
    assert task.judge is not None
    for other in (replace(task.judge, sha256="0" * 64), replace(task.judge, epochs=3)):
        unmet = inspect(replace(task, judge=other), 0).unmet
        assert ["judge" in str(error) for error in unmet] == [True]
