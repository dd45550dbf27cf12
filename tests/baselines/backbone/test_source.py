"""A backbone by name: packaged, a folder, or a hub id from the hub's cache; fetched only with permission.

The hub is a folder here: `snapshot_download` for the local cache is the real one, the network is replaced.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import HfApi
from huggingface_hub.utils import filter_repo_objects
from ldbench_baselines.diffusion.latent_diffusion import load_backbone

from ldbench.errors import WeightsError

CPU = torch.device("cpu")
NAME = "some-body/stable-diffusion"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put_into_cache(cache: Path, source: Path, files: Sequence[Path]) -> Path:
    """Lay files of the folder `source` into a hub cache: blobs, a snapshot of links to them, and a ref."""
    repository = cache / f"models--{NAME.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    for folder in (repository / "blobs", repository / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    for file in files:
        link = snapshot / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        blob = repository / "blobs" / hashlib.sha256(str(link).encode()).hexdigest()
        shutil.copy(file, blob)
        if not link.is_symlink():
            link.symlink_to(blob)
    return snapshot


def files_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache; huggingface_hub reads its constants when it is called, so no environment is needed."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "repo_info", forbidden)
    return tmp_path / "hub"


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("the network was asked for without permission")


class FakeHub:
    """The hub as one folder: answers for `snapshot_download` and notes what was fetched."""

    def __init__(self, repository: Path, cache: Path) -> None:
        self.repository, self.cache, self.fetched = repository, cache, list[str]()

    def snapshot_download(self, repo_id: str, *, allow_patterns: list[str], **options: Any) -> Any:
        assert repo_id == NAME
        if options.get("local_files_only"):
            return REAL_SNAPSHOT_DOWNLOAD(repo_id, allow_patterns=allow_patterns, **options)
        listed = [path.relative_to(self.repository).as_posix() for path in files_of(self.repository)]
        chosen = list(filter_repo_objects(listed, allow_patterns=allow_patterns))
        if options.get("dry_run"):
            return [SimpleNamespace(filename=file) for file in chosen]
        self.fetched += chosen
        return str(put_into_cache(self.cache, self.repository, [self.repository / file for file in chosen]))


REAL_SNAPSHOT_DOWNLOAD = huggingface_hub.snapshot_download


@pytest.fixture
def hub(backbone_copy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(backbone_copy, cache)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    return fake


def refused(expected: str, name: str = NAME, download: bool = False) -> None:
    with pytest.raises(WeightsError, match=expected) as caught:
        load_backbone(name, CPU, download=download)
    assert "\n" not in str(caught.value)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("download", [False, True])
def test_what_lies_in_the_cache_is_loaded_without_the_network(
    download: bool, random_backbone: Path, cache: Path
) -> None:
    put_into_cache(cache, random_backbone, files_of(random_backbone))
    model = load_backbone(NAME, CPU, download=download)
    assert torch.equal(model.embed(["a brain"]), load_backbone(str(random_backbone), CPU).embed(["a brain"]))


def test_what_is_not_in_the_cache_needs_permission(cache: Path) -> None:
    refused(r"in the hub cache .*hub it is not there; allow the download with --set download=true")


def test_what_the_cache_holds_in_part_says_what_is_missing(random_backbone: Path, cache: Path) -> None:
    put_into_cache(cache, random_backbone, [file for file in files_of(random_backbone) if "unet" not in str(file)])
    refused(r"is there incompletely \(no unet/config.json\); allow the download")


def test_a_link_to_a_lost_blob_counts_as_missing(random_backbone: Path, cache: Path) -> None:
    snapshot = put_into_cache(cache, random_backbone, files_of(random_backbone))
    (snapshot / "unet" / "diffusion_pytorch_model.safetensors").resolve().unlink()
    refused(r"is there incompletely \(no weights of the unet\)")


def test_only_the_files_that_are_needed_are_fetched(hub: FakeHub) -> None:
    parts = ("unet", "vae", "text_encoder", "safety_checker")
    unwanted = [f"{part}/{file}" for part in parts for file in (
        "diffusion_pytorch_model.bin", "model.ckpt", "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.non_ema.safetensors", "model.fp16.safetensors", "flax_model.msgpack",
    )] + ["v1-4.ckpt", "v1-4.safetensors", "safety_checker/model.safetensors"]
    for file in unwanted:
        (hub.repository / file).parent.mkdir(exist_ok=True)
        (hub.repository / file).write_bytes(b"unwanted")
    model = load_backbone(NAME, CPU, download=True)
    assert model.embed(["a brain"]).isfinite().all()
    assert sorted(hub.fetched) == [
        "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
        "text_encoder/model.safetensors", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json",
        "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ]


@pytest.mark.parametrize("missing", ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"])
def test_a_repository_that_is_none_is_told_before_weights_are_fetched(missing: str, hub: FakeHub) -> None:
    (hub.repository / missing).unlink()
    refused(r"lacks unet/config.json|no safetensors of the unet, and pickled ones", download=True)
    assert not [file for file in hub.fetched if file.endswith(".safetensors")]


def test_without_a_network_the_variable_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(r"can't be downloaded while HF_HUB_OFFLINE=1 is set", download=True)


def response(status: int) -> Any:
    return SimpleNamespace(status_code=status, headers={}, request=None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionError("Name or service\nnot known"), r"can't be downloaded.*Name or service not known.*check"),
        (HfHubHTTPError.__bases__[0]("bad proxy"), r"can't be downloaded from https.*bad proxy"),
        (HfHubHTTPError("server error", response=response(503)), r"can't be downloaded from https.*server error"),
        (GatedRepoError("gated", response=response(403)), r"gates it; accept the terms at https.*/some-body/stable"),
        (RepositoryNotFoundError("not found", response=response(404)), r"no such repository that you may read"),
    ],
    ids=["no network", "proxy", "server", "gated", "unknown"],
)
def test_a_failing_download_is_one_line(
    error: Exception, expected: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(HfApi, "repo_info", fail)
    refused(expected, download=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tiny-sdd", r"no such .*did you mean tiny-sd\?"), ("/no/such/one", r"no such folder \(looked in /no/such\)"),
     ("a/b/c", r"no such folder"), ("a--b/c", r"no such folder"), ("stable-diffusion", r"packaged: tiny-sd; expected")],
)
def test_a_name_that_is_nothing_is_one_line(name: str, expected: str, cache: Path) -> None:
    refused(expected, name, download=True)
