"""Reader studies: a blinded page made from finished runs and real scans, and the scoring of what readers answered."""
