"""The command `ldbench run`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from ldbench.cli import options
from ldbench.cli.comma_lists import parse_names, parse_seeds
from ldbench.cli.printing import print_error
from ldbench.errors import LdbenchError, UsageError, unknown_name
from ldbench.plugins.parameters import overrides_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ldbench.api import Score
    from ldbench.data.render import NewSeed
    from ldbench.records.fresh import FreshRound
    from ldbench.run.settings import Settings
    from ldbench.task.card import Task as Card


_ANEW = "for scores of this code remove the folder or choose another --out"

_Dry = Annotated[
    bool, typer.Option("--dry-run", help="Say what a run would need and what is missing; exit code 2 if anything.")
]
_Fresh = Annotated[
    str | None,
    typer.Option(metavar="SEED", help="Beside it, the same model on test subjects drawn from SEED; `new` draws it."),
]
_Metric = Annotated[
    list[str] | None,
    typer.Option(
        help="Print these of the card's metrics alone, by commas or repeated. There is no result until the same "
        "command without them completes the run."
    ),
]


def run(
    task: options.Task,
    models: options.Models,
    seed: options.LoneSeed = None,
    seeds: options.Seeds = None,
    device: options.Device = "auto",
    batch_size: options.BatchSize = 50,
    set_: options.SetOfModels = None,
    out: options.Out = options.RUNS,
    fresh: _Fresh = None,
    metric: _Metric = None,
    dry: _Dry = False,
) -> None:
    """Fit each of MODELS on TASK, generate its cases, score them, write a result each, also after one that fails."""
    from ldbench.run.processes import is_first_process, launch

    chosen = _seeds(seed, seeds or [])
    overrides = {model: overrides_of(model, models, set_ or []) for model in models}
    asked, metrics = None if fresh is None else _data_seed(fresh), parse_names(metric, "--metric") if metric else []
    if metrics and fresh is not None:
        raise UsageError("--metric: expected no --fresh beside it, as a gap is one of whole results; leave one out")
    if asked == "new" and launch() is not None:
        raise UsageError("--fresh new: expected a seed, as each process of a launcher would draw another; name one")
    card = _named(task, models, metrics)
    from ldbench.data.render import drawn_seed
    from ldbench.run.models import ready_models
    from ldbench.run.pipeline import prepare
    from ldbench.run.settings import Settings

    ready_models(card, overrides)
    wanted = [_Wanted(model, of_run, len(chosen) > 1) for of_run in chosen for model in models]
    quiet = {each: Settings(out, each.seed, device, batch_size, overrides[each.model]) for each in wanted}
    if dry:
        _dry_run(task, quiet, asked, metrics)
        return
    data_seed = drawn_seed() if asked == "new" else asked

    def look(each: _Wanted) -> None:
        prepare(task, each.model, quiet[each])

    def one(each: _Wanted) -> None:
        label, of_other_code = f"{each.model} on {task}{each.of_seed}", list[str]()
        with options.live_settings(label, out, each.seed, device, batch_size) as settings:
            def warn(line: str) -> None:
                of_other_code.append(f"{line}; {_ANEW}")
                settings.say(of_other_code[-1])

            as_set = replace(settings, overrides=overrides[each.model], warn=warn)
            scores, below = _made(task, each.model, data_seed, metrics, as_set)
        if is_first_process():
            show(scores, *below)
            for line in of_other_code:  # again, as nobody reads what stands above a table
                options.say_on_error(label, line)

    ends_all = len(wanted) == 1 or launch() is not None  # several processes go on together or not at all
    # the first one's run looks for itself; a wrong option is that of all
    failed = _each(look, wanted[1:], Exception if ends_all else UsageError)
    failed |= _each(one, [each for each in wanted if each not in failed], Exception if ends_all else ())
    if failed:
        raise typer.Exit(LdbenchError.exit_code)


def _made(
    task: str, model: str, data_seed: int | None, metrics: Sequence[str], settings: Settings
) -> tuple[Sequence[Score], list[str]]:
    """The scores of a run, and the lines below them."""
    from ldbench.run.fresh import run_fresh
    from ldbench.run.in_part import scores_in_part
    from ldbench.run.task_runs import run_as_set

    if metrics:
        scores, folder = scores_in_part(task, model, settings, metrics)
        in_part = f"{folder.path}: no result, as metrics were chosen; the same command without --metric completes it"
        return scores, [str(folder.result) if folder.finished() else in_part]
    if data_seed is not None:
        found = run_fresh(task, model, data_seed, settings)
        return found.frozen.scores, [str(found.path), *gap_lines(found.round), str(found.written)]
    made = run_as_set(task, model, settings)
    return made.scores, [str(made.path)]


@dataclass(frozen=True)
class _Wanted:
    """One run of the command; `of_several`: whether its seed must be said."""

    model: str
    seed: int
    of_several: bool

    @property
    def of_seed(self) -> str:
        return f", seed {self.seed}" if self.of_several else ""


def _each(
    act: Callable[[_Wanted], None], wanted: Sequence[_Wanted], ends_all: type[Exception] | tuple[()]
) -> set[_Wanted]:
    """The runs on which `act` failed, each said in a line; an error of the kind that ends all is raised.

    An unforeseen error, such as a device's, is that of one run, too: the others may not meet it.
    """
    failed = set[_Wanted]()
    for each in wanted:
        try:
            act(each)
        except ends_all:
            raise
        except Exception as error:
            failed.add(each)
            print_error(error, f"{each.model}{each.of_seed}: ")
    return failed


def _seeds(seed: int | None, seeds: Sequence[str]) -> tuple[int, ...]:
    """The seeds of `--seeds`, or the one of `--seed`."""
    if seed is not None and seeds:
        raise UsageError(f"--seeds: expected no --seed beside it, got {seed}; list all seeds in --seeds")
    return parse_seeds(seeds) if seeds else (seed or 0,)


def _data_seed(text: str) -> int | NewSeed:
    """The seed of `--fresh`, or the word `new` for one that is still to be drawn."""
    if text == "new":
        return "new"
    if not text.isdecimal():
        raise UsageError(f"--fresh: expected a seed of 0 or more, or new, got {text!r}")
    return int(text)


def show(scores: Sequence[Score], *lines: object) -> None:
    """Print a run's scores, a line each, and below them the given lines, such as where it lies."""
    from ldbench.report.tables.scores import score_table

    unscored = "no scores: the task's host keeps the truth; send it the archive of `ldbench submit`\n"
    typer.echo((score_table(scores) or unscored) + "\n".join(map(str, lines)))


