"""Programs that write or check committed files: backbone, sandbox data, JSON Schemas, API pages. In no wheel."""
