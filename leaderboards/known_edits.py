"""What `counterfactual_error` and its parts say of edits that are known exactly: see docs/measurements/gauntlet.md.

    python -m leaderboards.known_edits sandbox-brain-disease sandbox-brain-aging sandbox-chest-disease sandbox-chest-sex

Makes each edit of all evaluation cases of a task, as the gauntlet makes its failures, and prints a line an edit: the
error and, in brackets, the side effect. Images are rounded to 8 bits and seen under the card's viewing conditions.
Another subject is a training scan with what the edit asks for, as the gauntlet draws it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import numpy as np
import torch

from ldbench.score.inputs import Inputs
from ldbench.score.metrics.counterfactual_error import EditSums, edit_sums, error, side_effect
from ldbench.studies.gauntlet import anatomy, appearance, edits
from ldbench.studies.gauntlet.failure import Images, Make, Material
from ldbench.studies.gauntlet.material import Course, as_images, course_of
from ldbench.task import card


def made(make: Make, severity: float) -> Callable[[Material], Images]:
    """A failure at one severity, its draws seeded."""
    return lambda material: make(material, severity, np.random.default_rng(0))


KNOWN_EDITS: Mapping[str, Callable[[Material], Images]] = {
    "copy of the source": made(edits.unedited, 1.0), "half of the true edit": made(edits.too_little, 0.5),
    "the truth": lambda material: material.perfect, "1.5 times the true edit": made(edits.too_much, 0.5),
    "twice the true edit": made(edits.too_much, 1.0), "another subject": made(edits.other_subject, 1.0),
    "truth, blurred by 0.6 px": made(appearance.blurred, 0.6), "truth, noise of 0.03": made(appearance.noisy, 0.03),
    "truth, veil of 0.01": made(appearance.veiled, 0.01), "truth, moved by 1 px": made(appearance.shifted, 1.0),
    "truth, left for right": made(anatomy.left_right, 1.0),
}


def course_of_task(task: str) -> Course:
    """The cases of a task of edits, with their sources and true images."""
    return course_of(card.load(task), seed=0)


def sums_of(course: Course, edit: str) -> EditSums:
    """The sums of each case of a known edit, as the metric sees its images."""
    images = as_images(course, KNOWN_EDITS[edit](course.material))
    inputs = Inputs(device=torch.device("cpu"), seed=0, cache_folder=None, data=course.data, images=images, passes={})
    seen = inputs.viewed.lazy
    return edit_sums("counterfactual_error", seen.generated, seen.sources, seen.truths)


def main() -> None:
    """Print the table of the tasks that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+")
    courses = {task: course_of_task(task) for task in parser.parse_args().tasks}
    print(f"| edit | {' | '.join(f'`{task}`' for task in courses)} |")
    print("|---" * (len(courses) + 1) + "|")
    for edit in KNOWN_EDITS:
        pooled = [sums_of(course, edit).pooled() for course in courses.values()]
        cells = [f"{error(sums):.2f} ({side_effect(sums):.2f})" for sums in pooled]
        print(f"| {edit} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
