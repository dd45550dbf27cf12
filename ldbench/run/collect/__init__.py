"""The runs of several `--out` folders, of several machines, in one: `ldbench collect`."""
