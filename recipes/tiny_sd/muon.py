"""The optimisers of both stages: Muon for the kernels and matrices inside a network, Adam for everything else.

Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024) replaces the momentum of a matrix
by the nearest orthogonal one, so that every direction of a kernel is learnt at one speed. torch's own `Muon` takes
two-dimensional parameters only; here a convolution counts as a matrix of one row an output channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as published
_ITERATIONS, _MOMENTUM = 5, 0.95
_OUTER = ("conv_in", "conv_out", "quant_conv", "embedding")  # layers that read or write data, and tables of vectors


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; a rate of 0.01 moves a kernel by a hundredth of an orthogonal matrix."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient; `closure` is not supported."""
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1.0 - _MOMENTUM)
                direction = parameter.grad.lerp(momentum, _MOMENTUM).flatten(1)
                scale = max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                parameter.sub_(orthogonal(direction).view_as(parameter), alpha=group["lr"] * scale)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """About U V' of a matrix U S V': its singular values come to lie between 0.7 and 1.2 (Newton-Schulz).

    Each iteration multiplies from the left by a polynomial of the Gram matrix, so only the small square matrices are
    iterated, and the long one is multiplied once by their product.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    gram, product = x @ x.T, torch.eye(len(x), dtype=x.dtype, device=x.device)
    first, second, third = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        factor = torch.addmm(gram, gram, gram, beta=second, alpha=third)
        factor.diagonal().add_(first)
        product, gram = factor @ product, factor @ gram @ factor
    x = product @ x
    return x.T if tall else x


def build_optimizers(network: nn.Module, rate: float, matrix_rate: float) -> dict[str, torch.optim.Optimizer]:
    """Muon at `matrix_rate` for inner kernels and matrices, Adam at `rate` for the rest, by the name of each."""
    inner = {
        id(parameter): parameter
        for name, parameter in network.named_parameters()
        if parameter.ndim >= 2 and not any(layer in name for layer in _OUTER)
    }
    rest = [parameter for parameter in network.parameters() if id(parameter) not in inner]
    optimizers: dict[str, torch.optim.Optimizer] = {"adam": torch.optim.Adam(rest, lr=rate, betas=(0.9, 0.99))}
    if inner:
        optimizers["muon"] = Muon(inner.values(), lr=matrix_rate)
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers
