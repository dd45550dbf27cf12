"""Renews the committed schemas beside this file, or in the folder given; refuses other arguments."""

from __future__ import annotations

import sys
from pathlib import Path

from ldbench.schemas import write

if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("usage: python -m ldbench.schemas [FOLDER]")
    write(Path(sys.argv[1]) if len(sys.argv) == 2 else Path(__file__).parent)
