"""Draw the films of several findings of docs/sandbox.md: `python -m recipes.sandbox.findings_gallery PICTURE.png`.

Above, two test films of each of nine combinations. Below, three test patients who are ill, each as healthy, with each
finding alone, with all of them, and with all but each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ldbench_sandbox.chest.patient import DEVICES, FINDINGS, SHOWABLE, Findings
from ldbench_sandbox.chest.render import render
from ldbench_sandbox.chest.several import SHARES, SeveralCase, several_cases
from PIL import Image, ImageDraw

CELL, HEAD = 132, 26
FILMS, PATIENTS = 2, 3
_SHORT = {FINDINGS[1]: "large heart", FINDINGS[2]: "effusion", FINDINGS[3]: FINDINGS[3], DEVICES: "device"}
_ALL = frozenset(SHOWABLE)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    path: Path = parser.parse_args().picture
    cases = several_cases("test")
    shown = [findings for findings, _ in SHARES if len(findings) != 1 or findings <= _ALL - {DEVICES}][:9]
    by_findings = [[case for case in cases if case.findings == findings] for findings in shown]
    rows = [[_cell(same[row], same[row].findings) for same in by_findings] for row in range(FILMS)]
    ill = [case for case in cases if {"pleural effusion", "pneumonia"} <= case.findings]
    worlds = [frozenset(), *(frozenset({name}) for name in SHOWABLE), *(_ALL - {name} for name in SHOWABLE)]
    rows += [[_cell(case, world) for world in worlds] for case in ill[:PATIENTS]]
    sheet = Image.new("L", (CELL * max(map(len, rows)), (CELL + HEAD) * len(rows)))
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, (label, picture) in enumerate(row):
            corner = (x * CELL, y * (CELL + HEAD))
            sheet.paste(picture.resize((CELL, CELL), Image.Resampling.BICUBIC), (corner[0], corner[1] + HEAD))
            draw.multiline_text((corner[0] + 3, corner[1] + 1), label, fill=230, spacing=1)
    sheet.save(path, optimize=True)


def _cell(case: SeveralCase, findings: Findings) -> tuple[str, Image.Image]:
    """A patient's film with these findings, and the label above it, of two lines."""
    names = [_SHORT[name] for name in SHOWABLE if name in findings] or [FINDINGS[0]]
    picture = Image.fromarray(render(case.patient(), findings, case.sex, case.age))
    return _lines(names, 2), picture


def _lines(names: Sequence[str], each: int) -> str:
    return "\n".join(" + ".join(names[first : first + each]) for first in range(0, len(names), each))


if __name__ == "__main__":
    main()