def gap_lines(compared: FreshRound) -> list[str]:
    """How a row does on new subjects, a line a metric, and the verdict."""
    from ldbench.report.digits import with_interval
    from ldbench.report.tables.text_table import TextTable, to_terminal

    rows = [
        (
            one.metric, f"{one.frozen:.4g}", f"{one.fresh:.4g}", *with_interval(one.gap, one.ci_low, one.ci_high),
            "worse on new subjects" if one.tuned else "",
        )
        for one in compared.gaps
    ]
    tuned = [one.metric for one in compared.gaps if one.tuned]
    verdict = f"worse on new subjects: {', '.join(tuned)}" if tuned else "no metric is worse on new subjects"
    head = ("metric", "public", "new", "gap", "95 % interval", "")
    level = "at 95 % over all metrics together"
    table = to_terminal(TextTable(head, rows, "lrrrll")).rstrip("\n")
    return [f"{compared.task.id}, subjects of seed {compared.data_seed}", table, f"{verdict} ({level})"]


def _named(task: str, models: Sequence[str], metrics: Sequence[str]) -> Card:
    """The task's card; a wrong name is refused before anything heavy is imported."""
    from ldbench.plugins.generators import load_generator
    from ldbench.task import card

    chosen = card.load(task)
    for model in models:
        load_generator(model)
    for name in metrics:
        if name not in chosen.metrics:
            raise unknown_name(f"metric of {chosen.id}", name, chosen.metrics, "name some of the card's")
    return chosen


def _dry_run(
    task: str, settings: Mapping[_Wanted, Settings], data_seed: int | NewSeed | None, metrics: Sequence[str]
) -> None:
    """Print what the runs with their settings would need; exit code 2 where anything is missing."""
    from ldbench.run.dry_run import dry_run

    needs = [dry_run(task, each.model, of_run, data_seed, metrics) for each, of_run in settings.items()]
    for each in needs:
        typer.echo("\n".join([*each.found, *(f"missing: {line}" for line in each.missing or ["nothing"])]))
    if any(each.missing for each in needs):
        raise typer.Exit(2)
