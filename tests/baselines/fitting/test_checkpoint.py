"""A training run's state on disk: whole or not at all, and one clear line for whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from ldbench_baselines.fitting.checkpoint import STATE, Checkpoint, read_metadata, save_atomic
from safetensors.torch import load_file, save_file

from ldbench.errors import GeneratorError

from .full_disk import full_disk


class Run:
    """Two parameters, one of them channels-last, and what training them keeps."""

    def __init__(self) -> None:
        self.parameters = {
            "a": torch.nn.Parameter(torch.zeros(3)),
            "b": torch.nn.Parameter(torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last)),
        }
        self.averaged = {name: value.detach().clone() for name, value in self.parameters.items()}
        self.optimiser = torch.optim.AdamW(self.parameters.values(), lr=0.1, fused=True)
        self.scaler = torch.amp.GradScaler("cpu")

    def trained(self, steps: int) -> Run:
        source = torch.Generator().manual_seed(0)
        for _ in range(steps):
            loss = sum((value * torch.rand(value.shape, generator=source)).sum() for value in self.parameters.values())
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call,arg-type]
            self.scaler.step(self.optimiser)
            self.scaler.update()
        return self

    def save(self, folder: Path, step: int, **settings: object) -> None:
        Checkpoint(folder, settings).save(self.parameters, self.averaged, self.optimiser, self.scaler, step)

    def resume(self, folder: Path, **settings: object) -> int:
        return Checkpoint(folder, settings).resume(self.parameters, self.averaged, self.optimiser, self.scaler)


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    kept, fresh = Run().trained(4), Run()
    kept.averaged["a"] += 7
    kept.scaler.update(512.0)
    kept.save(tmp_path, 4, rate=0.1)
    assert fresh.resume(tmp_path, rate=0.1) == 4
    for name, value in fresh.parameters.items():
        assert torch.equal(value, kept.parameters[name])
        assert value.stride() == kept.parameters[name].stride()
        assert torch.equal(fresh.averaged[name], kept.averaged[name])
        mine, other = fresh.optimiser.state[value], kept.optimiser.state[kept.parameters[name]]
        assert mine.keys() == other.keys()
        assert all(torch.equal(mine[key], other[key]) for key in other)
        assert mine["exp_avg"].stride() == value.stride()
    assert fresh.scaler.get_scale() == 512.0


def test_a_state_without_moments_that_is_no_result_is_no_state(tmp_path: Path) -> None:
    Run().trained(4).save(tmp_path, 4, rate=0.1)
    tensors, metadata = load_file(tmp_path / STATE), read_metadata(tmp_path / STATE)
    kept = {name: value for name, value in tensors.items() if not name.startswith("adam.")}
    save_file(kept, tmp_path / STATE, metadata)
    with pytest.raises(GeneratorError, match=r"expected adam\.\S+ in the checkpoint; remove"):
        Run().resume(tmp_path, rate=0.1)


def test_without_a_file_it_begins_at_step_zero(tmp_path: Path) -> None:
    assert Run().resume(tmp_path / "nowhere", rate=0.1) == 0


@pytest.mark.parametrize(
    ("made", "now", "named"),
    [
        ({"rate": 0.1, "word": "a"}, {"rate": 0.1, "word": "b"}, r"\(word: 'a', now 'b'\)"),
        ({"rate": 0.1}, {"rate": 0.1, "new": 3}, r"\(new: None, now 3\)"),
        ({"rate": 0.1, "gone": 2}, {"rate": 0.1}, r"\(gone: 2, now None\)"),
        ({"rate": None}, {"rate": 0.0}, r"\(rate: None, now 0\.0\)"),
    ],
)
def test_other_settings_are_refused_by_name_and_nothing_is_touched(
    made: dict[str, object], now: dict[str, object], named: str, tmp_path: Path
) -> None:
    Run().trained(2).save(tmp_path, 2, **made)
    before, fresh = (tmp_path / STATE).read_bytes(), Run()
    with pytest.raises(GeneratorError, match=named) as caught:
        fresh.resume(tmp_path, **now)
    assert "\n" not in str(caught.value)
    assert (tmp_path / STATE).read_bytes() == before
    assert not any(value.any() for value in fresh.parameters.values())


def test_one_of_a_time_before_the_backbones_content_was_noted_goes_on_and_notes_it(tmp_path: Path) -> None:
    Run().trained(2).save(tmp_path, 2, backbone="folder")
    run = Run()
    assert run.resume(tmp_path, backbone="folder", backbone_content="a") == 2
    run.trained(1).save(tmp_path, 3, backbone="folder", backbone_content="a")
    with pytest.raises(GeneratorError, match=r"\(backbone_content: 'a', now 'b'\)"):
        Run().resume(tmp_path, backbone="folder", backbone_content="b")


@pytest.mark.parametrize("content", [b"", b"no", b"x" * 500, b"\x10\0\0\0\0\0\0\0" + b'{"a":1}         ', None])
def test_a_broken_file_is_one_line(content: bytes | None, tmp_path: Path) -> None:
    Run().trained(2).save(tmp_path, 2)
    whole = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(GeneratorError, match=r"state\.safetensors: expected safetensors, got .*remove its") as caught:
        Run().resume(tmp_path)
    assert "\n" not in str(caught.value)


def test_somebody_elses_safetensors_is_one_line(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / STATE)
    with pytest.raises(GeneratorError, match=r"state\.safetensors: expected a training checkpoint, .*remove") as caught:
        Run().resume(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path) -> None:
    run = Run().trained(1)
    run.save(tmp_path, 1)
    before = (tmp_path / STATE).read_bytes()
    with full_disk(), pytest.raises(GeneratorError, match=r"can't write .*state\.safetensors: .*free space") as caught:
        run.trained(1).save(tmp_path, 2)
    assert "\n" not in str(caught.value)
    assert (tmp_path / STATE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(GeneratorError, match=r"can't write .*file/fit/state\.safetensors: Not a dir") as caught:
        Run().trained(1).save(tmp_path / "file" / "fit", 1)
    assert "\n" not in str(caught.value)


def test_saving_leaves_one_file_with_its_header(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        save_atomic({"a": torch.full((2,), value)}, tmp_path / "new" / "a.safetensors", {"made_of": "this"})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.safetensors"]
    assert load_file(tmp_path / "new" / "a.safetensors")["a"].tolist() == [2.0, 2.0]
    assert read_metadata(tmp_path / "new" / "a.safetensors") == {"made_of": "this"}


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "a.safetensors", list[tuple[int, bool]]()

    def watched(handle: int) -> None:
        synced.append((os.fstat(handle).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", watched)
    save_atomic({"a": torch.zeros(3)}, path, {})
    assert synced == [(path.stat().st_size, False)]
