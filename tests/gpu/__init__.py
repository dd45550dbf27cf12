"""Tests on a real CUDA device; they skip without one."""
