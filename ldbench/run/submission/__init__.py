"""A finished run as one archive for another machine: what may be in it, packing it, and reading it safely."""
