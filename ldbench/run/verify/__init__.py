"""Results verified: their scores recomputed from their images, and compared with what they record."""

from ldbench.run.verify.recompute import verify as verify
