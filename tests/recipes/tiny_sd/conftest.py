"""What every test here needs before it imports diffusers or transformers."""

from __future__ import annotations

from ldbench.api import declare_missing_ops

declare_missing_ops()
