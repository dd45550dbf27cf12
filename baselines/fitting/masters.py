"""AdamW on float32 masters of values that the network holds in bfloat16: no autocast, half the bytes a kernel reads.

A network in bfloat16 alone would lose each update below a 256th of its weight. Here the update is that of float32: the
network computes with its rounded copy, and only the gradients are rounded, to the network's eight bits (their sum over
the pieces of a cut batch, too). What is given in another precision is widened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from ..backbone.precision import first_parameter

if TYPE_CHECKING:
    from ..diffusion.latent_diffusion import LatentDiffusion

VALUES_AT_ONCE = 2**25  # gradients of so many values are widened at a time: 128 MiB


class MasterAdamW(torch.optim.AdamW):
    """AdamW, fused, whose state is in float32 and whose values the network sees rounded to bfloat16.

    `masters` are what is optimised, by name: they take over the storage of `parameters`, which from then on are the
    rounded copies that the network computes with, until `give_back`.
    """

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], lr: float, weight_decay: float) -> None:
        self.rounded = dict(parameters)
        self.masters = {name: torch.nn.Parameter(value.detach().float()) for name, value in parameters.items()}
        super().__init__(self.masters.values(), lr=lr, weight_decay=weight_decay, fused=True)
        for name, master in self.masters.items():
            self.rounded[name].data = master.detach().bfloat16()
            self.state[master] = {
                "step": torch.zeros((), device=master.device), "exp_avg": torch.zeros_like(master),
                "exp_avg_sq": torch.zeros_like(master),
            }
        self._divisor: torch.Tensor | None = None

    @torch.no_grad()
    def clip(self, largest: float) -> None:
        """Bring the gradients of the next step to a common norm of at most `largest`, as torch's clip_grad_norm_.

        They are divided as they are read; their norm is summed in float32.
        """
        gradients = [value.grad for value in self.rounded.values() if value.grad is not None]
        norms = torch._foreach_norm(gradients, 2, dtype=torch.float32)
        norm = torch.linalg.vector_norm(torch.stack(norms))
        self._divisor = ((norm + 1e-6) / largest).clamp(min=1)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update; the gradients are used up. A value without one counts as having a gradient of zero."""
        (group,) = self.param_groups
        for names in self._portions():
            masters: list[torch.Tensor] = [self.masters[name] for name in names]
            states = [self.state[master] for master in masters]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                masters, self._widened(names), [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states], [], steps, lr=group["lr"], beta1=group["betas"][0],
                beta2=group["betas"][1], weight_decay=group["weight_decay"], eps=group["eps"], amsgrad=False,
                maximize=False, grad_scale=self._divisor,
            )
        self.show()
        self._divisor = None

    def _widened(self, names: list[str]) -> list[torch.Tensor]:
        """The gradients of some values in float32, in their masters' layout; the rounded ones are dropped."""
        gradients: list[torch.Tensor] = []
        wide: list[torch.Tensor] = []
        narrow: list[torch.Tensor] = []
        for name in names:
            given = self.rounded[name].grad
            gradients.append((torch.zeros_like if given is None else torch.empty_like)(self.masters[name]))
            if given is not None:
                wide.append(gradients[-1])
                narrow.append(given)
            self.rounded[name].grad = None
        if wide:
            torch._foreach_copy_(wide, narrow)
        return gradients

    def _portions(self) -> Iterator[list[str]]:
        """The names of all values, in runs of about `VALUES_AT_ONCE` values."""
        names: list[str] = []
        values = 0
        for name, master in self.masters.items():
            if names and values + master.numel() > VALUES_AT_ONCE:
                yield names
                names, values = [], 0
            names.append(name)
            values += master.numel()
        yield names

    @torch.no_grad()
    def show(self) -> None:
        """Round the masters into the network's copies."""
        rounded: Any = [value.data for value in self.rounded.values()]
        torch._foreach_copy_(rounded, [master.data for master in self.masters.values()])

    def give_back(self) -> None:
        """Put the masters in the place of the rounded copies: the network's values are float32 again."""
        for name, master in self.masters.items():
            self.rounded[name].data = master.data


@contextmanager
def rounded(values: Iterable[torch.nn.Parameter], dtype: torch.dtype) -> Iterator[None]:
    """Within, those of the values that were float32 are in `dtype`; afterwards they are again what they were, to the
    bit. Meanwhile they lie in the host's memory."""
    wide = [value for value in values if value.dtype == torch.float32 != dtype]
    kept = [value.detach().cpu() for value in wide]
    for value in wide:
        value.data = value.detach().to(dtype)
    try:
        yield
    finally:
        for value, whole in zip(wide, kept, strict=True):
            value.data = whole.to(value.device)


@contextmanager
def in_half(model: LatentDiffusion, trained: Collection[torch.nn.Parameter]) -> Iterator[None]:
    """Within, the U-Net's and the text encoder's frozen weights are `rounded` to bfloat16, and the autoencoder, which
    training on latents does not ask, lies in the host's memory."""
    taken, device = {id(value) for value in trained}, first_parameter(model.vae).device
    values = (value for part in (model.unet, model.text_encoder) for value in part.parameters())
    torch.nn.Module.to(model.vae, "cpu")
    try:
        with rounded((value for value in values if id(value) not in taken), torch.bfloat16):
            yield
    finally:
        torch.nn.Module.to(model.vae, device)
