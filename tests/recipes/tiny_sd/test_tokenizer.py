"""The tokenizer of the backbone: small, byte-level, and at ease with prompts that pretraining never saw."""

from __future__ import annotations

import itertools

import pytest
from transformers import CLIPTokenizer

from recipes.tiny_sd.tokenizer import MAX_TOKENS, VOCABULARY_SIZE, build_tokenizer, learn_merges

MEDICAL_WORDS = (
    "brain", "MRI", "Alzheimer", "Alzheimer's disease", "CN", "AD", "MCI", "x-ray", "pleural", "effusion",
    "cardiomegaly", "pneumonia", "cognitively normal", "dementia", "chest", "pneumothorax", "photon",
)  # fmt: skip
PROMPTS = (
    "Age this CN 70 years old female brain MRI into a 77 brain MRI with MCI",
    "a brain MRI of a 74 year old male subject with Alzheimer's disease",
    "Frontal chest x-ray of a 65 year old female patient with cardiomegaly and pleural effusion",
)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


def test_words_never_seen_have_distinct_tokens(tokenizer: CLIPTokenizer) -> None:
    codes = {word: tuple(tokenizer(word).input_ids) for word in MEDICAL_WORDS}
    for first, second in itertools.combinations(MEDICAL_WORDS, 2):
        assert codes[first] != codes[second]


def test_prompts_fit_with_room_to_spare(tokenizer: CLIPTokenizer) -> None:
    for prompt in PROMPTS:
        assert len(tokenizer(prompt).input_ids) <= MAX_TOKENS * 2 // 3


@pytest.mark.parametrize("text", ["zygomaticus", "naïve café", "日本", "a_b-c/d 3.5%", ""])
def test_any_text_survives_its_bytes(tokenizer: CLIPTokenizer, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    assert decoded.replace(" ", "") == text.replace(" ", "")


def test_ages_differ_digit_by_digit(tokenizer: CLIPTokenizer) -> None:
    assert len({tuple(tokenizer(f"{age} years old").input_ids) for age in range(100)}) == 100


@pytest.mark.slow
def test_the_vocabulary_is_small_and_reproducible(tokenizer: CLIPTokenizer) -> None:
    assert len(tokenizer) <= VOCABULARY_SIZE
    assert build_tokenizer().get_vocab() == tokenizer.get_vocab()


def test_merges_take_the_most_frequent_pair_first() -> None:
    from collections import Counter

    merges = learn_merges(Counter({"aab": 3, "ab": 2, "cc": 1}), 10)
    assert merges[0] == ("a", "b</w>")  # 5 times, against 3 of a-a... and 1 of c-c
    assert set(merges) == {("a", "b</w>"), ("a", "ab</w>"), ("c", "c</w>")}
