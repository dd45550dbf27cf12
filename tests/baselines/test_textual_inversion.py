"""Textual Inversion: new words and nothing else, in training and in generation, and as diffusers reads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.fitting.learned_tokens import EMBEDDINGS, token_names
from ldbench_baselines.textual_inversion import TextualInversion
from safetensors.torch import load_file

from ldbench.errors import UsageError

from .conftest import edit_json
from .discs import CPU, Discs, context, frozen, pipeline, quick, requests, seen_prompts, weights


@pytest.fixture(scope="module")
def fitted(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TextualInversion, Path]:
    folder = tmp_path_factory.mktemp("fit")
    generator = quick(TextualInversion, vectors=3, learning_rate=0.1)
    assert isinstance(generator, TextualInversion)
    generator.fit(Discs(), context(folder, random_backbone))
    return generator, folder


def test_only_the_new_rows_are_trained(fitted: tuple[TextualInversion, Path], random_backbone: Path) -> None:
    before, after = frozen(random_backbone), weights(fitted[0])
    table = next(name for name in before if name.endswith("token_embedding.weight"))
    changed = [name for name in before if name != table and not torch.equal(after[name], before[name])]
    assert changed == []
    assert after.keys() == before.keys()
    words = len(before[table])
    assert len(after[table]) == words + 3
    assert torch.equal(after[table][:words], before[table])
    assert fitted[0]._model is not None
    pieces = fitted[0]._model.tokenizer("scan", add_special_tokens=False)["input_ids"]
    start = before[table][pieces].mean(0)
    assert all(not torch.allclose(row, start) for row in after[table][words:])


def test_the_rows_start_from_the_initial_word(random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(TextualInversion, steps=1, learning_rate=1e-60, initial_word="brain", placeholder="<mri>")
    generator.fit(Discs(), context(tmp_path, random_backbone))
    model = load_backbone(str(random_backbone), CPU)
    pieces = model.tokenizer("brain", add_special_tokens=False)["input_ids"]
    start = model.text_encoder.get_input_embeddings().weight[pieces].mean(0).detach()
    torch.testing.assert_close(load_file(tmp_path / EMBEDDINGS)["<mri>"], start.expand(4, -1))


def test_the_words_stand_before_every_prompt(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_prompts(monkeypatch)
    generator, where = quick(TextualInversion, vectors=2), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    words = "<concept> <concept>_1"
    assert {prompt for prompt in seen if prompt} == {f"{words} a disc of size {size}" for size in range(8)}
    seen.clear()
    generator.generate(requests(2), where)
    assert seen == [f"{words} a disc of size 0", f"{words} a disc of size 1"]
    assert generator._model is not None
    ids = generator._model.tokenise(list(seen))
    rows = len(generator._model.tokenizer) - 2
    assert ids[:, 1:3].tolist() == [[rows, rows + 1]] * 2  # after the start token, one token a word


def test_diffusers_reads_the_file_and_embeds_prompts_as_we_sample_them(
    fitted: tuple[TextualInversion, Path], random_backbone: Path
) -> None:
    generator, folder = fitted
    assert generator._model is not None
    pipe = pipeline(random_backbone)
    pipe.load_textual_inversion(str(folder / EMBEDDINGS))
    theirs = pipe.encode_prompt("<concept> a disc of size 3", CPU, 1, False)[0]
    ours = generator._model.embed([generator._prompt("a disc of size 3")])
    torch.testing.assert_close(theirs, ours)
    assert not torch.allclose(ours, generator._model.embed(["a disc of size 3"]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"placeholder": "a word"}, "token 'a word': expected one word without spaces"),
        ({"placeholder": "brain"}, "token 'brain': the tokenizer has it already; choose another"),
        ({"initial_word": ""}, "initial word '': expected a word"),
    ],
)
def test_words_that_cannot_be_are_one_line(
    parameters: dict[str, str], message: str, random_backbone: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        quick(TextualInversion, **parameters).fit(Discs(), context(tmp_path, random_backbone))
    assert "\n" not in str(caught.value)


def test_the_most_vectors_leave_room_for_a_word_of_the_caption(random_backbone: Path, tmp_path: Path) -> None:
    """A tokenizer that takes fewer tokens than the text encoder counts too; it is read when the backbone is loaded."""
    copy = Path(shutil.copytree(random_backbone, tmp_path / "backbone"))
    edit_json(copy / "tokenizer" / "tokenizer_config.json", model_max_length=20)
    generator = quick(TextualInversion, vectors=17, steps=1)
    generator.fit(Discs(), context(tmp_path / "fit", copy))
    names = token_names(generator.placeholder, 17)  # type: ignore[attr-defined]
    ids = generator._fitted().tokenise([generator._prompt("disc")])[0].tolist()
    assert len({*generator._fitted().tokenizer.convert_tokens_to_ids(list(names))} & set(ids)) == 17
    with pytest.raises(UsageError, match="vectors: expected at most 17, as the text encoder takes 20 tokens, got 18"):
        quick(TextualInversion, vectors=18, steps=1).fit(Discs(), context(tmp_path / "other", copy))


def test_no_vectors_are_one_line() -> None:
    with pytest.raises(UsageError, match="vectors: expected 1 or more, got 0"):
        TextualInversion(vectors=0)
