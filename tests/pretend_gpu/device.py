"""The pretended device itself: CPU tensors stay real, CUDA tensors are fake.

What a real device refuses raises here too (an operation over two devices); autograd, autocast, fused AdamW and foreach
run as they would. `Waits` counts where the host waits for the device; `Meter` counts live and peak bytes, kernels and
their time by a roofline, too. Blind to: cuDNN's workspaces, fragmentation, layouts, compiled code, several devices,
what the bus takes.
For a process of its own: `install` changes torch and puts nothing back.
"""

from __future__ import annotations

import collections
import contextlib
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
import torch.utils._foreach_utils as foreach
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from tests.pretend_gpu.shapes import by_shapes

DEVICE = torch.device("cuda", 0)
MEMORY = 80 * 2**30
BLOCK = 512  # bytes that the caching allocator rounds to
# An H100's roofline: half of its peak of operations a second by type, three quarters of its bandwidth, a least time
OPERATIONS = {torch.bfloat16: 0.5 * 989e12, torch.float16: 0.5 * 989e12, torch.float32: 0.5 * 67e12}
OPERATIONS_OF_FLOAT32_CONVOLUTIONS = 0.5 * 494e12  # in TF32, torch's default
BANDWIDTH, SHORTEST = 0.75 * 3.35e12, 2e-6
TENSORS_A_KERNEL = 100  # of kernels that take lists
SUITE = ("/baselines/", "/ldbench_baselines/", "/ldbench/")
aten = torch.ops.aten
_attention = F.scaled_dot_product_attention
_UNCOUNTED = frozenset({  # make no kernel
    "detach", "alias", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view",
    "lift_fresh", "device", "layout", "dtype", "is_pinned",
})


def leave() -> NoReturn:
    """End the process well and at once: autograd's thread for a device that isn't there may abort on the way out."""
    sys.stdout.flush()
    os._exit(0)


def install() -> None:
    """Make this process's torch believe in a Hopper card."""
    FakeTensorMode.avoid_device_init = property(lambda self: True)  # type: ignore[assignment]
    torch._C._set_only_lift_cpu_tensors(True)  # type: ignore[attr-defined]  # tensors of literals: CPU, then moved
    torch.nn.Module._apply = _apply  # type: ignore[method-assign, assignment]
    for kind in (FakeTensor, torch.nn.Parameter):
        if kind not in foreach._foreach_supported_types:
            foreach._foreach_supported_types.append(kind)
    library = torch.library.Library("aten", "IMPL")
    for name in ("silu_backward", "silu", "mse_loss", "native_group_norm"):  # a CPU build would take them apart
        library.impl(name, _no_kernel, "CUDA")
    _libraries.append(library)
    F.scaled_dot_product_attention = _hopper_attention
    answers: dict[str, Callable[..., Any]] = {
        "_lazy_init": lambda: None, "is_available": lambda: True, "device_count": lambda: 1,
        "current_device": lambda: 0, "get_device_capability": lambda device=None: (9, 0),
        "get_device_name": lambda device=None: "a pretended GPU", "mem_get_info": lambda device=None: (MEMORY, MEMORY),
        "get_rng_state": lambda device=None: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": lambda state, device=None: None, "manual_seed_all": lambda seed: None,
        "memory_reserved": lambda device=None: 0, "memory_allocated": lambda device=None: 0,
        "empty_cache": lambda: None, "synchronize": lambda device=None: None,
        "is_current_stream_capturing": lambda: False, "is_bf16_supported": lambda including_emulation=True: True,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, answer)
    torch.cuda.Stream = torch.cuda.Event = Queue  # type: ignore[misc, assignment]
    torch.cuda.current_stream = lambda device=None: Queue()  # type: ignore[assignment, return-value]
    torch.cuda.stream = contextlib.nullcontext  # type: ignore[assignment, misc]
    torch.utils._device._device_constructors()  # remembers torch's own, before one is replaced
    torch.empty = _empty  # type: ignore[assignment]
    torch.Tensor.pin_memory = lambda self, device=None: _pinned_memory(self.clone())  # type: ignore[method-assign, assignment]
    torch.Tensor.is_pinned = _is_pinned  # type: ignore[method-assign, assignment]


