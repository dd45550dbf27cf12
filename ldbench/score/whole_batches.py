"""Training steps on whole batches, for networks whose images depend on each other: by batch norm, or by the loss.

In smaller batches such a network learns something else, and its scores would depend on the memory that was free. So
memory that runs out is answered otherwise: what the backward pass needs waits on the host. The numbers stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldbench.api.batches import out_of_memory, ran_out

if TYPE_CHECKING:
    import torch


@dataclass
class WholeBatches:
    """Steps of an optimiser; `loss` is a function of a batch on the CPU, `what` names the training in the log.

    `on_host` says where the backward pass finds what it needs. It becomes true, and stays so, where memory runs out.
    """

    what: str
    network: torch.nn.Module
    optimiser: torch.optim.Optimizer
    loss: Callable[..., torch.Tensor]
    on_host: bool = False

    def step(self, *batch: Any) -> torch.Tensor:
        """One step, and its loss without the graph.

        Passes on an error that says so (`out_of_memory`) where the host's memory doesn't help.
        """
        loss = None if self.on_host else self._attempt(batch)
        if loss is None:
            loss = self._differentiate(batch)
        self.optimiser.step()
        return loss

    def _attempt(self, batch: tuple[Any, ...]) -> torch.Tensor | None:
        """The loss; None where memory ran out, and all is then as before."""
        buffers = list(self.network.buffers())  # running statistics: a forward pass that fails has moved some of them
        before = [buffer.clone() for buffer in buffers]
        try:
            return self._differentiate(batch)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise  # else not answered here: the traceback keeps what the attempt had made
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
        self.optimiser.zero_grad()
        self.on_host = True
        ran_out(self.what, len(batch[0]), "what the backward pass needs on the host")
        return None

    def _differentiate(self, batch: tuple[Any, ...]) -> torch.Tensor:
        import torch

        self.optimiser.zero_grad()
        with torch.autograd.graph.save_on_cpu() if self.on_host else nullcontext():
            loss = self.loss(*batch)
        loss.backward()
        return loss.detach()
