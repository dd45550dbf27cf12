"""What each failure does to images: just what its name says, seeded, and to nothing that it was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldbench.errors import UnknownNameError
from ldbench.studies.gauntlet.catalogue import FAILURES, failures_of
from ldbench.studies.gauntlet.failure import Failure, Images, Material, NotPossibleError

from .conftest import images

BY_NAME = {failure.name: failure for failure in FAILURES}


def run(name: str, material: Material, severity: float, seed: int = 0) -> Images:
    return BY_NAME[name].make(material, severity, np.random.default_rng(seed))


def same(one: Images, two: Images) -> np.ndarray:
    """Which images of two sets are equal, `(N,)`."""
    return (one == two).reshape(len(one), -1).all(axis=1)


def places(results: Images, pool: Images) -> list[int]:
    """Where in the pool each image is; it must be there."""
    found = [np.flatnonzero(same(np.broadcast_to(image, pool.shape), pool)) for image in results]
    assert all(len(each) == 1 for each in found)
    return [int(each[0]) for each in found]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_every_failure_gives_as_many_images_again_and_again_and_leaves_its_material_alone(
    failure: Failure, material: Material
) -> None:
    before = [array.copy() for array in vars(material).values() if isinstance(array, np.ndarray)]
    for severity in failure.severities:
        results, again = (failure.make(material, severity, np.random.default_rng(7)) for _ in range(2))
        assert (results.shape, results.dtype) == (material.perfect.shape, np.float32)
        assert np.array_equal(results, again)
        assert -0.5 < results.min() <= results.max() < 1.5  # `as_images` cuts the rest
    assert not np.array_equal(results, material.perfect)
    after = [array for array in vars(material).values() if isinstance(array, np.ndarray)]
    assert all(map(np.array_equal, before, after))


def test_names_are_slugs_used_once_and_severities_grow() -> None:
    assert len(BY_NAME) == len(FAILURES)
    for failure in FAILURES:
        assert failure.name == failure.name.lower().replace(" ", "-")
        assert list(failure.severities) in (sorted(failure.severities), sorted(failure.severities, reverse=True))
        assert failure.unseen <= len(failure.severities)
    assert {kind for failure in FAILURES for kind in failure.kinds} == {
        "text-to-image", "aging", "disease-counterfactual"
    }


def test_a_name_picks_its_failure_and_another_kinds_is_unknown() -> None:
    assert [failure.name for failure in failures_of("aging", ["noise", "blur"])] == ["blur", "noise"]
    with pytest.raises(UnknownNameError, match="collapse"):
        failures_of("aging", ["collapse"])


@pytest.mark.parametrize("name", ["blur", "noise", "contrast", "veil", "background-noise"])
def test_appearance_changes_more_with_severity_and_in_all_channels_alike(name: str, material: Material) -> None:
    changes = [np.abs(run(name, material, one) - material.perfect).mean() for one in BY_NAME[name].severities]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]
    assert np.ptp(run(name, material, BY_NAME[name].severities[-1]), axis=1).max() < 1e-6


def test_background_noise_stays_there_and_needs_a_background(material: Material) -> None:
    results, black = run("background-noise", material, 0.02), material.perfect == 0
    assert np.array_equal(results[~black], material.perfect[~black])
    assert results[black].std() > 0.005
    with pytest.raises(NotPossibleError, match="no black background"):
        run("background-noise", replace(material, perfect=material.perfect + 0.1), 0.02)


def test_lengths_are_shares_of_the_side(material: Material) -> None:
    large = replace(material, perfect=material.perfect.repeat(4, axis=-1).repeat(4, axis=-2))
    small_first = run("shift", material, 4).repeat(4, axis=-1).repeat(4, axis=-2)
    assert np.array_equal(run("shift", large, 4), small_first)
    assert np.array_equal(run("shift", material, 4), np.roll(material.perfect, 2, axis=-1))


def test_jpeg_is_nearer_at_higher_quality(material: Material) -> None:
    near, far = (np.abs(run("jpeg", material, one) - material.perfect).mean() for one in (95, 10))
    assert 0 < near < far


def test_chimeras_keep_one_part_and_take_each_other_from_somebody_else(material: Material) -> None:
    half, perfect = material.perfect.shape[-1] // 2, material.perfect
    for subjects in (2, 4):
        results = run("chimera", material, subjects)
        assert np.array_equal(results[..., :half, :half], perfect[..., :half, :half])
        others = places(results[..., :half, half:], perfect[..., :half, half:])
        assert sorted(others) == list(range(12))
        assert not any(index == other for index, other in enumerate(others))
    quarters = [places(results[..., half:, columns], perfect[..., half:, columns])
                for columns in (slice(None, half), slice(half, None))]
    assert len({tuple(others), *map(tuple, quarters)}) == 3


def test_mirrored_images_equal_their_mirror_and_keep_the_left(material: Material) -> None:
    results, half = run("mirrored", material, 1), material.perfect.shape[-1] // 2
    assert np.array_equal(results, results[..., ::-1])
    assert np.array_equal(results[..., :half], material.perfect[..., :half])


@pytest.mark.parametrize(("name", "axis"), [("left-right", -1), ("upside-down", -2)])
def test_flips_flip_their_share(name: str, axis: int, material: Material) -> None:
    assert np.array_equal(run(name, material, 1), np.flip(material.perfect, axis))
    quarter = run(name, material, 0.25)
    assert same(quarter, material.perfect).sum() == 9
    assert same(quarter, np.flip(material.perfect, axis)).sum() == 3


@pytest.mark.parametrize(("name", "level"), [("lesion", 0.95), ("hole", 0.02)])
def test_a_false_finding_is_a_disc_in_each_image(name: str, level: float, material: Material) -> None:
    results = run(name, material, 1)
    changed = (results != material.perfect).all(axis=1).sum(axis=(1, 2))
    assert (np.abs(changed - np.pi * 2.5**2) < 6).all()
    assert np.unique(results[results != material.perfect]) == pytest.approx([level])


def test_shuffling_keeps_all_grey_levels_and_the_rim(material: Material) -> None:
    results = run("shuffled", material, 1)
    assert np.array_equal(np.sort(results.reshape(12, -1)), np.sort(material.perfect.reshape(12, -1)))
    assert np.array_equal(results[..., :8, :], material.perfect[..., :8, :])


def test_collapse_keeps_so_many_of_each_class(material: Material) -> None:
    labels = np.array(material.labels)
    kept = {}
    for distinct in (4, 2, 1):
        results = run("collapse", material, distinct)
        indices = places(results, material.perfect)
        assert [labels[index] for index in indices] == list(labels)
        kept[distinct] = set(indices)
        assert len(kept[distinct]) == 2 * distinct
    assert kept[1] < kept[2] < kept[4]


@pytest.mark.parametrize("at_a_time", [1, 4, 15])
def test_tails_are_what_lies_far_from_the_class_mean(
    material: Material, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldbench.studies.gauntlet.population._STEP", at_a_time)
    labels = np.array(material.train_labels)
    results = run("tails", material, 0.4)
    chosen = places(results, material.train)
    assert [labels[index] for index in chosen] == list(material.labels)
    for label in "ab":
        members = np.flatnonzero(labels == label)
        mean = material.train[members].mean(axis=0)
        near = sorted(members, key=lambda index: float(((material.train[index] - mean) ** 2).sum()))[:6]
        assert {index for index in chosen if labels[index] == label} == set(near)


def test_averages_are_of_the_class(material: Material) -> None:
    level = {"a": 0.25, "b": 0.75}
    flat = np.array([level[label] for label in material.train_labels], np.float32)[:, None, None, None]
    constant = replace(material, train=np.broadcast_to(flat, material.train.shape).copy())
    results = run("averaged", constant, 4)
    assert [float(image.mean()) for image in results] == pytest.approx([level[label] for label in material.labels])


def test_class_share_and_swapped_classes_miss_the_requests(material: Material) -> None:
    labels = np.array(material.train_labels)
    assert (labels[places(run("class-share", material, 0.75), material.train)] == "a").sum() == 9
    indices = places(run("swapped-classes", material, 1), material.perfect)
    assert sorted(indices) == list(range(12))
    assert all(material.labels[index] != material.labels[place] for place, index in enumerate(indices))
    half = places(run("swapped-classes", material, 0.5), material.perfect)
    assert sorted(half) == list(range(12))
    assert sum(material.labels[index] != material.labels[place] for place, index in enumerate(half)) == 6


def test_another_modality_comes_from_elsewhere_or_is_not_possible(material: Material) -> None:
    assert material.elsewhere is not None
    results = run("other-modality", material, 0.25)
    changed = ~same(results, material.perfect)
    assert changed.sum() == 3
    places(results[changed], material.elsewhere)
    with pytest.raises(NotPossibleError, match="no other data set"):
        run("other-modality", replace(material, elsewhere=None), 0.25)


def test_copies_are_training_scans_and_disguised_ones_are_near_them(material: Material) -> None:
    copied = run("copies", material, 1)
    chosen = places(copied, material.train)
    assert len(set(chosen)) == 12
    assert [material.train_labels[index] for index in chosen] == list(material.labels)
    assert np.array_equal(run("shifted-copies", material, 1), np.roll(copied, 1, axis=-1))
    assert 0 < np.abs(run("noisy-copies", material, 0.005) - copied).max() < 0.05
    places(run("test-copies", material, 1), material.test)


def test_edits_lie_on_the_line_from_source_to_truth(material: Material) -> None:
    assert material.sources is not None
    assert material.subjects is not None
    assert np.array_equal(run("too-little", material, 1), material.sources)
    step = material.perfect - material.sources
    assert run("too-little", material, 0.5) == pytest.approx(material.sources + 0.5 * step, abs=1e-6)
    assert run("too-much", material, 0.5) == pytest.approx((material.sources + 1.5 * step).clip(0, 1), abs=1e-6)
    assert same(run("unedited", material, 0.5), material.sources).sum() == 6
    assert same(run("other-subject", material, 1), material.subjects).all()


def test_any_size_and_colour_go_through(material: Material) -> None:
    colour = np.random.default_rng(0).uniform(0, 1, (12, 3, 40, 24)).astype(np.float32)
    colour[:, :, :4] = 0
    oblong = replace(
        material, perfect=colour, sources=colour[::-1], subjects=colour[::-1], elsewhere=colour[:5],
        train=np.concatenate([colour, colour, colour[:6]]), test=np.concatenate([colour, colour[:4]]),
    )
    for failure in FAILURES:
        results = failure.make(oblong, failure.severities[-1], np.random.default_rng(0))
        assert results.shape == colour.shape, failure.name
    assert images(2, 0, 16).shape == (2, 3, 16, 16)
