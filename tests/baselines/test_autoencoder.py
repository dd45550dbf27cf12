"""The autoencoder's row: the source as the backbone has it, and nothing of the edit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.autoencoder import Autoencoder
from ldbench_baselines.diffusion.latent_diffusion import load_backbone

from ldbench.errors import GeneratorError

from .discs import CPU, Discs, context
from .edits import changed, edit_requests, null


def test_it_is_the_source_encoded_and_decoded_whatever_is_asked(random_backbone: Path, tmp_path: Path) -> None:
    where, requests = context(tmp_path, random_backbone), edit_requests(3)
    row = Autoencoder()
    row.fit(Discs(), where)
    found = row.generate(requests, where)
    assert torch.equal(found, row.generate([null(request) for request in requests], where))
    sources = torch.stack([request.case.source for request in requests if request.case.source is not None])
    assert not torch.equal(found, sources)
    model = load_backbone(str(random_backbone), CPU)
    torch.testing.assert_close(found, model.decode(model.encode(sources)[0]))


def test_it_is_a_reference_and_needs_a_source(random_backbone: Path, tmp_path: Path) -> None:
    assert Autoencoder.reference
    where = context(tmp_path, random_backbone)
    row = Autoencoder()
    row.fit(Discs(), where)
    with pytest.raises(GeneratorError, match="expected a source image"):
        row.generate([changed(edit_requests(1)[0], source=None)], where)
