"""A small CLIP-style byte-level BPE vocabulary, built from word lists.

The merges are learnt by plain byte-pair encoding over the caption words (weighted higher), the plain words and English
affixes, with ties broken by alphabet, so that the same lists give the same files. No text is read and nothing is
downloaded. A word outside the lists falls back to pieces and, at worst, to its bytes.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from transformers import CLIPTokenizer

from .captions import caption_words
from .vocabulary import AFFIXES, PLAIN_WORDS

START, END = "<|startoftext|>", "<|endoftext|>"
MAX_TOKENS = 48
VOCABULARY_SIZE = 2000
_CAPTION_WEIGHT, _PLAIN_WEIGHT, _AFFIX_WEIGHT = 8, 3, 1


def byte_alphabet() -> list[str]:
    """The 256 printable stand-ins for bytes of GPT-2's byte-level BPE, in its order."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    spare = (chr(256 + index) for index in range(256))
    return [chr(byte) for byte in kept] + [next(spare) for byte in range(256) if byte not in kept]


def word_counts() -> Counter[str]:
    """Every word to learn merges from, with its weight."""
    counts: Counter[str] = Counter()
    for words, weight in (
        (sorted(caption_words()), _CAPTION_WEIGHT),
        (PLAIN_WORDS.split(), _PLAIN_WEIGHT),
        (AFFIXES.split(), _AFFIX_WEIGHT),
    ):
        counts.update(dict.fromkeys(words, weight))
    return counts


def learn_merges(counts: Counter[str], limit: int) -> list[tuple[str, str]]:
    """At most `limit` byte-pair merges, the most frequent pair first (Sennrich et al., 2016, arXiv 1508.07909)."""
    words = {word: [*word[:-1], word[-1] + "</w>"] for word in counts}
    merges: list[tuple[str, str]] = []
    while len(merges) < limit:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {word: _merged(pieces, best) for word, pieces in words.items()}
    return merges


def build_tokenizer() -> CLIPTokenizer:
    """The tokenizer of the backbone, at most `VOCABULARY_SIZE` entries, padding to `MAX_TOKENS` with the end token."""
    base = byte_alphabet()
    base += [letter + "</w>" for letter in base]
    merges = learn_merges(word_counts(), VOCABULARY_SIZE - len(base) - 2)
    pieces = list(dict.fromkeys(base + ["".join(pair) for pair in merges]))
    vocabulary = {piece: index for index, piece in enumerate([*pieces, START, END])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    index = 0
    while index < len(pieces):
        if index + 1 < len(pieces) and (pieces[index], pieces[index + 1]) == pair:
            joined.append(pieces[index] + pieces[index + 1])
            index += 2
        else:
            joined.append(pieces[index])
            index += 1
    return joined
