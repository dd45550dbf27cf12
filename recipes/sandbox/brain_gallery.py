"""Draw the subjects of docs/sandbox.md: `python -m recipes.sandbox.brain_gallery PICTURE.png`.

The first five test subjects: each as healthy at four ages, in each diagnosis at 75, and as the data set holds it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ldbench_sandbox.brain.atrophy import DIAGNOSES, History
from ldbench_sandbox.brain.build import PlannedScan, plan
from ldbench_sandbox.brain.subject import draw_identity, load_atlas, render
from PIL import Image, ImageDraw

SUBJECTS, AGES, AGE, CELL = 5, (60, 70, 80, 90), 75, 132


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    path = parser.parse_args().picture
    roles: dict[int, list[PlannedScan]] = {}
    for scan in plan():
        if scan.split == "test":
            roles.setdefault(scan.subject.number, []).append(scan)
    rows = [_row(scans) for _, scans in sorted(roles.items())[:SUBJECTS]]
    sheet = Image.new("L", (CELL * len(rows[0]), (CELL + 14) * len(rows)))
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, (label, picture) in enumerate(row):
            corner = (x * CELL, y * (CELL + 14))
            sheet.paste(picture.resize((CELL, CELL), Image.Resampling.BICUBIC), (corner[0], corner[1] + 14))
            draw.text((corner[0] + 3, corner[1] + 2), label, fill=230)
    sheet.save(path, optimize=True)


def _row(scans: list[PlannedScan]) -> list[tuple[str, Image.Image]]:
    """A subject's pictures with their labels; `scans` are its roles."""
    subject = scans[0].subject
    atlases, identity = load_atlas({subject.height}), draw_identity(subject)
    wanted = [(f"CN {age}", age, History()) for age in AGES]
    wanted += [(f"{stage} {AGE}", AGE, subject.pace.history(AGE, stage)) for stage in DIAGNOSES]
    order = ("scan", "later", "other")
    wanted += [(f"{scan.role}: {scan.diagnosis} {scan.age}", scan.age, scan.history)
               for scan in sorted(scans, key=lambda scan: order.index(scan.role))]
    return [(label, Image.fromarray(render(atlases, subject, identity, *world))) for label, *world in wanted]


if __name__ == "__main__":
    main()
