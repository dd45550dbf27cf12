"""The text tower of a CLIP folder: captions to embeddings that lie beside those of its images.

The folder is `transformer_folders`' own, so that images and texts are of one network, known by one digest. Of the
tokenizer, `tokenizer.json` alone is read, which has a digest of its own. A caption with more tokens than the tower has
positions is cut as the tokenizer cuts: its last words go, its end token stays. Embeddings are kept as features are.

Refuses a tokenizer of another network: its end token is not the one that the tower reads a text at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import MetricError, WeightsError
from ldbench.records.checksum import sha256_file
from ldbench.records.files import write_cache
from ldbench.score.arithmetic import arithmetic_of
from ldbench.score.networks.feature_cache import read_features
from ldbench.score.networks.kept_state import content_key
from ldbench.score.networks.transformer_folders import CLIP_FOLDER
from ldbench.score.networks.weights import unpinned

if TYPE_CHECKING:
    import torch

TOKENIZER = "tokenizer.json"
_BATCH = 64
_HIGHEST = 2  # as `eos_token_id`, in configurations from before 2023: the tower reads a text at its highest token id


def clip_text(extractor: str, tokenizer_sha256: str) -> ClipText:
    """The text half of the CLIP network that a card names. Raises `WeightsError` where its folder is not there."""
    return ClipText(CLIP_FOLDER.find(unpinned(extractor)[1]), extractor, tokenizer_sha256)


@dataclass(frozen=True)
class ClipText:
    """The text half of a checked CLIP folder, with the network's name on a card and the digest of the tokenizer's file.
    """

    folder: Path
    extractor: str
    tokenizer_sha256: str

    @property
    def side(self) -> int:
        """The side in pixels of the images that belong to it."""
        return int(self._config.vision_config.image_size)

    @property
    def positions(self) -> int:
        """How many tokens of a text it reads, begin and end among them."""
        return int(self._config.text_config.max_position_embeddings)

    def check(self) -> None:
        """Raises `WeightsError` where the tokenizer is missing, another file, or another network's."""
        self.tokens(["a"])

    def tokens(self, captions: Sequence[str]) -> list[list[int]]:
        """The token ids of each caption, cut to `positions`. Raises `WeightsError` as `check` does."""
        encoded = self._tokenizer(list(captions), truncation=True, max_length=self.positions)
        for ids in encoded["input_ids"]:
            self._check_tokens(ids)
        return list(encoded["input_ids"])

    def cut(self, captions: Sequence[str]) -> int:
        """How many of the captions have more tokens than `positions`."""
        return sum(len(ids) > self.positions for ids in self._tokenizer(list(captions))["input_ids"])

    def features(
        self, captions: Sequence[str], device: torch.device | str, cache_folder: Path | None = None
    ) -> npt.NDArray[np.float32]:
        """The projected embedding `(N, d) float32` of each caption. `cache_folder` None keeps nothing.

        Raises `WeightsError`, and `MetricError` where they are not finite.
        """
        path = None if cache_folder is None else cache_folder / f"{self._key(captions, device)}.npy"
        kept = None if path is None else read_features(path, len(captions))
        if kept is not None:
            return kept
        features = self._computed(self.tokens(captions), device)
        if not np.isfinite(features).all():
            raise MetricError(f"{self.extractor}: expected finite embeddings of text, got NaN or infinity")
        if path is not None:
            write_cache(path, lambda file: np.save(file, features, allow_pickle=False))
        return features

    def _computed(self, tokens: Sequence[Sequence[int]], device: torch.device | str) -> npt.NDArray[np.float32]:
        """Texts of one length share a batch, so that none is padded."""
        import torch

        network: Any = CLIP_FOLDER.read(self.folder).to(device).eval()
        places: dict[int, list[int]] = defaultdict(list)
        for place, ids in enumerate(tokens):
            places[len(ids)].append(place)
        features = np.empty((len(tokens), network.config.projection_dim), np.float32)
        with torch.inference_mode():
            for alike in places.values():
                for start in range(0, len(alike), _BATCH):
                    rows = alike[start : start + _BATCH]
                    pooled = network.text_model(
                        input_ids=torch.tensor([tokens[row] for row in rows], device=device)
                    ).pooler_output
                    features[rows] = network.text_projection(pooled).float().cpu().numpy()
        return features

    def _key(self, captions: Sequence[str], device: torch.device | str) -> str:
        return content_key({
            "texts": list(captions), "extractor": self.extractor, "tokenizer": self.tokenizer_sha256,
            "arithmetic": arithmetic_of(device),
        })

    @cached_property
    def _config(self) -> Any:
        declare_missing_ops()
        from transformers import CLIPConfig

        return CLIPConfig.from_pretrained(self.folder, local_files_only=True)

    @cached_property
    def _tokenizer(self) -> Any:
        path = self._tokenizer_file()
        declare_missing_ops()
        from transformers import PreTrainedTokenizerFast

        try:
            return PreTrainedTokenizerFast(tokenizer_file=str(path))
        except Exception as error:  # the library raises no narrower one for a file that it can't read
            raise WeightsError(
                f"{path}: expected a tokenizer of the tokenizers library, got {' '.join(str(error).split()):.120}; "
                "save the tokenizer again with save_pretrained"
            ) from error

    def _tokenizer_file(self) -> Path:
        path = self.folder / TOKENIZER
        if not path.is_file():
            raise WeightsError(
                f"missing {path}: expected the tokenizer beside its network, got none; save it there with "
                "save_pretrained"
            )
        got = sha256_file(path)
        if not got.startswith(self.tokenizer_sha256):
            raise WeightsError(
                f"{path}: expected SHA-256 {self.tokenizer_sha256}, got {got}; name the right folder, or ask for "
                f"tokenizer_sha256 = \"{got[:12]}\""
            )
        return path

    def _check_tokens(self, ids: Sequence[int]) -> None:
        """The tower takes one position for the whole text, which must be the end."""
        text = self._config.text_config
        end = max(ids, default=0) if text.eos_token_id == _HIGHEST else text.eos_token_id
        if not ids or max(ids) >= text.vocab_size or end not in ids or ids.index(end) != len(ids) - 1:
            raise WeightsError(
                f"{self.folder / TOKENIZER}: expected a tokenizer that ends each text with the token that the network "
                f"reads it at, below {text.vocab_size}, got tokens {list(ids)!r:.60}; it is another network's"
            )
