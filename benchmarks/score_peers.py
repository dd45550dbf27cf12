"""The packages that compute single scores, each called as its own documentation has it, on the networks it is given.

Two networks stand for the published ones: an Inception-v3 in clean-fid's format and an AlexNet in torchvision's. Every
package sees the same pixels before the network, clean-fid's resizing, so that their results can be compared.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ldbench._torchvision import declare_missing_ops

declare_missing_ops()

import torch  # noqa: E402 (the packages below import torchvision, which must find its operators declared)
from cleanfid import fid as clean_fid  # noqa: E402
from cleanfid.inception_torchscript import InceptionV3W  # noqa: E402
from cleanfid.resize import build_resizer  # noqa: E402
from PIL import Image  # noqa: E402

Values = Mapping[str, float]


@dataclass(frozen=True)
class Job:
    """Two folders of PNG files, a generated image and its target under one name, and the two networks' files.

    `inception` is the folder of a file with the published file's name, `k` the neighbours of precision and recall;
    the networks run on `device`.
    """

    generated: Path
    real: Path
    inception: Path
    alexnet: Path
    k: int
    device: str = "cpu"

    @property
    def count(self) -> int:
        """Images of a folder."""
        return len(list(self.real.glob("*.png")))


class _Features(torch.nn.Module):
    """Images `(N, 3, H, W) uint8` to features `(N, 2048)`, as torchmetrics and torch-fidelity ask their networks."""

    num_features = 2048

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.network = InceptionV3W(str(folder), download=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        resized = [_resizer()(image) for image in images.permute(0, 2, 3, 1).cpu().numpy()]
        seen = torch.from_numpy(np.stack(resized).transpose(0, 3, 1, 2).copy()).to(images.device)
        features: torch.Tensor = self.network(seen)
        return features


@functools.cache
def _resizer() -> Callable[[Any], Any]:
    resized: Callable[[Any], Any] = build_resizer("clean")
    return resized


def batches(job: Job, size: int = 16) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of batches `(n, 3, H, W) uint8` on the device, generated and target, as a loop of the user's reads them."""
    names = sorted(path.name for path in job.real.glob("*.png"))
    read = [
        [torch.from_numpy(np.array(Image.open(folder / name).convert("RGB"))).permute(2, 0, 1) for name in names]
        for folder in (job.generated, job.real)
    ]
    return [
        (torch.stack(read[0][start : start + size]).to(job.device),
         torch.stack(read[1][start : start + size]).to(job.device))
        for start in range(0, len(names), size)
    ]


def clean_fid_fid(job: Job) -> Values:
    """`compute_fid` of two folders."""
    network = InceptionV3W(str(job.inception), download=False).to(job.device)
    value = clean_fid.compute_fid(
        str(job.generated), str(job.real), device=torch.device(job.device), num_workers=0, verbose=False,
        custom_feat_extractor=network,
    )
    return {"fid": float(value)}


def clean_fid_kid(job: Job) -> Values:
    """What `compute_kid` of two folders does, which takes no network of the user's."""
    network = InceptionV3W(str(job.inception), download=False).to(job.device)
    generated, real = (
        clean_fid.get_folder_features(
            str(folder), network, num_workers=0, batch_size=32, device=torch.device(job.device), verbose=False
        )
        for folder in (job.generated, job.real)
    )
    return {"kid": float(clean_fid.kernel_distance(generated, real))}


def torch_fidelity_all(job: Job) -> Values:
    """`calculate_metrics` of two folders: FID, KID, precision and recall on one pass of the network."""
    import torch_fidelity
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Shared(FeatureExtractorBase):  # type: ignore[misc]
        """The given network; named anew for every job, as the registry takes no name twice."""

        def __init__(self, name: str, features_list: list[str], **_: object) -> None:
            super().__init__(name, features_list)
            self.inner = _Features(job.inception)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("2048",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "2048"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.inner(images),)

    name = f"shared-{job.generated.parent.name}"
    torch_fidelity.register_feature_extractor(name, Shared)
    found = torch_fidelity.calculate_metrics(
        input1=str(job.generated), input2=str(job.real), cuda=job.device != "cpu", fid=True, kid=True, prc=True,
        cache=False, verbose=False, feature_extractor=name, kid_subset_size=job.count, prc_neighborhood=job.k,
    )
    return {
        "fid": found["frechet_inception_distance"], "kid": found["kernel_inception_distance_mean"],
        "precision": found["precision"], "recall": found["recall"],
    }


def torchmetrics_fid(job: Job) -> Values:
    """`FrechetInceptionDistance`, fed batch by batch."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    return {"fid": _of_sets(FrechetInceptionDistance(feature=_Features(job.inception)), job)}


def torchmetrics_kid(job: Job) -> Values:
    """`KernelInceptionDistance`, fed batch by batch; its subsets are the whole sets."""
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save", UserWarning)
        metric = KernelInceptionDistance(feature=_Features(job.inception), subset_size=job.count)
    return {"kid": _of_sets(metric, job)}


def _of_sets(metric: Any, job: Job) -> float:
    metric.to(job.device)
    with torch.inference_mode():
        for generated, real in batches(job):
            metric.update(real, real=True)
            metric.update(generated, real=False)
        found = metric.compute()
    return float(found[0] if isinstance(found, tuple) else found)


def torchmetrics_ssim(job: Job) -> Values:
    """`StructuralSimilarityIndexMeasure`'s map without the border over which it reflects the image."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    values = []
    for generated, real in batches(job):
        _, full = structural_similarity_index_measure(
            generated / 255, real / 255, data_range=1.0, reduction="none", return_full_image=True
        )
        values.append(full[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)))
    return {"ssim": float(torch.cat(values).mean())}


def torchmetrics_psnr(job: Job) -> Values:
    """`peak_signal_noise_ratio` of each image, averaged."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    values = [
        peak_signal_noise_ratio(generated / 255, real / 255, data_range=1.0, dim=(1, 2, 3), reduction="none")
        for generated, real in batches(job)
    ]
    return {"psnr": float(torch.cat(values).mean())}


def lpips_alex(job: Job) -> Values:
    """`LPIPS(net="alex")` of batches."""
    from lpips import LPIPS

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        network = LPIPS(net="alex", pnet_rand=True, verbose=False).eval().to(job.device)
    state = torch.load(job.alexnet, weights_only=True)
    for name, parameter in network.net.named_parameters():  # sliceK.N.weight is torchvision's features.N.weight
        parameter.data.copy_(state[f"features.{name.split('.', 1)[1]}"])
    with torch.inference_mode():
        values = [
            network(generated / 255, real / 255, normalize=True).flatten() for generated, real in batches(job)
        ]
    return {"lpips": float(torch.cat(values).mean())}


Call = Callable[[Job], Values]
PEERS: Mapping[str, Mapping[str, Call]] = {
    "clean-fid": {"FID": clean_fid_fid, "KID": clean_fid_kid},
    "torch-fidelity": {"FID, KID, precision, recall": torch_fidelity_all},
    "torchmetrics": {
        "FID": torchmetrics_fid, "KID": torchmetrics_kid, "SSIM": torchmetrics_ssim, "PSNR": torchmetrics_psnr,
    },
    "lpips": {"LPIPS": lpips_alex},
}
