"""What is wrong with pixels outside [0, 1], and what repairs it."""

from __future__ import annotations

import pytest
import torch

from ldbench.data.pixel_range import range_fault

IMAGES = torch.linspace(0, 1, 4 * 3 * 2 * 2).reshape(4, 3, 2, 2)


@pytest.mark.parametrize(
    ("images", "got", "remedy"),
    [
        (IMAGES * 1.1 - 0.05, "-0.05 to 1.05", "clamp what sampling"), (IMAGES * 2 - 1, "-1 to 1", "scale them"),
        (IMAGES * 255, "0 to 255", "scale them"),
        (IMAGES.where(IMAGES < 1, torch.inf), "NaN or infinity in 1 of 4 images, first at index 3", "look for"),
        (IMAGES.where(IMAGES > 0, -torch.inf), "NaN or infinity in 1 of 4 images, first at index 0", "look for"),
        (IMAGES.where(IMAGES < 0.5, torch.nan), "NaN or infinity in 2 of 4 images, first at index 2", "look for"),
    ],
)
def test_a_fault_says_what_was_got_and_what_repairs_it(images: torch.Tensor, got: str, remedy: str) -> None:
    for form in (images, images.double().numpy()):
        found = range_fault(form, lambda index: f"at index {index}")
        assert found is not None
        if "NaN" in got:
            assert found[0] == got
        else:
            assert [float(end) for end in found[0].split(" to ")] == pytest.approx(
                [float(end) for end in got.split(" to ")], abs=1e-4
            )
        assert found[1].startswith(remedy)


def test_what_rounding_leaves_outside_is_none() -> None:
    assert range_fault(IMAGES + 5e-7, str) is None
    assert range_fault(IMAGES.numpy() - 5e-7, str) is None