class Queue:
    """A stream or an event: everything is done in order here, and at once."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.record = self.synchronize = self.wait_stream = lambda *args: None


def _empty(*size: Any, pin_memory: bool = False, **kwargs: Any) -> torch.Tensor:
    memory = _ordinary_empty(*size, **kwargs)
    return _pinned_memory(memory) if pin_memory else memory


def _pinned_memory(tensor: torch.Tensor) -> torch.Tensor:
    """Note that the tensor's memory counts as pinned for as long as it lives."""
    storage = tensor.untyped_storage()
    _pinned.add(storage._cdata)
    weakref.finalize(storage, _pinned.discard, storage._cdata)
    return tensor


def _is_pinned(tensor: torch.Tensor, device: object = None) -> bool:
    return tensor.untyped_storage()._cdata in _pinned


_ordinary_empty = torch.empty
_pinned: set[int] = set()  # storages
_libraries: list[torch.library.Library] = []  # one that is collected takes its kernels away


def _no_kernel(*args: object, **kwargs: object) -> None:
    raise AssertionError("a kernel of the pretended device ran")


def _apply(self: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
    """Module._apply with new parameters: torch can't swap data between real and fake tensors."""
    for module in self.children() if recurse else ():
        module._apply(change)
    with torch.no_grad():
        for key, value in self._parameters.items():
            if value is not None:
                self._parameters[key] = torch.nn.Parameter(change(value), value.requires_grad)
        for key, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[key] = change(buffer)
    return self


def _hopper_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> torch.Tensor:
    """The kernel that a Hopper card takes: flash in half precision up to 256 wide, else memory-efficient."""
    if not isinstance(query, FakeTensor):
        return _attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale)
    if torch.is_autocast_enabled("cuda"):
        query, key, value = (x.to(torch.get_autocast_dtype("cuda")) for x in (query, key, value))
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(f"attention of {query.dtype}, {key.dtype} and {value.dtype}")
    half = query.dtype in (torch.bfloat16, torch.float16)
    out: torch.Tensor
    if half and query.shape[-1] <= 256 and attn_mask is None:
        out = aten._scaled_dot_product_flash_attention(query, key, value, dropout_p, is_causal, scale=scale)[0]
        return out
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value))
    out = aten._scaled_dot_product_efficient_attention(
        query, key, value, attn_mask, learns, dropout_p, is_causal, scale=scale
    )[0]
    return out


class Waits(TorchDispatchMode):
    """The pretended device while it is entered; counts in `waits` the places where the host waits for it."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and what guards against it takes a fifth of the time

    def __init__(self) -> None:
        super().__init__()
        self.waits: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run on the device that is asked for: for real on the CPU, by shapes alone on the pretended one."""
        kwargs = kwargs or {}
        on_device = _of_device((args, kwargs))
        named = kwargs.get("device")
        target = None if named is None else torch.device(named).type
        if not on_device and target != "cuda":
            return func(*args, **kwargs)
        if on_device and (answer := self._read(func, args, kwargs, on_device[0], target)) is not None:
            return answer
        if func is aten._to_copy.default and target == "cuda" and not on_device:
            self._wait("" if kwargs.get("non_blocking") and args[0].is_pinned() else "to the device")
        if func is aten.copy_.default and args[1].device.type == "cpu" and args[1].dim():
            self._wait("" if _asynchronous(args) and args[1].is_pinned() else "to the device")
        out = by_shapes(func, types, args, kwargs)
        self._ran(func, args, kwargs, out, on_device)
        return out

    def _ran(self, func: Any, args: Any, kwargs: dict[str, Any], out: Any, on_device: list[torch.Tensor]) -> None:
        """What else is counted of an operation on the device."""

    def _read(self, func: Any, args: Any, kwargs: dict[str, Any], tensor: torch.Tensor, target: str | None) -> Any:
        """Numbers of the device on the host, for which it waits: made up; None for what reads none."""
        if func is aten._local_scalar_dense.default:
            self._wait("item")
            return 0.5 if tensor.is_floating_point() else True if tensor.dtype == torch.bool else 1
        if func is aten._to_copy.default and target == "cpu":
            self._wait("to the host")
            return torch.zeros(tensor.shape, dtype=kwargs.get("dtype") or tensor.dtype)
        if func is aten.copy_.default and args[0].device.type == "cpu":
            self._wait("" if _asynchronous(args) and args[0].is_pinned() else "to the host")
            return args[0].zero_()  # memory fresh from torch.empty may hold anything, nan too
        return None

    def _wait(self, what: str) -> None:
        if what:
            self.waits[f"{what} {_place()}"] += 1


