"""`lpips-alex` against the lpips package, on a random AlexNet since torchvision's weights need a download."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
import torch

from ldbench.errors import WeightsError
from ldbench.score.metrics import lpips as metric
from ldbench.score.networks.weights import WeightsFile
from tests.stand_ins.networks import write_alexnet


@pytest.fixture
def alexnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in torchvision's format with random weights, taken for the published one."""
    path = write_alexnet(tmp_path / metric.ALEXNET.name)
    classifier = {"classifier.1.weight": torch.zeros(()).expand(4096, 9216)}  # which LPIPS leaves alone
    torch.save(torch.load(path, weights_only=True) | classifier, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(metric, "ALEXNET", WeightsFile(metric.ALEXNET.name, metric.ALEXNET.url, digest))
    return path


# lpips 0.1.4 builds its trunk with a keyword that torchvision has deprecated
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The parameter 'pretrained' is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
def test_equals_the_package_on_the_same_weights(alexnet: Path) -> None:
    import lpips

    network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)  # its own linear layers
    state = torch.load(alexnet, weights_only=True)
    layers = iter([name.removesuffix(".weight") for name in state if re.fullmatch(r"features\.\d+\.weight", name)])
    for module in network.net.modules():
        if isinstance(module, torch.nn.Conv2d):
            layer = next(layers)
            module.load_state_dict({part: state[f"{layer}.{part}"] for part in ("weight", "bias")})
    random = torch.Generator().manual_seed(1)
    x, y = torch.rand((3, 3, 64, 64), generator=random), torch.rand((3, 3, 64, 64), generator=random)
    with torch.no_grad():
        expected = network(2 * x - 1, 2 * y - 1).flatten().tolist()
    values = metric.lpips_values(x, y, extractor="lpips-alex", alexnet=alexnet)
    assert values == pytest.approx(expected, abs=1e-6)
    assert metric.lpips_score(x, y, extractor="lpips-alex", alexnet=alexnet).extractor == "lpips-alex"


def test_another_file_is_refused(alexnet: Path) -> None:
    alexnet.write_bytes(alexnet.read_bytes()[:-1])
    x = torch.zeros(2, 3, 64, 64)
    with pytest.raises(WeightsError, match="expected SHA-256"):
        metric.lpips_score(x, x, extractor="lpips-alex", alexnet=alexnet)
