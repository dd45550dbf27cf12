"""The arithmetic of scores: float32 as it is written, without autocast, and on a GPU without TensorFloat-32.

Torch lets cuDNN's convolutions round their inputs to TF32's 10 bits of mantissa unless it is told otherwise. Nor does
it promise one order of sums on a GPU unless it is asked to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

_Setting = TypeVar("_Setting")
_TF32_ASKED_FOR = "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"  # torch reads it when it starts


@contextmanager
def full_float32() -> Iterator[None]:
    """No autocast, and no TF32 in convolutions and products of matrices, inside the block; the settings of before after
    it.

    The switches are the whole process's: not for two threads at once. Torch has newer and older ones, and raises where
    the older are read while both differ: so both are set.
    """
    import torch

    with arithmetic_kept():
        switches = _all_switches()
        _set_both(switches, ["ieee"] * len(switches), False, "highest")
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield


@contextmanager
def arithmetic_kept() -> Iterator[None]:
    """Put the switches of TF32 back as they were, whatever happens inside the block."""
    import torch

    cudnn: Any = torch.backends.cudnn
    switches, before = _all_switches(), list[str]()
    for switch in switches:  # else the older can't always be read, nor what a switch has by itself below its group's
        before.append(switch.fp32_precision)
        switch.fp32_precision = "none" if switch in _groups() else "ieee"
    older_convolutions, older_products = _older(lambda: cudnn.allow_tf32, True), _older(_product_precision, "highest")
    try:
        _set_both(switches, before, older_convolutions, older_products)
        yield
    finally:
        _set_both(switches, before, older_convolutions, older_products)


@contextmanager
def arithmetic_of_torch() -> Iterator[None]:
    """Torch's own choice of TF32 inside the block, that of a new process, and the switches of before after it."""
    import torch

    backends: Any = torch.backends
    with arithmetic_kept():
        switches = _all_switches()
        rounded, asked = [backends.cudnn.conv, backends.cudnn.rnn], os.environ.get(_TF32_ASKED_FOR) == "1"
        rounded += [backends.cuda.matmul] if asked else []
        own = ["tf32" if switch in rounded else "none" for switch in switches]
        _set_both(switches, own, True, "high" if asked else "highest")
        yield


@contextmanager
def deterministic(device: torch.device | str) -> Iterator[None]:
    """On a GPU torch's deterministic kernels inside the block, as far as it has them; the settings of before after it.

    Without, some sums of a training come in any order, and later steps magnify that. Torch warns of an operation that
    has no such kernel, and of products of matrices unless `give_cublas_workspaces` was called before the first. The
    switches are the whole process's: not for two threads at once. On a CPU nothing is changed.
    """
    import torch

    memory: Any = torch.utils.deterministic

    if torch.device(device).type != "cuda":
        yield
        return
    algorithms = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    chosen_by_timing, filled = torch.backends.cudnn.benchmark, memory.fill_uninitialized_memory
    torch.backends.cudnn.benchmark = False
    memory.fill_uninitialized_memory = False  # else each new tensor costs a kernel more; none is read unwritten
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(algorithms[0], warn_only=algorithms[1])
        memory.fill_uninitialized_memory = filled
        torch.backends.cudnn.benchmark = chosen_by_timing


def give_cublas_workspaces() -> None:
    """Let cuBLAS have a workspace a stream in this process, without which its sums have no one order.

    A choice of the user's stays. Torch looks once a process, at the first product of matrices on a GPU, and else warns
    of every later one inside `deterministic`: call it before.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _all_switches() -> list[Any]:
    import torch

    cudnn: Any = torch.backends.cudnn
    of_cpu: Any = torch.backends.mkldnn
    return [*_groups(), *_switches().values(), cudnn.rnn, of_cpu.matmul, of_cpu.conv, of_cpu.rnn]


def _groups() -> list[Any]:
    """The switches that hold for those of their group which say "none", the widest first. mkldnn's sets the widest."""
    import torch

    return [torch.backends, torch.backends.cudnn]


def _set_both(switches: Sequence[Any], precisions: Sequence[str], convolutions: bool, products: str) -> None:
    """The older settings first: they move the newer ones."""
    import torch

    torch.backends.cudnn.allow_tf32 = convolutions
    torch.set_float32_matmul_precision(products)
    for switch, precision in zip(switches, precisions, strict=True):
        switch.fp32_precision = precision


def _product_precision() -> str:
    import torch

    return torch.get_float32_matmul_precision()


def _older(read: Callable[[], _Setting], otherwise: _Setting) -> _Setting:
    """An older setting; while all newer ones say "ieee", one that can't be read is the one that says otherwise."""
    try:
        return read()
    except RuntimeError:
        return otherwise


def tf32_operations() -> list[str]:
    """Which operations on float32 a GPU of this process does in TF32 now, in words."""
    return [name for name, switch in _switches().items() if switch.fp32_precision == "tf32"]


def arithmetic_of(device: torch.device | str) -> str:
    """The device's type, and TF32 where it computes in that: what is kept of one is not for another."""
    kind = str(device).partition(":")[0]
    return " ".join([kind, *(f"tf32 {name}" for name in tf32_operations())]) if kind == "cuda" else kind


def rounding_of(device: torch.device | str) -> dict[str, str | int | None]:
    """Processor and threads: what else decides how sums are rounded, which a training magnifies."""
    import torch

    if torch.device(device).type == "cuda":
        return {"processor": torch.cuda.get_device_name(device), "threads": None}
    return {"processor": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads()}


def _switches() -> dict[str, Any]:
    """Torch's own switches, whose types it does not declare."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return {"convolutions": cudnn.conv, "matrix products": torch.backends.cuda.matmul}
