"""Let `import torchvision` succeed beside a CPU-only torch.

torchvision's wheels are CUDA builds. Beside a CPU build of torch their compiled library cannot be loaded, and
`import torchvision` (with transformers, diffusers, lpips and clean-fid behind it) raises "operator
torchvision::nms does not exist" while it registers shape functions for operators nobody declared.
Declaring the two schemas first is enough for its models and transforms, which are plain Python.

Refuses to touch an installation whose compiled library loads, and gives the two operators no
implementation: calling them still fails.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


@functools.cache
def declare_missing_ops() -> torch.library.Library | None:
    """Declare the schemas of torchvision's operators where its compiled library cannot be loaded.

    Call it before the first import of torchvision or of anything that imports it. The returned library keeps
    the declarations alive; None means nothing was missing (or torchvision is not installed).
    """
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _compiled_library_loads(Path(spec.origin).parent):
        return None
    missing = [name for name in _SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    if not missing:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in missing:
        library.define(_SCHEMAS[name])
    return library


def _compiled_library_loads(folder: Path) -> bool:
    import torch

    candidates = sorted(folder.glob("_C*.so")) + sorted(folder.glob("_C*.pyd"))
    if not candidates:
        return False
    try:
        torch.ops.load_library(str(candidates[0]))
    except OSError:  # undefined CUDA symbols: the very case this module is for
        return False
    return True
