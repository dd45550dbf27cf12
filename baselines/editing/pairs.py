"""Training pairs as a denoiser of edits sees them: a source's latent, the target's posterior, an instruction.

Where the task has pairs both images are encoded once and kept. Where it has none they are generated, as Brooks et al.
2023 (arXiv 2211.09800, Sec. 3.1) do: a text-to-image model samples the caption before the edit and the caption after it
from the same noise. They also share attention between the two (Prompt-to-Prompt) and keep the pairs that CLIP likes
best; here the same ancestral noise at every step keeps the subject, and the target's prediction is led from the
source's caption beyond its own, e(c) + s (e(c') - e(c)), as one word in a caption changes little by itself: on sandbox
brains without guidance source and target agreed to 50 dB.

Examples with neither source nor captions are an error, and so are pairs of two sizes.

Shapes: N pairs (2N with flip), C latent channels, h and w latent pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ldbench.api import Batches, Case, Context, Example, Request, TrainingSet, case_seed
from ldbench.errors import GeneratorError

from ..diffusion.latent_diffusion import ImageShape, LatentDiffusion
from ..diffusion.sampling import Sampling, integrate, predictor, start_noise, step_generators
from ..fitting.checkpoint import kept
from ..fitting.encoded import EncodedSet, View, encode_set
from ..fitting.fine_tuner import FineTuner
from ..fitting.shared_fit import fit_key, shared_start

SOURCES, PAIRS = "sources", "pairs.safetensors"


@dataclass(frozen=True)
class EncodedPairs:
    """Scaled latents of the sources `(N, C, h, w)` (the posteriors' modes), and the targets with their instructions."""

    sources: torch.Tensor
    targets: EncodedSet


@dataclass(frozen=True)
class PairPrompts:
    """What one generated pair is made from; `seed` is that of both images' noise."""

    source: str
    target: str
    instruction: str
    seed: int


def has_pairs(train: TrainingSet) -> bool:
    """Whether the training examples have sources."""
    return len(train) > 0 and train[0].source is not None


def encoded_pairs(model: LatentDiffusion, train: TrainingSet, context: Context, *, flip: bool = False) -> EncodedPairs:
    """The task's own pairs, encoded or taken from what an earlier call left in `context.folder`."""
    kept_apart = replace(context, folder=context.folder / SOURCES)
    sources = encode_set(model, View(train, range(len(train)), _source), kept_apart, flip=flip)
    return EncodedPairs(sources.moments[0], encode_set(model, train, context, flip=flip))


def generated_pairs(
    start: FineTuner, train: TrainingSet, context: Context, count: int | None, scale: float, batch_size: int = 50
) -> EncodedPairs:
    """`count` pairs (none: one for each example that has an edit) by the backbone as `start` tunes it.

    `scale` is how far the target's caption is followed. Kept in `context.folder`. The targets' posteriors have no
    width: these latents were sampled, not encoded.
    """
    prompts = pair_prompts(train, count, context.seed)
    text = json.dumps([fit_key(start, train, context), scale, [vars(pair) for pair in prompts]])
    made_of = hashlib.sha256(text.encode()).hexdigest()

    def sampled() -> torch.Tensor:
        model = shared_start(start, train, context).cast(start._precision(context))
        how = start._sampling(model)

        def of_rows(rows: slice) -> torch.Tensor:
            sampled_rows = sample_pairs(model, prompts[rows], context.image_shape, how, scale)
            context.progress("pairs", rows.stop, len(prompts))
            return sampled_rows

        return torch.cat(Batches("pairs", batch_size).run(len(prompts), of_rows), 1)

    latents = kept(context.folder / PAIRS, made_of, "latents", sampled, write=context.process == 0)
    instructions = tuple(sorted({pair.instruction for pair in prompts}))
    prompt_of = torch.tensor([instructions.index(pair.instruction) for pair in prompts])
    moments = torch.stack([latents[1], torch.zeros_like(latents[1])])
    return EncodedPairs(latents[0], EncodedSet(moments, prompt_of, instructions))


@torch.no_grad()
def sample_pairs(
    model: LatentDiffusion, prompts: Sequence[PairPrompts], image_shape: ImageShape, how: Sampling, scale: float
) -> torch.Tensor:
    """Scaled latents `(2, N, C, h, w) float32` on the CPU, sources and targets: the same noise under two captions."""
    requests = [Request(Case("pair", pair.source, {}), pair.seed) for pair in prompts]
    noise = start_noise(model, requests, image_shape)
    before, after = model.embed([pair.source for pair in prompts]), model.embed([pair.target for pair in prompts])
    sides = [
        integrate(predict, noise, model.schedule.config, how, step_generators(requests)).cpu()
        for predict in (predictor(model, before), predictor(model, after, scale, before))
    ]
    return torch.stack(sides)


def pair_prompts(train: TrainingSet, count: int | None, seed: int) -> list[PairPrompts]:
    """The captions and instruction of `count` pairs, from the examples that have an edit in turn, each pair with noise
    of its own; `GeneratorError` where no example has one."""
    examples = map(train.__getitem__, range(len(train)))
    edits = [(example.id, *prompts) for example in examples if (prompts := _prompts(example))]
    if not edits:
        raise GeneratorError(
            f"none of {len(train)} training examples: expected a source image, or source_prompt, target_prompt and "
            "instruction to generate pairs from, got neither; take an editing task"
        )
    chosen = [(*edits[index % len(edits)], index // len(edits)) for index in range(count or len(edits))]
    return [
        PairPrompts(source, target, instruction, case_seed(seed, "pair", f"{name}\0{turn}"))
        for name, source, target, instruction, turn in chosen
    ]


def _prompts(example: Example) -> tuple[str, str, str] | None:
    if example.source_prompt is None or example.target_prompt is None or example.instruction is None:
        return None
    return example.source_prompt, example.target_prompt, example.instruction


def _source(pair: Example) -> Example:
    """The source of a pair as an image of its own."""
    if pair.source is None:
        raise GeneratorError(f"training example {pair.id}: expected a source as the others have, got none; drop it")
    if pair.source.shape != pair.image.shape:
        raise GeneratorError(
            f"training example {pair.id}: expected a source of {tuple(pair.image.shape)}, its target's size, got "
            f"{tuple(pair.source.shape)}; resize it"
        )
    return Example(pair.id, pair.source, pair.prompt, pair.source_attributes or {})
