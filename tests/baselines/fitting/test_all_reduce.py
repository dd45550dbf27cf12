"""The sum of several processes' gradients: what one process would have, in buckets, each gradient in its own layout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.fitting import all_reduce
from ldbench_baselines.fitting.all_reduce import buckets, sum_over_processes

PROGRAM = """
import sys
import torch
from torch import distributed
from ldbench_baselines.fitting.all_reduce import sum_over_processes

rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
shapes = [(3, 5), (7,), (4, 2, 3, 3), (1,), (6,)]
parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
parameters[2].data = parameters[2].data.to(memory_format=torch.channels_last)
source = torch.Generator().manual_seed(rank)
for index, parameter in enumerate(parameters):
    if index != 3 or rank == 0:  # the second process has nothing for this one
        parameter.grad = torch.randn(parameter.shape, generator=source).to(parameter.dtype)
        if index == 2:
            parameter.grad = parameter.grad.to(memory_format=torch.channels_last)
before = [None if parameter.grad is None else parameter.grad.clone() for parameter in parameters]
sum_over_processes(parameters, bucket_bytes=100)
torch.save([before, [parameter.grad for parameter in parameters]], out)
distributed.destroy_process_group()
"""


class Sent:
    """An all-reduce of one process that has been begun."""

    waiting = most = 0

    def __init__(self) -> None:
        Sent.waiting += 1
        Sent.most = max(Sent.most, Sent.waiting)

    def wait(self) -> None:
        Sent.waiting -= 1


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([torch.float32, torch.bfloat16])), max_size=12),
    st.integers(1, 200),
)
def test_buckets_hold_every_gradient_once_in_order_and_one_type_each(
    gradients: list[tuple[int, torch.dtype]], limit: int
) -> None:
    tensors = [torch.zeros(count, dtype=dtype) for count, dtype in gradients]
    cut = list(buckets(tensors, limit))
    assert [id(one) for bucket in cut for one in bucket] == [id(one) for one in tensors]
    for bucket in cut:
        assert len({one.dtype for one in bucket}) == 1
        assert len(bucket) == 1 or sum(one.nbytes for one in bucket) <= limit


def test_of_what_is_sent_two_buckets_are_held_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def begun(flat: torch.Tensor, async_op: bool) -> Sent:
        assert async_op
        sizes.append(flat.nbytes)
        flat *= 2  # two processes with the same gradients
        return Sent()

    monkeypatch.setattr(all_reduce.distributed, "all_reduce", begun)
    monkeypatch.setattr(Sent, "most", 0)
    parameters = [torch.nn.Parameter(torch.zeros(10)) for _ in range(9)]
    for index, parameter in enumerate(parameters):
        parameter.grad = torch.full((10,), float(index))
    own = [parameter.grad for parameter in parameters]
    sum_over_processes(parameters, bucket_bytes=120)
    assert sizes == [120, 120, 120]
    assert (Sent.most, Sent.waiting) == (2, 0)
    for index, (parameter, gradient) in enumerate(zip(parameters, own, strict=True)):
        assert parameter.grad is gradient  # in place: no second set of gradients
        assert torch.equal(gradient, torch.full((10,), 2.0 * index))  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_processes_have_the_sum_of_both(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(rank), str(tmp_path / "store"), str(tmp_path / f"{rank}")])
        for rank in (0, 1)
    ]
    assert [process.wait(timeout=240) for process in started] == [0, 0]
    (first, summed), (second, also_summed) = (torch.load(tmp_path / f"{rank}") for rank in (0, 1))
    for one, other, total, also in zip(first, second, summed, also_summed, strict=True):
        expected = one if other is None else one + other
        assert torch.equal(total, expected)
        assert torch.equal(also, expected)
    assert second[3] is None
    assert summed[2].is_contiguous(memory_format=torch.channels_last)
