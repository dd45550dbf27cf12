"""Gradients of several processes, summed in buckets: at most two buckets at a time are copies.

A bucket is filled while the one before it is on its way. Each process has divided by the whole batch already, so the
sum is its gradient. All processes have the same parameters, and so the same buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import distributed

BUCKET_BYTES = 25 * 2**20  # as in torch's DistributedDataParallel


@torch.no_grad()
def sum_over_processes(parameters: Sequence[torch.nn.Parameter], bucket_bytes: int = BUCKET_BYTES) -> None:
    """Replace every `grad` by its sum over the processes of the default group; one that is None counts as zero.

    A gradient keeps its memory layout (channels-last, say), which the fused optimiser walks.
    """
    for parameter in parameters:
        if parameter.grad is None:  # a share without images has none
            parameter.grad = torch.zeros_like(parameter)
    on_its_way: tuple[list[torch.Tensor], torch.Tensor, distributed.Work] | None = None
    for bucket in buckets([parameter.grad for parameter in parameters if parameter.grad is not None], bucket_bytes):
        flat = torch.cat([gradient.flatten() for gradient in bucket])
        work = distributed.all_reduce(flat, async_op=True)
        assert work is not None
        if on_its_way is not None:
            _settle(*on_its_way)
        on_its_way = bucket, flat, work
    if on_its_way is not None:
        _settle(*on_its_way)


def buckets(gradients: Sequence[torch.Tensor], bucket_bytes: int) -> Iterator[list[torch.Tensor]]:
    """The gradients in order, cut where the type changes or a bucket would grow beyond `bucket_bytes`."""
    bucket, size = list[torch.Tensor](), 0
    for gradient in gradients:
        if bucket and (size + gradient.nbytes > bucket_bytes or gradient.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(gradient)
        size += gradient.nbytes
    if bucket:
        yield bucket


def _settle(bucket: Sequence[torch.Tensor], flat: torch.Tensor, work: distributed.Work) -> None:
    work.wait()
    for gradient, part in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
        gradient.copy_(part.view_as(gradient))
