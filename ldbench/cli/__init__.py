"""The command line: options in, one call, lines out. No logic of its own."""
