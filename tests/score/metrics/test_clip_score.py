"""CLIPScore: torchmetrics' own on the same folder, its bounds, its groups and pairs, and what is said before a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.api import Measured
from ldbench.data.task_data import task_data
from ldbench.errors import CardError, LdbenchError, MetricError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records.checksum import sha256_file
from ldbench.run.requirements import inspect
from ldbench.score.folders.measure import Folders, measure_folders
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.clip_score import ClipSpec, clip_score_values
from ldbench.score.networks.clip_text import TOKENIZER
from ldbench.score.networks.transformer_folders import Transformer
from ldbench.score.scorer import inputs_of, measured
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.set_scores import subgroups_of_run
from ldbench.score.units import units_of
from ldbench.studies.gauntlet.metrics import contestants
from ldbench.studies.gauntlet.run import GauntletPlan, run_gauntlet
from ldbench.task import card
from tests.conftest import small_card
from tests.stand_ins.clip import POSITIONS, SIDE, digest_of, processor, save_random_clip

CASES = 24
METRIC = METRICS.load("clip_score")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(autouse=True)
def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_WEIGHTS_CLIP", str(folder))


def spec_of(folder: Path) -> ClipSpec:
    return ClipSpec(f"clip@sha256:{digest_of(folder)[:12]}", sha256_file(folder / TOKENIZER)[:12])


def task_of(settings: ClipSpec, templates: tuple[str, ...] | None = None) -> card.Task:
    task = card.load("sandbox-brain-t2i")
    protocol = replace(task.protocol, cases=CASES, evaluation_cases=CASES)
    if templates is not None:
        protocol = replace(protocol, templates=templates)
    return replace(task, protocol=protocol, metrics={"clip_score": settings}, judge=None, viewing=None)


def inputs_for(task: card.Task, cache_folder: Path | None = None) -> Inputs:
    data = task_data(task, 0)
    by_id = {record.id: record for record in data.train.records}
    images = {case.id: torch.from_numpy(data.dataset.image(by_id[case.id])) for case in data.cases}
    return inputs_of(data, images, ScoringContext(torch.device("cpu"), 0, cache_folder))


def values_of(score: Measured) -> np.ndarray:
    return score.value + score.contributions["cases"] * (score.n * (score.n - 1)) ** 0.5


class AsTorchmetricsExpects(torch.nn.Module):
    """Gives embeddings as tensors: torchmetrics 1.9 does not know the records that transformers 5 gives."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model, self.config = model, model.config

    def get_image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixels).pooler_output

    def get_text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(ids, mask).pooler_output


