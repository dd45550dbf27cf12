"""Rows on the pretended device, in a process of its own.

    python -m tests.pretend_gpu.rows GUARD BACKBONE ROW[=PRECISION] ...

Each is fitted for two steps on the backbone, samples, and shows its trajectory. Prints one line of JSON a
row: the error, or what was counted.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

from tests.pretend_gpu import guard

SIDE = 64
FEW = {
    "steps": 2, "batch_size": 2, "class_images": 2, "sampling_steps": 1, "start_steps": 2, "strength": 1.0,
    "regularisation_weight": 20.0, "regularisation_steps": 2, "regularisation_rolls": 2,
}


def main(library: str, backbone: str, *rows: str) -> None:
    """Try the rows one after the other."""
    guard.load(Path(library))
    from tests.pretend_gpu.device import install

    install()
    for row in rows:
        try:
            counted = tried(row, backbone)
        except Exception as error:  # whatever a real device would have met
            where = traceback_of(error)
            counted = {"error": f"{type(error).__name__}: {error} {where}"}
        print(json.dumps({"row": row, **counted}), flush=True)


def tried(row: str, backbone: str) -> dict[str, Any]:
    """What a row asked of the device: waits in a training step, and in sampling of one and of two steps."""
    import torch
    from ldbench_baselines.instruct_pix2pix import InstructPix2Pix
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from ldbench.api import Context
    from tests.baselines.rows import ROWS
    from tests.pretend_gpu.device import DEVICE, Waits

    gc.freeze()  # what is imported holds no garbage
    name, _, precision = row.partition("=")
    cls = ROWS[name]
    if issubclass(cls, InstructPix2Pix) and cls.tuning is not None:
        cls.tuning = short(cls.tuning)
    few = {name: value for name, value in FEW.items() if name in cls.__dataclass_fields__}
    generator = cls(**few, precision=precision or "auto")
    editing = "aging" in cls.kinds
    device, step_waits = Waits(), dict[str, int]()

    def stepped(*args: object) -> None:
        step_waits.clear()
        step_waits.update(device.waits)  # of the last step, from the end of the one before
        device.waits.clear()

    hook = register_optimizer_step_post_hook(stepped)
    with tempfile.TemporaryDirectory() as folder, device:
        place = Path(folder) / "fit"
        place.mkdir()
        context = Context(DEVICE, 0, place, (3, SIDE, SIDE), backbone, shared=Path(folder) / "shared")
        generator.fit(examples(editing), context)
        hook.remove()
        asked = requests(editing)
        waits = []
        for count in (1, 2):
            generator.sampling_steps = count
            device.waits.clear()
            images = generator.generate(asked, context)
            waits.append(device.waits.total())
        moments = list(generator.trajectory(asked, context))
        types = {str(value.dtype) for value in generator._fitted().unet.parameters()}
    return {
        "device": images.device.type, "dtype": str(images.dtype), "shape": list(images.shape),
        "step_waits": step_waits, "sampling": waits, "moments": len(moments),
        "autocast": torch.is_autocast_enabled("cuda"), "network": sorted(types),
    }


def short(start: type[Any]) -> type[Any]:
    """A method of one step, for a row's start, whose length no parameter of the row's says."""
    few = [(name, int, 1) for name in ("steps", "class_images") if name in start.__dataclass_fields__]
    return make_dataclass("Few", few, bases=(start,))


def examples(editing: bool) -> Any:
    """Sixteen grey images; pairs of them for an editor."""
    import torch

    from ldbench.api import Example

    image = torch.full((3, SIDE, SIDE), 0.5)
    pair: tuple[Any, ...] = (image, {"age": 60.0}, "a brain, 60 years", "a brain, 70 years", "make it older")
    return [
        Example(f"e{index}", image, "make it older" if editing else f"a brain, {index} years", {"age": 70.0},
                *(pair if editing else ()))
        for index in range(16)
    ]


def requests(editing: bool) -> Any:
    """Three requests; edits for an editor."""
    import torch

    from ldbench.api import Case, Edit, Request

    edit = Edit("age", 60.0, 70.0, ("a brain, 60 years",), ("a brain, 70 years",))
    source = torch.full((3, SIDE, SIDE), 0.5)
    rest: tuple[Any, ...] = (source, {"age": 60.0}, "a brain, 60 years", "a brain, 70 years", edit)
    return [
        Request(Case(f"c{index}", f"a brain, {index} years", {"age": 70.0}, *(rest if editing else ())), index)
        for index in range(3)
    ]


def traceback_of(error: Exception) -> str:
    """The innermost lines of the suite."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-4:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
    from tests.pretend_gpu.device import leave

    leave()
