"""A new generator's package, written from templates: what `ldbench new generator NAME` does.

The package installs, passes `ldbench check` and ranks as it is; its comments say what to replace.
"""
