"""`python -m ldbench`, the same as the `ldbench` command."""

from ldbench.cli.main import main

main()
