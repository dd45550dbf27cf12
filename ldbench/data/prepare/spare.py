"""What there is to say of the test set of prepared data: how many images are kept out and why, and whether it is small.

It leaves nothing out itself: `ldbench.data.prepare.splits` draws the test set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ldbench.data.prepare.manifest import ManifestRow
from ldbench.data.prepare.splits import Plan

FEW = 50  # images; of smaller sets nobody simulated how often intervals cover (docs/measurements/intervals.md)


def lines_on_test_set(rows: Iterable[ManifestRow], plan: Plan) -> tuple[str, ...]:
    """A line on the spare images of a manifest with what keeps them out, and one on a test set of fewer than `FEW`."""
    images = [row for row in rows if row.split == "test" and row.role != "later"]
    spare = sum(row.role == "spare" for row in images)
    limits = {"--images-a-subject": f"at most {plan.images_a_subject} of a subject"}
    if max(Counter(row.subject for row in images).values(), default=0) <= plan.images_a_subject:
        limits = {}
    if plan.test_per_class is not None:
        limits["--test-per-class"] = f"{plan.test_per_class} of each class"
    if plan.test_classes:
        limits["--test-classes"] = f"{', '.join(plan.test_classes)} alone"
    lines = list[str]()
    if spare:
        why = "; ".join(f"{limit} ({option})" for option, limit in limits.items())
        lines.append(
            f"spare: {spare} of the {len(images)} images of the test split are not in the test set, and used for "
            f"nothing: it has {why}"
        )
    if len(images) - spare < FEW:
        options = " or ".join([*([f"{' and '.join(limits)}"] if spare else []), "the test part of --fractions"])
        lines.append(
            f"warning: the test set has {len(images) - spare} images, fewer than {FEW}: intervals are rough, and only "
            f"large differences show; for a larger one change {options}"
        )
    return tuple(lines)
