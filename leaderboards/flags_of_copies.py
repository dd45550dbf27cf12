"""How often `copied_share` flags a generator that copies nothing, where subjects have several images: the table in
docs/measurements/intervals.md.

How near an image is to its nearest training image is drawn alike for generated and for fresh real images, so every flag
is an error. Images of one subject are near or far together. Beside the flags of the suite stand those that there would
be if every image counted as a subject.

    python -m leaderboards.flags_of_copies --draws 4000
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from ldbench.api import Measured
from ldbench.score.metrics.copies import Nearness, copied_share_score, is_copy
from ldbench.score.metrics.intervals import Subjects, numbered

Design = tuple[int, int]  # subjects, and images of each
DESIGNS: Sequence[tuple[Design, Design]] = (
    ((200, 1), (200, 1)), ((200, 1), (25, 8)), ((25, 8), (200, 1)), ((50, 4), (50, 4)), ((25, 8), (25, 8)),
)
ALIKE = (0.3, 0.6, 0.9)  # correlation within a subject
_SPREAD = 0.12  # of the logarithm of the nearness


def drawn(design: Design, alike: float, random: np.random.Generator, nearer: float = 0.0) -> tuple[Nearness, Subjects]:
    """How near the images of a set are, a subject's one after another, and their subjects; `nearer` are copies."""
    subjects, images = design
    own_s1, other_sn = random.normal(size=(subjects, 1)), random.normal(size=design)
    near_sn = np.exp(_SPREAD * (alike**0.5 * own_s1 + (1 - alike) ** 0.5 * other_sn) - nearer)
    nearness = Nearness(near_sn.ravel(), np.zeros(subjects * images, np.int64))
    return nearness, numbered(np.repeat(np.arange(subjects), images).tolist())


def score(generated: tuple[Nearness, Subjects], fresh: tuple[Nearness, Subjects], *, known: bool) -> Measured:
    """The score of what was drawn; without subjects where these are not `known`."""
    case_ids = [f"case{place}" for place in range(len(generated[0].relative_n))]
    return copied_share_score(
        [generated[0]], [fresh[0]], case_ids=case_ids, scan_ids=["scan"], extractor="simulated",
        subjects=(fresh[1], generated[1]) if known else (None, None),
    )


def flagged(generated: Design, fresh: Design, alike: float, draws: int) -> tuple[float, float]:
    """The share of draws that are flagged, with subjects and without."""
    flags = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        sets = drawn(generated, alike, random), drawn(fresh, alike, random)
        flags.append([is_copy(score(*sets, known=known).score) for known in (True, False)])
    by_subject, by_image = np.mean(flags, axis=0).tolist()
    return by_subject, by_image


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000)
    options = parser.parse_args()
    print(f"| generated | fresh | {' | '.join(f'alike by {alike}' for alike in ALIKE)} |")
    print(f"|---|---|{'---|' * len(ALIKE)}")
    for generated, fresh in DESIGNS:
        cells = []
        for alike in ALIKE:
            by_subject, by_image = flagged(generated, fresh, alike, options.draws)
            cells.append(f"{100 * by_subject:.2f} ({100 * by_image:.2f})")
        shown = (f"{subjects} x {images}" for subjects, images in (generated, fresh))
        print(f"| {' | '.join([*shown, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
