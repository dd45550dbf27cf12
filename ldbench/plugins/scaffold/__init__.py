"""A new plug-in's package, written from templates: what `ldbench new generator NAME` and its like do.

The package installs and passes `ldbench check` as it is, and a generator's ranks; its comments say what to replace.
"""
