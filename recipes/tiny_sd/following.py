"""Are prompts followed? `python -m recipes.tiny_sd.following FOLDER [--out FILE.json]`, on 300 prompts.

The prompts are captions of corpus pictures of a seed that training never saw, as many for each answer: 78 name a
colour, 78 a number, 72 a style and 72 a place. Each prompt makes one picture (25 DDPM steps, guidance 3), which is
read by `readings`; so is the corpus picture of the same caption, for what the readings themselves get right.
Deterministic samplers keep the mean colour of the noise that they begin with, which the schedule's last step should
have held a part of: `--sampler ddim` shows it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .captions import COLOURS, COUNTS, MATERIALS, OBJECTS, PLACES, STYLES
from .corpus import Corpus, Picture
from .drawing import SAMPLERS, drawer
from .readings import count_things, place_of_thing, style_of, surface_colour, thing_colour

HELD_OUT_SEED, BATCH = 77, 50
_WHOLE = ("apple", "pear", "cup", "bottle", "fish", "bird", "star", "plate", "leaf", "person", "box")  # of one piece
_THING = rf"(?:small |large )?(?P<colour>{'|'.join(COLOURS)}) (?:{'|'.join(OBJECTS)})"
_THINGS = rf"(?:small |large )?\w+ (?:{'|'.join(f'{name}|{OBJECTS[name]}' for name in _WHOLE)})"
_PLACE = "|".join(place for place in PLACES if place)
_PLAIN = r"on an? \w+ background"
_VIVID = "red|orange|yellow|green|blue|purple|pink|turquoise"  # colours that a grey picture can't be taken for
_STYLE = {STYLES[style]: style for style in ("photo", "grey", "pencil", "blurred")}


@dataclass(frozen=True)
class Kind:
    """What one kind of question asks: which captions, how many of each answer, and how a picture is read."""

    pattern: re.Pattern[str]
    each: int
    answers: int
    read: Callable[[np.ndarray], str]


@dataclass(frozen=True)
class PromptQuestion:
    """A prompt, the answer that it names, and the corpus picture that it is the caption of."""

    kind: str
    prompt: str
    answer: str
    picture: np.ndarray


def _count_word(picture: np.ndarray) -> str:
    count = count_things(picture)
    return COUNTS[count - 1] if 0 < count <= len(COUNTS) else ""


def build_kinds() -> dict[str, Kind]:
    """The kinds by name; the group `answer` of a pattern is what a reading must say."""
    photo = "(?:a photo of )?"
    surface = rf"{photo}(?P<answer>{'|'.join(COLOURS)}) (?:{'|'.join(MATERIALS)})"
    thing = rf"{photo}an? {_THING.replace('colour', 'answer')} (?:(?:{_PLACE}) )?{_PLAIN}"
    count = rf"{photo}(?P<answer>an?|{'|'.join(COUNTS[1:])}) {_THINGS} (?:in the centre )?{_PLAIN}"
    style = rf"(?P<answer>{'|'.join(_STYLE)}) an? (?:small |large )?(?:{_VIVID}) (?:{'|'.join(OBJECTS)}) .*"
    place = rf"{photo}an? {_THING} (?P<answer>{_PLACE.replace('|in the centre', '')}) {_PLAIN}"
    return {
        "colour of a surface": Kind(re.compile(surface), 3, len(COLOURS), surface_colour),
        "colour of a thing": Kind(re.compile(thing), 3, len(COLOURS), thing_colour),
        "count": Kind(re.compile(count), 13, len(COUNTS), _count_word),
        "style": Kind(re.compile(style), 18, len(_STYLE), style_of),
        "place": Kind(re.compile(place), 18, 4, place_of_thing),
    }


def collect_questions(pictures: Iterable[Picture]) -> list[PromptQuestion]:
    """The first pictures that fit each kind, until every answer of every kind has its number of them."""
    kinds, questions, had = build_kinds(), [], Counter[tuple[str, str]]()
    total = sum(kind.each * kind.answers for kind in kinds.values())
    for picture in pictures:
        for name, kind in kinds.items():
            match = kind.pattern.fullmatch(picture.caption)
            if match is None:
                continue
            answer = _STYLE.get(match["answer"], re.sub("^an$", "a", match["answer"]))
            if had[name, answer] < kind.each:
                had[name, answer] += 1
                questions.append(PromptQuestion(name, picture.caption, answer, picture.pixels / 255.0))
        if len(questions) == total:
            return questions
    raise ValueError(f"expected pictures for {total} questions, got {len(questions)}; give more pictures")


def right_shares(questions: list[PromptQuestion], pictures: Iterable[np.ndarray]) -> dict[str, float]:
    """Share of right readings by kind, of one picture a question."""
    kinds, right = build_kinds(), dict[str, list[bool]]()
    for question, picture in zip(questions, pictures, strict=True):
        right.setdefault(question.kind, []).append(kinds[question.kind].read(picture) == question.answer)
    return {kind: float(np.mean(values)) for kind, values in sorted(right.items())}


def draw(folder: Path, prompts: list[str], sampler: str = "ddpm") -> Iterator[np.ndarray]:
    """One picture a prompt, (S, S, 3) float in [0, 1], in batches; the seed of a prompt is its place in the list."""
    drawn = drawer(folder, sampler)
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        yield from drawn(batch, range(start, start + len(batch)))


def main() -> None:
    """Command line: a line a kind, right in pictures of the backbone and in corpus pictures."""
    parser = argparse.ArgumentParser(description="Measure whether a backbone follows the captions of the corpus.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="write the shares as JSON")
    parser.add_argument("--sampler", choices=sorted(SAMPLERS), default="ddpm")
    parser.add_argument("--every", type=int, default=1, help="ask every so many questions only, for a quick look")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus(HELD_OUT_SEED)
    questions = collect_questions(corpus.render(index) for index in range(100_000))[:: arguments.every]
    prompts = [question.prompt for question in questions]
    shares = right_shares(questions, draw(arguments.folder, prompts, arguments.sampler))
    ceiling = right_shares(questions, [question.picture for question in questions])
    for kind, share in shares.items():
        print(f"{kind:20} {share:6.1%} of {sum(q.kind == kind for q in questions)}, corpus {ceiling[kind]:6.1%}")
    if arguments.out:
        arguments.out.write_text(json.dumps({"backbone": shares, "corpus": ceiling}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
