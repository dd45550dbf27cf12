"""Property tests without a time limit an example: on a shared machine the slowest of many is no defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("metrics", deadline=None, max_examples=25)
settings.load_profile("metrics")
