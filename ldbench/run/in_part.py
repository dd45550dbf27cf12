"""Some of a card's metrics for whoever is at work on a generator: `ldbench run --metric`.

The run makes and keeps all images and stays unfinished, so no board, gate or comparison takes it for a whole one.
"""

from __future__ import annotations

from collections.abc import Collection

from ldbench.api import Score
from ldbench.plugins.given import Model
from ldbench.records.result import Stage
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import note_scored
from ldbench.run.context import RunContext
from ldbench.run.pipeline import carried_out, read_back
from ldbench.run.scoring import say_refused, scored_from
from ldbench.run.settings import Settings
from ldbench.score.scorer import scores_of
from ldbench.task.metric_specs import records_of


def scores_in_part(
    task_name: str, model: Model, settings: Settings, metrics: Collection[str]
) -> tuple[list[Score], RunFolder]:
    """Fit and generate as `run` does, and score by these of the card's metrics alone, in the card's order.

    Writes no result: `run` completes the run from what is kept, and gives what it would have given at once. Of a
    finished run the scores are those of its result. Other processes of a launcher get none, nor does anybody of a task
    whose host keeps the truth.
    """
    scores = list[Score]()

    def look(context: RunContext, stages: list[Stage], notes: list[str]) -> None:
        if not context.data.blind:
            _, inputs = scored_from(context, context.folder.image_folders)
            panel = scores_of(inputs, metrics)
            say_refused(context, panel.refused)
            scores.extend(one.score for one in panel.measured)
            note_scored(context.folder, [score.metric for score in scores])

    context = carried_out(task_name, model, settings, None, look)
    if not scores and context.folder.finished():  # another process may have completed it meanwhile
        names = {metric.name for name, metric in records_of(context.data.task.metrics).items() if name in metrics}
        scores += [score for score in read_back(context).scores if score.metric in names]
    return scores, context.folder
