"""Data at the suite's edge: images, checksums, splits and manifests, one module per kind of thing."""
