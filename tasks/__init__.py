"""Task cards and the frozen sandbox data; no code."""
