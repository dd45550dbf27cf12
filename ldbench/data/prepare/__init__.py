"""Data sets as their owners ship them, made into fixed splits of small images."""
