"""The command line: options in, one call, lines out. No logic of its own, and no import before a command runs."""
