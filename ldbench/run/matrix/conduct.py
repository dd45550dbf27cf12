"""A matrix from its plan to its last outcome: chooses how the runs are done, and keeps the tally.

A run that failed does not stop the others.
"""

from __future__ import annotations

import signal
from contextlib import closing
from functools import partial
from pathlib import Path
from types import FrameType

from ldbench.run.matrix.display import Tally, matrix_display
from ldbench.run.matrix.ray_cluster import Cluster, with_ray
from ldbench.run.matrix.sequence import one_after_another
from ldbench.run.matrix.worker import clear_standing


def conduct(tally: Tally, cluster: Cluster | None) -> None:
    """Do the runs of a tally, which holds how each ended, after an interruption too.

    For the main thread of a command: SIGTERM is an interruption from now on, as a batch system means it.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for job in tally.jobs:  # what a killed process left would pass for one at work
        clear_standing(job)
    do = one_after_another if cluster is None else partial(with_ray, cluster=cluster)
    with matrix_display(tally) as display, closing(do(tally.jobs, look=display.look)) as outcomes:
        for job, outcome in outcomes:
            clear_standing(job)  # a process that died left its own
            display.ended(job, outcome)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def results(tally: Tally) -> list[Path]:
    """The result files of the runs that ended well."""
    return [job.run_folder.result for job, outcome in tally.outcomes.items() if outcome.status != "failed"]
