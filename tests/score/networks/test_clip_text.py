"""The text half of a CLIP folder: the library's own embeddings, what is cut, what is kept, one-line refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.errors import MetricError, WeightsError
from ldbench.records.checksum import sha256_file
from ldbench.score.networks.clip_text import TOKENIZER, ClipText, clip_text
from ldbench.score.networks.transformer_folders import Transformer
from tests.stand_ins.clip import POSITIONS, digest_of, processor, save_random_clip

CAPTIONS = ("a brain", "an MRI scan of a healthy woman", "a brain", "a film")
LONG = "a brain MRI of a 77-year-old woman with cognitive impairment and, as far as anybody can see, nothing else"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def text(folder: Path) -> ClipText:
    return text_of(folder)


def text_of(folder: Path) -> ClipText:
    return ClipText(folder, f"clip@sha256:{digest_of(folder)}", sha256_file(folder / TOKENIZER)[:12])


def of_the_library(folder: Path, captions: list[str], **options: Any) -> np.ndarray:
    from transformers import CLIPModel

    tokens = processor().tokenizer(captions, return_tensors="pt", padding=True, **options)
    with torch.inference_mode():
        return CLIPModel.from_pretrained(folder).eval().get_text_features(**tokens).pooler_output.numpy()


def test_embeddings_are_the_librarys_in_the_order_of_the_captions(folder: Path, text: ClipText) -> None:
    found = text.features(CAPTIONS, "cpu")
    assert found.shape == (4, 12)
    assert np.allclose(found, of_the_library(folder, list(CAPTIONS)), atol=1e-4)
    assert np.array_equal(found[0], found[2])
    assert np.abs(found[0] - found[3]).max() > 0.1


def test_they_hang_on_no_other_caption(text: ClipText) -> None:
    together = text.features(CAPTIONS, "cpu")
    alone = np.concatenate([text.features([caption], "cpu") for caption in CAPTIONS])
    assert np.abs(together - alone).max() < 1e-5


def test_a_long_caption_is_cut_as_the_tokenizer_cuts(folder: Path, text: ClipText) -> None:
    [tokens] = text.tokens([LONG])
    assert tokens == processor().tokenizer(LONG, truncation=True, max_length=POSITIONS)["input_ids"]
    assert (len(tokens), tokens[-1]) == (POSITIONS, processor().tokenizer.eos_token_id)
    assert text.cut([*CAPTIONS, LONG, LONG]) == 2
    found = text.features([LONG], "cpu")
    assert np.allclose(found, of_the_library(folder, [LONG], truncation=True, max_length=POSITIONS), atol=1e-4)
    longer = text.features([f"{LONG}, which nobody reads"], "cpu")
    assert np.array_equal(found, longer)


def test_a_caption_of_just_so_many_tokens_is_whole(text: ClipText) -> None:
    letters = POSITIONS - 2  # begin and end
    exact, longer = (" ".join("a" * count) for count in (letters, letters + 1))
    assert [len(tokens) for tokens in text.tokens([exact, longer])] == [POSITIONS, POSITIONS]
    assert (text.cut([exact]), text.cut([longer])) == (0, 1)


def test_configurations_from_before_2023_are_read_as_the_library_reads_them(folder: Path, tmp_path: Path) -> None:
    old = text_of(save_random_clip(tmp_path, end=2))
    assert np.array_equal(old.features(CAPTIONS, "cpu"), text_of(folder).features(CAPTIONS, "cpu"))


def test_what_was_kept_is_not_computed_again(
    text: ClipText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = text.features(CAPTIONS, "cpu", tmp_path)
    [file] = tmp_path.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(Transformer, "read", None)
        assert np.array_equal(text.features(CAPTIONS, "cpu", tmp_path), first)
        with pytest.raises(TypeError):
            text.features(CAPTIONS[:2], "cpu", tmp_path)
    file.write_bytes(file.read_bytes()[:-4])  # as an interruption leaves it
    assert np.array_equal(text.features(CAPTIONS, "cpu", tmp_path), first)
    other = ClipText(text.folder, text.extractor, f"{text.tokenizer_sha256}0")
    assert other._key(CAPTIONS, "cpu") != text._key(CAPTIONS, "cpu")


def test_embeddings_that_are_not_finite_are_refused(
    text: ClipText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full((1, 12), np.nan, np.float32)
    monkeypatch.setattr(ClipText, "_computed", lambda *_: nothing)
    with pytest.raises(MetricError, match=r"clip@sha256:.*: expected finite embeddings of text, got NaN or infinity"):
        text.features(["a"], "cpu", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_tokenizer_is_there_and_the_one_that_was_asked_for(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    text = clip_text_of(copy, "0" * 12)
    with pytest.raises(WeightsError, match=r"tokenizer.json: expected SHA-256 0{12}, got .*; name the right folder"):
        text.check()
    (copy / TOKENIZER).unlink()
    with pytest.raises(WeightsError, match=r"missing .*tokenizer.json: expected the tokenizer beside its network"):
        text.check()


def clip_text_of(folder: Path, tokenizer: str) -> ClipText:
    return ClipText(folder, f"clip@sha256:{digest_of(folder)}", tokenizer)


@pytest.mark.parametrize("change", ["no end", "another end", "more words"])
def test_another_networks_tokenizer_is_refused(change: str, folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    table = json.loads((copy / TOKENIZER).read_text(encoding="utf-8"))
    if change == "no end":
        table["post_processor"] = None
    elif change == "another end":
        table["post_processor"]["sep"] = ["a", 5]
    else:
        config = json.loads((copy / "config.json").read_text())
        config["text_config"] |= {"vocab_size": 100, "eos_token_id": 2}
        (copy / "config.json").write_text(json.dumps(config))
    (copy / TOKENIZER).write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"expected a tokenizer that ends each text with the token .* another netw"):
        text_of(copy).check()


def test_a_damaged_tokenizer_is_one_line(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / TOKENIZER).write_text('{"version": "1.0",')
    with pytest.raises(WeightsError, match=r"expected a tokenizer of the tokenizers library, got .*; save the") as said:
        text_of(copy).check()
    assert "\n" not in str(said.value)


def test_the_folder_is_the_one_of_its_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_WEIGHTS_CLIP", str(folder))
    text = clip_text(f"clip@sha256:{digest_of(folder)[:12]}", "0" * 12)
    assert (text.folder, text.side, text.positions) == (folder, 28, POSITIONS)
    with pytest.raises(WeightsError, match=r"expected SHA-256 0{12} of `cat config.json model.safetensors"):
        clip_text(f"clip@sha256:{'0' * 12}", "0" * 12)
