"""The networks that ship with the sandbox: a file is found by the digest that the recipe prints, and is made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ldbench.score.networks.kept_state import state_of_digest
from recipes.sandbox.scan_networks import CARDS, FOLDER, ship

from ...drawn_scans import QUICK, drawn


def test_a_shipped_file_is_known_by_its_digest_and_made_again_the_same(tmp_path: Path) -> None:
    pins = {"a": None, "b": "0" * 64}
    digests = [ship(replace(QUICK, sha256=pin), drawn(), tmp_path / name) for name, pin in pins.items()]
    first, second = (tmp_path / name / "drawn.safetensors" for name in "ab")
    assert digests[0] == digests[1]
    assert all(state_of_digest([path], digests[0]) is not None for path in (first, second))


def test_there_is_a_file_for_each_card() -> None:
    names = {path.name for path in FOLDER.iterdir() if "-judge-" not in path.name}
    assert names == {f"{name.removesuffix('-t2i')}.safetensors" for name in CARDS}
