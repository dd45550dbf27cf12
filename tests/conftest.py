"""What all tests share: one thread a worker, a cache of their own, and a small card on real sandbox data."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path

# before torch is imported: workers with two threads each would spend their time waiting for one another
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from hypothesis import settings

from tests.made_once import MadeOnce, made_once

__all__ = ["made_once"]

CARDS = Path(__file__).parent.parent / "tasks"

# no time limit an example: on a shared machine the slowest of many is no defect
settings.register_profile("suite", deadline=None, max_examples=25)
settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """No search for garbage while tests are collected, nor afterwards among them and what they import: it all stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(made_once: MadeOnce) -> Iterator[None]:
    """No test reads or writes the user's cache; the session's tests share one, whatever worker runs them."""
    before = os.environ.get("LDBENCH_CACHE")
    os.environ["LDBENCH_CACHE"] = str(made_once.root / "cache")
    yield
    if before is None:
        del os.environ["LDBENCH_CACHE"]
    else:
        os.environ["LDBENCH_CACHE"] = before


@pytest.fixture
def tf32_allowed() -> Iterator[None]:
    """Products of matrices may be in TF32, as a program around the suite may ask; convolutions may from the start."""
    import torch

    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision("highest")


QUICK_METRICS = "[metrics.auc]\nepochs = 1\nbatch_size = 8\nlearning_rate = 0.001\nwidth = 16\n"
CHEAP_METRICS = '[metrics.kid]\nextractor = "tests.stand_ins.pooled:POOLED"\nresize = 64\n'


def cheap_card(folder: Path, cases: int = 8) -> Path:
    """The same card, whose score costs a tenth of a second and needs no weights: where any score will do."""
    return small_card(folder, cases, CHEAP_METRICS)


def small_card(folder: Path, cases: int = 8, metrics: str = QUICK_METRICS) -> Path:
    """The brain card with few cases, the given metrics and no viewing conditions, as a file; of version 2."""
    text = (CARDS / "sandbox-brain-t2i.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^version = \d+$", "version = 2", text)
    text = text[: text.index("[viewing]")] + metrics
    text = text.replace('id = "sandbox-brain-t2i"', 'id = "small"')
    text = text.replace("evaluation_cases = 200", f"evaluation_cases = {cases}")
    text = text.replace("cases = 600", f"cases = {cases}")
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path
