"""A random backbone that tests share, copies of it to damage, short starts, and the libraries' log."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ldbench_baselines.fitting.checkpoint import Checkpoint
from ldbench_baselines.instruct_pix2pix import InstructPix2Pix

from tests.baselines.discs import quick
from tests.stand_ins.backbone import save_random_backbone


def edit_json(path: Path, **changes: object) -> None:
    """Overwrite keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.fixture(scope="session")
def random_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved backbone that no test may change."""
    return save_random_backbone(tmp_path_factory.mktemp("random-backbone"))


@pytest.fixture(scope="session")
def kit_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the 64 pixels of the conformance kit, with latents as small as Stable Diffusion has them there."""
    return save_random_backbone(tmp_path_factory.mktemp("kit-backbone"), halvings=3)


@pytest.fixture
def backbone_copy(random_backbone: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(random_backbone, tmp_path / "backbone"))


@pytest.fixture
def library_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What transformers and diffusers log; their loggers pass nothing on to the root, where pytest listens."""
    loggers = [logging.getLogger(name) for name in ("transformers", "diffusers")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield caplog
    for logger in loggers:
        logger.removeHandler(caplog.handler)


@pytest.fixture
def moments_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint after the last step has what those before it have: values and moments, which tests look at."""
    save = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", lambda self, *state, last=False: save(self, *state))


@pytest.fixture
def short_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts of few steps: where they need not be good."""

    def tuner(self: InstructPix2Pix, method: type[Any]) -> Any:
        return quick(method, steps=2, delta=0.0 if self.drift_where == "sample" else self.delta)

    monkeypatch.setattr(InstructPix2Pix, "_tuner", tuner)
