"""Whether the films of several findings show them: `python -m recipes.sandbox.findings_read`.

By the judge that ships, the ROC area of each label: of all films of a split, and of those that show another finding
too. And by the renderer, for each finding of each test film, how far the film is from that of the same patient without
it: the largest change of a pixel, in grey levels of 255.
"""

from __future__ import annotations

import numpy as np
import torch
from ldbench_sandbox.chest.films import rendered
from ldbench_sandbox.chest.patient import SHOWABLE
from ldbench_sandbox.chest.render import render
from ldbench_sandbox.chest.several import several_cases
from sklearn.metrics import roc_auc_score

from ldbench.data.task_data import TaskData, network_files, task_data
from ldbench.score.metrics.judge_labels_auc import pinned_label_judge
from ldbench.task import card

TASK = "sandbox-chest-findings-t2i"


def areas(data: TaskData, split: str) -> list[str]:
    """The row of a Markdown table for each label."""
    task, scans = data.task, data.of_classes(split)
    assert task.judge is not None
    images = torch.from_numpy(np.stack([data.dataset.image(scan) for scan in scans]))
    scores = pinned_label_judge(task.judge, task.data.labels, shipped=network_files(task.data)).scores(images).numpy()
    has = np.array([[scan.attributes[label] == 1 for label in task.data.labels] for scan in scans])
    rows = []
    for column, label in enumerate(task.data.labels):
        others = [each for each, name in enumerate(task.data.labels) if name not in (label, "no_finding")]
        beside = has[:, others].any(axis=1)
        both = [roc_auc_score(has[chosen, column], scores[chosen, column])
                for chosen in (slice(None), beside) if 0 < has[chosen, column].sum() < len(has[chosen])]
        rows.append(f"| {split} | {label} | {has[:, column].sum()} | {' | '.join(f'{area:.3f}' for area in both)} |")
    return rows


def changes(name: str) -> tuple[list[int], list[int]]:
    """The largest change of a pixel by a finding: in test films that show it alone, and beside others."""
    alone, beside = [], []
    for case in several_cases("test"):
        if name in case.findings:
            without = render(case.patient(), case.findings - {name}, case.sex, case.age)
            most = int(np.abs(rendered(case.film()).astype(int) - without).max())
            (beside if len(case.findings) > 1 else alone).append(most)
    return alone, beside


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    data = task_data(card.load(TASK), 0)
    print("| split | label | films that have it | AUC | beside other findings |\n|---|---|---|---|---|")
    for split in ("validation", "test"):
        print("\n".join(areas(data, split)), flush=True)
    print("\n| finding | alone: films | least | 5 % | median | beside others: films | least | 5 % | median |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in SHOWABLE:
        parts = [f"{len(most)} | {min(most)} | {np.quantile(most, 0.05):.0f} | {np.median(most):.0f}"
                 for most in changes(name)]
        print(f"| {name} | {' | '.join(parts)} |", flush=True)


if __name__ == "__main__":
    main()
