"""Programs that write committed files: the shipped backbone, the JSON Schemas, the API pages. In no wheel."""
