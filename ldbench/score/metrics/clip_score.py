"""CLIPScore: how well a generated image agrees with its prompt, by a CLIP network of the user's own.

CLIPScore of an image and a text is w max(cos, 0) of their embeddings (Hessel et al. 2021, arXiv 2104.08718, Eq. 1). The
paper has w = 2.5 and puts "A photo depicts" before the text. We take w = 100 and the text as it is, as torchmetrics
does; but torchmetrics cuts the mean of a batch at 0, and we each case, as the paper does. A text that is too long keeps
its end token here; torchmetrics cuts that off too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs
from ldbench.errors import MetricError, WeightsError
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.row_blocks import Features, row_blocks, rows_of
from ldbench.score.networks.clip_text import clip_text
from ldbench.score.networks.features import extract
from ldbench.score.networks.transformer_folders import CLIP_FOLDER
from ldbench.score.networks.weights import PIN, unpinned

WEIGHT = 100.0


@dataclass(frozen=True)
class ClipSpec:
    """CLIPScore: the CLIP network as `clip@sha256:DIGEST`, and the SHA-256 of its folder's `tokenizer.json`, of which
    12 digits are enough."""

    extractor: str
    tokenizer_sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{12,64}", self.tokenizer_sha256):
            raise TypedError(
                f"tokenizer_sha256: expected 12 to 64 hexadecimal digits, got {self.tokenizer_sha256!r:.70}"
            )

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: a network that reads no text, a tokenizer that is missing, another one or another
        network's. Of its weights the network tells itself (`ldbench.api.Network.find`)."""
        try:
            self.check_name(name)
            text = clip_text(self.extractor, self.tokenizer_sha256)
        except WeightsError:
            return
        except MetricError as error:
            yield str(error)
            return
        try:
            text.check()
        except WeightsError as error:
            yield f"{name}: {error}"

    def check_name(self, metric: str) -> None:
        """Raises `MetricError` for another network than CLIP."""
        if unpinned(self.extractor)[0] != CLIP_FOLDER.name:
            raise MetricError(
                f"{metric}: expected the extractor {CLIP_FOLDER.name}{PIN}DIGEST, got {self.extractor}; no other "
                "network reads prompts"
            )


def clip_score_values(images_nd: Features, texts_ud: Features, text_n: npt.NDArray[np.int64]) -> Array:
    """100 max(cos, 0) of the embeddings of each image and of its text, `(N,)` in [0, 100].

    `text_n` says which row of `texts_ud` is each image's. Raises `MetricError` for an embedding of zeros.
    """
    unit_ud = _unit(np.asarray(texts_ud, np.float64))
    return np.concatenate([
        np.clip(WEIGHT * (_unit(rows_of(images_nd, rows)) * unit_ud[text_n[rows]]).sum(axis=1), 0, WEIGHT)
        for rows in row_blocks(len(images_nd))
    ])


def _unit(rows_bd: Array) -> Array:
    length_b = np.linalg.norm(rows_bd, axis=1, keepdims=True)
    if not (length_b > 0).all():
        raise MetricError("clip_score: expected embeddings that have a direction, got one of zeros; check the weights")
    return np.asarray(rows_bd / length_b, np.float64)


def _of_inputs(inputs: MetricInputs, settings: ClipSpec) -> Measured:
    captions = inputs.captions
    settings.check_name("clip_score")
    text = clip_text(settings.extractor, settings.tokenizer_sha256)
    different = {caption: row for row, caption in enumerate(dict.fromkeys(captions))}
    texts_ud = text.features(list(different), inputs.device, inputs.cache_folder)
    images_nd = extract(
        inputs.lazy.generated, settings.extractor, resize=text.side, device=inputs.device,
        cache_folder=inputs.cache_folder, progress=inputs.progress,
    )
    values = clip_score_values(images_nd, texts_ud, np.array([different[caption] for caption in captions]))
    return mean_score(
        "clip_score", values, "higher", {
            **inputs.network_parameters(settings.extractor, text.side), "tokenizer_sha256": settings.tokenizer_sha256,
            "scale": "100 cosine, 0 where that is negative",
            "text": "the prompt as it is, of an edit the caption of the wanted image",
            "most_tokens": text.positions, "observed_cut_prompts": text.cut(captions),
        }, settings.extractor,
    )


CLIP_SCORE = Metric(
    name="clip_score", title="CLIPScore of the image and its prompt",
    summary="Cosine of the embeddings of image and prompt by your own CLIP network, times 100; 0 where negative.",
    direction="higher", compute=_of_inputs, compares="generated images and their prompts", settings=ClipSpec,
    bounds=(0.0, WEIGHT), networks=(CLIP_FOLDER.name,), axis="condition",
)
