"""A file beside a result: absent, its own, or refused in one line that says both values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldbench.errors import ResultError
from ldbench.records.sidecar import own_sidecar

RESULT = {"ssim": 0.5, "images": "1" * 64}


def read(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found


def beside(folder: Path, **found: object) -> dict[str, object] | None:
    (folder / "more.json").write_text(json.dumps(found), encoding="utf-8")
    return own_sidecar(folder / "result.json", "more.json", read, lambda values: values, RESULT)


def test_what_repeats_the_result_or_a_part_of_it_is_its_own(tmp_path: Path) -> None:
    assert own_sidecar(str(tmp_path / "result.json"), "more.json", read, lambda values: values, RESULT) is None
    assert beside(tmp_path) == {}
    assert beside(tmp_path, **RESULT) == RESULT


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"ssim": 0.25}, r"expected ssim 0\.5 as in the result beside it, got 0\.25; they contradict each other"),
        ({"images": "2" * 64}, r"expected images 1{24} as in the result beside it, got 2{24}; they contradict"),
        ({"psnr": 20.0}, r"expected psnr None as in the result beside it, got 20\.0; they contradict"),
    ],
)
def test_another_results_file_is_one_line_of_both_values(tmp_path: Path, found: dict[str, object], said: str) -> None:
    remedy = r"restore both as one run left them \(.*which was altered\)$"
    with pytest.raises(ResultError, match=rf"more\.json: {said}.*{remedy}") as caught:
        beside(tmp_path, **found)
    assert "\n" not in str(caught.value)