def of_torchmetrics(folder: Path, images: torch.Tensor, captions: tuple[str, ...]) -> list[float]:
    """Its value of each case alone: of several it cuts the mean at 0."""
    from torchmetrics.functional.multimodal import clip_score
    from transformers import CLIPModel

    model = AsTorchmetricsExpects(CLIPModel.from_pretrained(folder).eval())
    levels = (255 * images).round().to(torch.uint8)
    with torch.inference_mode():
        return [
            float(clip_score(image, caption, lambda: (model, processor())))
            for image, caption in zip(levels, captions, strict=True)
        ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`max_length` is ignored:UserWarning")
def test_each_case_has_what_torchmetrics_gives(folder: Path) -> None:
    """To 0.001 of 100 where no image is resized, and to 0.05 where the two resizers round unlike."""
    inputs = inputs_for(task_of(spec_of(folder), ("a brain of a {age}-year-old",)))
    found = values_of(measured(METRIC, inputs, spec_of(folder)))
    expected = of_torchmetrics(folder, inputs.generated, inputs.captions)
    assert len(set(inputs.captions)) > 5
    assert max(expected) - min(expected) > 1
    assert np.abs(found - expected).max() < 0.05
    small = torch.nn.functional.interpolate(inputs.generated, SIDE).mul(255).round() / 255
    resized = replace(inputs, images=dict(zip(inputs.case_ids, small, strict=True)))
    found = values_of(measured(METRIC, resized, spec_of(folder)))
    assert np.abs(found - of_torchmetrics(folder, small, inputs.captions)).max() < 1e-3


def test_a_text_along_the_image_has_100_and_one_against_it_0() -> None:
    images = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    texts = np.stack([images[0], -images[1], images[2] * 7])
    found = clip_score_values(images[[0, 1, 2, 2]], texts, np.array([0, 1, 2, 0]))
    assert found[:3] == pytest.approx([100, 0, 100], abs=1e-4)
    cosine = images[2] @ images[0] / np.linalg.norm(images[2]) / np.linalg.norm(images[0])
    assert found[3] == pytest.approx(max(100 * cosine, 0), abs=1e-4)
    assert clip_score_values(3 * images, texts, np.array([0] * 5)) == pytest.approx(
        clip_score_values(images, texts, np.array([0] * 5))
    )


def test_it_falls_as_embeddings_leave_their_texts() -> None:
    random = np.random.default_rng(0)
    texts = random.normal(size=(50, 32)).astype(np.float32)
    noise, own = random.normal(size=texts.shape).astype(np.float32), np.arange(50)
    means = [clip_score_values(texts + amount * noise, texts, own).mean() for amount in (0, 0.5, 1, 2, 4)]
    assert means == sorted(means, reverse=True)
    assert means[0] == pytest.approx(100)


def test_an_embedding_of_zeros_is_refused() -> None:
    with pytest.raises(MetricError, match="expected embeddings that have a direction, got one of zeros"):
        clip_score_values(np.zeros((1, 3)), np.ones((1, 3)), np.array([0]))


def test_the_score_says_what_it_depends_on_and_how_many_prompts_were_cut(folder: Path) -> None:
    settings = spec_of(folder)
    long = "a brain MRI of a {age}-year-old, and as far as anybody can see there is nothing else to be said of it"
    scores = [measured(METRIC, inputs_for(task_of(settings, (text,))), settings) for text in ("a brain", long)]
    assert [score.parameters["observed_cut_prompts"] for score in scores] == [0, CASES]
    for score in scores:
        assert (score.n, score.direction, score.extractor) == (CASES, "higher", settings.extractor)
        assert 0 <= score.ci_low <= score.value <= score.ci_high <= 100
        assert score.contributions["cases"].sum() == pytest.approx(0, abs=1e-9)
        expected = {"resize": SIDE, "most_tokens": POSITIONS, "tokenizer_sha256": settings.tokenizer_sha256}
        assert expected.items() <= score.parameters.items()
        assert score.parameters["interval"] == "95 % Student's t over cases"
    assert scores[0].value != scores[1].value


def test_it_asks_which_prompt_is_whose(folder: Path) -> None:
    settings = spec_of(folder)
    inputs = inputs_for(task_of(settings, ("{age}",)))
    values = values_of(measured(METRIC, inputs, settings))
    order = list(inputs.images)
    moved = replace(inputs, images=dict(zip(order, [inputs.images[name] for name in order[::-1]], strict=True)))
    assert np.abs(values_of(measured(METRIC, moved, settings)) - values).max() > 0.1


def test_groups_are_means_of_their_cases(folder: Path) -> None:
    settings = spec_of(folder)
    inputs = inputs_for(task_of(settings))
    score = measured(METRIC, inputs, settings)
    units = units_of(inputs.data, [score], {})
    groups = subgroups_of_run(inputs, [score], units).metrics["clip_score"]["sex"].groups
    sexes = np.array([case["sex"] for case in inputs.attributes])
    for group in groups:
        assert group.value == pytest.approx(values_of(score)[sexes == group.name].mean())
    assert len(groups) == 2


def test_a_score_that_was_kept_reads_no_network(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = spec_of(folder)
    inputs = inputs_for(task_of(settings), tmp_path)
    first = measured(METRIC, inputs, settings)
    assert len(list(tmp_path.glob("*.npy"))) == 2
    monkeypatch.setattr(Transformer, "read", None)
    again = measured(METRIC, inputs_for(task_of(settings), tmp_path), settings)
    assert (again.value, again.ci_low, again.parameters) == (first.value, first.ci_low, first.parameters)


def reasons(settings: ClipSpec) -> list[str]:
    found = inspect(task_of(settings), 0).unmet
    assert all(isinstance(error, LdbenchError) and "\n" not in str(error) for error in found)
    return [str(error) for error in found]


def test_what_is_missing_is_said_before_a_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = spec_of(folder)
    assert reasons(settings) == []
    [wrong] = reasons(replace(settings, tokenizer_sha256="0" * 12))
    assert wrong.startswith(f"clip_score: {folder}/tokenizer.json: expected SHA-256 {'0' * 12}, got ")
    [wrong] = reasons(replace(settings, extractor=f"clip@sha256:{'0' * 12}"))
    assert wrong.startswith(f"clip@sha256:{'0' * 12}: {folder}: expected SHA-256 ")
    [unpinned] = reasons(replace(settings, extractor="clip"))
    assert "expected the digest of your own weights" in unpinned
    [other] = reasons(replace(settings, extractor="efficientnet-lite0"))
    assert other == (
        "clip_score: expected the extractor clip@sha256:DIGEST, got efficientnet-lite0; no other network reads prompts"
    )
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / TOKENIZER).unlink()
    monkeypatch.setenv("LDBENCH_WEIGHTS_CLIP", str(copy))
    [missing] = reasons(settings)
    assert missing.startswith(f"clip_score: missing {copy}/tokenizer.json: expected the tokenizer beside its network")
    monkeypatch.setenv("LDBENCH_WEIGHTS_CLIP", str(tmp_path / "nowhere"))
    [missing] = reasons(settings)
    assert missing.startswith(f"{settings.extractor}: missing weights {tmp_path}/nowhere: expected a folder with ")


def table_of(settings: ClipSpec) -> str:
    """The metric's table on a card."""
    lines = (f'{key} = "{value}"' for key, value in vars(settings).items())
    return "\n".join(["[metrics.clip_score]", *lines, ""])


def test_a_card_pins_the_tokenizer(folder: Path, tmp_path: Path) -> None:
    settings = spec_of(folder)
    path = small_card(tmp_path, metrics=table_of(settings))
    assert card.load(str(path)).metrics == {"clip_score": settings}
    path = small_card(tmp_path, metrics=table_of(settings).replace(settings.tokenizer_sha256, "0123"))
    with pytest.raises(CardError, match=r"metrics.clip_score.tokenizer_sha256: expected 12 to 64 hexadecimal digits"):
        card.load(str(path))


def test_folders_without_prompts_are_refused(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    for name in ("real", "generated"):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.new("RGB", (SIDE, SIDE), (40 * index, 0, 0)).save(tmp_path / name / f"{index}.png")
    asked = Folders(tmp_path / "real", tmp_path / "generated")
    context, settings = ScoringContext(torch.device("cpu"), 0), spec_of(folder)
    given: Mapping[str, Mapping[str, str]] = {"clip_score": vars(settings)}
    with pytest.raises(MetricError, match="expected captions of a task, got images alone; score them on a task card"):
        measure_folders(asked, context, ["clip_score"], settings=given, strict=True)


def test_the_gauntlet_runs_it_on_a_card_that_names_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no default for extractor, tokenizer_sha256; write .metrics.clip_score."):
        contestants(card.load("sandbox-brain-t2i"), ["clip_score"])
    settings = spec_of(folder)
    path = small_card(tmp_path, metrics=table_of(settings))
    plan = GauntletPlan(str(path), failures=("inverted", "swapped-classes"), cases=8)
    found, _ = run_gauntlet(plan, tmp_path / "out", ScoringContext(torch.device("cpu"), 0))
    assert [metric.name for metric in found.metrics] == ["clip_score"]
    assert (found.finished, found.left_out) == (True, {})
    scores = [obstacle.scores["clip_score"] for obstacle in found.obstacles]
    assert len(scores) == 4
    assert all(score.error is None and 0 <= score.value <= 100 for score in scores)
