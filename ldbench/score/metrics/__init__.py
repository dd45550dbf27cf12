"""The metrics: one file each, arrays in, `Score` out, pure and seeded."""
