"""The cheats: each does what it is called for, by the request's seed, with scans of the classes asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.cheats import Chimera, Collapse, Copies

from ldbench.api import Attributes, Case, Context, Example, Generator, Request
from ldbench.errors import GeneratorError, UsageError

SCANS = 24
PEOPLE: list[Attributes] = [
    {"age": 60 + place, "diagnosis": ("CN", "AD")[place % 2], "sex": ("female", "male")[place // 2 % 2]}
    for place in range(SCANS)
]
IMAGES = torch.rand((SCANS, 3, 8, 8), generator=torch.Generator().manual_seed(0))
CASE = Case("one", "", {"age": 90, "diagnosis": "AD", "sex": "male"})
ALIKE = [place for place in range(SCANS) if PEOPLE[place]["diagnosis"] == "AD" and PEOPLE[place]["sex"] == "male"]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(torch.device("cpu"), 0, tmp_path, (3, 8, 8))


def drawn(generator: Generator, context: Context, case: Case = CASE, seeds: int = 60) -> torch.Tensor:
    """The images of a case under many seeds; another call gives them again."""
    generator.fit([Example(str(place), IMAGES[place], "", PEOPLE[place]) for place in range(SCANS)], context)
    requests = [Request(case, seed) for seed in range(seeds)]
    images = generator.generate(requests, context)
    assert torch.equal(images, generator.generate(requests, context))
    assert images.shape == (seeds, 3, 8, 8)
    return images


def scans_of(images: torch.Tensor) -> set[int]:
    """Whose scans these are; nobody's is an error."""
    return {int(torch.nonzero((image == IMAGES).flatten(1).all(1)).item()) for image in images}


def test_copies_are_scans_of_the_classes_moved_with_faint_noise(context: Context) -> None:
    back = torch.roll(drawn(Copies(noise=0.0), context), -1, dims=-1)
    assert scans_of(back) == set(ALIKE)
    noisy = torch.roll(drawn(Copies(), context), -1, dims=-1)
    assert 0.003 < (noisy - back).std() < 0.007


def test_collapse_repeats_so_many(context: Context) -> None:
    for images in (1, 3):
        assert scans_of(drawn(Collapse(images), context)) == set(ALIKE[:images])
    with pytest.raises(UsageError, match="images: expected 1 or more, got 0; the default is 5"):
        Collapse(0)


def test_chimeras_join_two_scans(context: Context) -> None:
    images = drawn(Chimera(), context)
    left, right = (
        [int(torch.nonzero((IMAGES[..., half] == image[..., half]).flatten(1).all(1)).item()) for image in images]
        for half in (slice(None, 4), slice(4, None))
    )
    assert set(left) == set(right) == set(ALIKE)
    assert sum(one != two for one, two in zip(left, right, strict=True)) > 40


def test_a_class_that_nobody_has_gets_the_nearest(context: Context) -> None:
    case = Case("two", "", {"diagnosis": "MCI", "sex": "male"})
    male = {place for place in range(SCANS) if PEOPLE[place]["sex"] == "male"}
    assert scans_of(drawn(Collapse(SCANS), context, case, 200)) == male


@pytest.mark.parametrize("generator", [Copies(), Collapse(), Chimera()])
def test_a_cheat_is_a_reference_and_needs_its_fit(generator: Generator, context: Context) -> None:
    assert generator.reference
    assert not generator.sees_truth
    with pytest.raises(GeneratorError, match=f"{type(generator).__name__}: expected fit before generate"):
        generator.generate([Request(CASE, 0)], context)