class Meter(Waits):
    """Counts `current` and `peak` bytes, `kernels` and their `seconds` by the roofline, too. More bytes than `memory`
    are out of memory."""

    def __init__(self, memory: int = MEMORY) -> None:
        super().__init__()
        self.memory = memory
        self.current = self.peak = self.kernels = 0
        self.seconds = 0.0
        self._live: dict[int, int] = {}

    def reset(self) -> None:
        """Count from here; what lives goes on living."""
        self.peak, self.kernels, self.seconds = self.current, 0, 0.0
        self.waits.clear()

    def _ran(self, func: Any, args: Any, kwargs: dict[str, Any], out: Any, on_device: list[torch.Tensor]) -> None:
        made = _of_device(out)
        if _is_kernel(func):
            self.kernels += 1
            self.seconds += _roofline(func, args, kwargs, out, [*on_device, *made])
        for tensor in made:
            self._hold(tensor)

    def _hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._live:
            self._live[key] = -(-storage.nbytes() // BLOCK) * BLOCK
            self.current += self._live[key]
            weakref.finalize(storage, self._free, key)
            if self.current > self.memory:
                raise torch.OutOfMemoryError(f"{self.current} bytes on a device of {self.memory}")
            self.peak = max(self.peak, self.current)

    def _free(self, key: int) -> None:
        self.current -= self._live.pop(key, 0)


def _asynchronous(args: Sequence[Any]) -> bool:
    """Whether a copy was asked not to block."""
    return len(args) > 2 and bool(args[2])


def _of_device(values: object) -> list[torch.Tensor]:
    """The tensors of the pretended device in a nest of tuples, lists and dictionaries."""
    if isinstance(values, FakeTensor):
        return [values] if values.device.type == "cuda" else []
    nested = values.values() if isinstance(values, dict) else values if isinstance(values, tuple | list) else ()
    return [tensor for value in nested for tensor in _of_device(value)]


def _is_kernel(func: Any) -> bool:
    returns = func._schema.returns
    is_view = bool(returns) and all(one.alias_info is not None and not one.alias_info.is_write for one in returns)
    return not is_view and func._overloadpacket.__name__ not in _UNCOUNTED


def _roofline(func: Any, args: Any, kwargs: Any, out: Any, tensors: Sequence[torch.Tensor]) -> float:
    """Seconds of a kernel: its operations or its bytes, whichever takes longer, and never less than a launch."""
    name = func._overloadpacket.__name__
    lists = len(tensors) / TENSORS_A_KERNEL if name.startswith(("_foreach", "_fused")) else 1
    seconds = max(sum(x.numel() * x.element_size() for x in tensors) / BANDWIDTH, lists * SHORTEST)
    counted = flop_registry.get(func._overloadpacket)
    if counted is None:
        return seconds
    dtype = tensors[0].dtype
    in_tf32 = dtype == torch.float32 and "conv" in name
    rate = OPERATIONS_OF_FLOAT32_CONVOLUTIONS if in_tf32 else OPERATIONS.get(dtype, OPERATIONS[torch.float32])
    return max(seconds, float(counted(*args, **kwargs, out_val=out)) / rate)


def _place() -> str:
    """The innermost line of the suite that is being run."""
    frame: FrameType | None = sys._getframe()  # traceback.extract_stack reads every frame's source
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in SUITE):
            return f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"
