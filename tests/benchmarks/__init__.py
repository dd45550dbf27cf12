"""What `benchmarks/` measures with: whether it runs, never how fast."""
