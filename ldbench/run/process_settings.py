"""What a generator can change for the whole process without meaning to: the working directory and settings of torch.

Loaders of research code change them and leave them so. The next stage, or the next generator, would then fail, or write
elsewhere, and be blamed for it. So they are put back after every call of a generator's code, and in a caller's process
at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

FOLDER = "working directory"


@dataclass(frozen=True)
class ProcessSettings:
    """The settings at one moment; `folder` is None where the working directory was removed."""

    folder: str | None
    gradients: bool
    dtype: torch.dtype
    device: torch.device
    threads: int

    @classmethod
    def now(cls) -> ProcessSettings:
        """As they are."""
        import torch

        try:
            folder = str(Path.cwd())
        except FileNotFoundError:
            folder = None
        return cls(
            folder, torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(),
            torch.get_num_threads(),
        )

    def changes(self, before: ProcessSettings) -> dict[str, object]:
        """The values that are not as they were, by a name for people."""
        names = {
            "folder": FOLDER, "gradients": "gradient mode", "dtype": "default dtype", "device": "default device",
            "threads": "number of threads",
        }
        here = {field.name: getattr(self, field.name) for field in fields(self)}
        return {names[name]: value for name, value in here.items() if value != getattr(before, name)}

    def put_back(self) -> None:
        """Set what is not as it was here."""
        import torch

        now = ProcessSettings.now()
        if self.folder is not None and now.folder != self.folder:
            os.chdir(self.folder)
        if now.device != self.device:  # None also takes away the hook into each call of torch
            torch.set_default_device(None if self.device.type == "cpu" else self.device)
        if now.threads != self.threads:
            torch.set_num_threads(self.threads)
        torch.set_grad_enabled(self.gradients)
        torch.set_default_dtype(self.dtype)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Put the settings back as they were, whatever happens inside the block."""
    before = ProcessSettings.now()
    try:
        yield
    finally:
        before.put_back()
