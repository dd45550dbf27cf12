"""The registered rows on a backbone: drift rows differ in drift alone, and each method keeps the common contract."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ldbench.testing import check_generator

from .rows import ROWS


@pytest.mark.parametrize("name", [name for name in ROWS if name.endswith("-ld")])
def test_a_drift_row_is_its_plain_row_with_the_papers_drift(name: str) -> None:
    drifting, plain = (dataclasses.asdict(ROWS[each]()) for each in (name, name.removesuffix("-ld")))
    assert issubclass(ROWS[name], ROWS[name.removesuffix("-ld")])
    differing = {key: drifting[key] for key in drifting if drifting[key] != plain[key]}
    assert differing == ({"delta_sample": 0.1} if name == "sd-ld" else {"delta": 0.1})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["sd-ld", "textual-inversion-ld", "dreambooth", "custom-diffusion-ld", "lora", "basic-ft-zero-snr"],
)
def test_each_method_passes_the_kit_that_outsiders_pass(name: str, kit_backbone: Path) -> None:
    few: dict[str, Any] = {"steps": 2, "sampling_steps": 3, "batch_size": 4, "class_images": 3}
    fields = {field.name for field in dataclasses.fields(ROWS[name])}
    generator = ROWS[name](**{key: value for key, value in few.items() if key in fields})
    findings = check_generator(generator, backbone=str(kit_backbone))
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) > 5
