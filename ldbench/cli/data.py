"""The commands `ldbench data prepare NAME` and `ldbench data render NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldbench.cli.options import Jobs
from ldbench.errors import PluginError, UsageError

if TYPE_CHECKING:
    from ldbench.api import DataSource
    from ldbench.data.prepare.splits import Plan

CLINICAL = ("nibabel", "pandas", "pydicom", "nilearn")
# what a data set's own plan may set otherwise
GENERAL: dict[str, str | int | float] = {
    "test_per_class": 0, "test_classes": "", "images_a_subject": 1, "fractions": "0.8,0.1,0.1", "min_years": 0.0,
    "split_as": "",
}

SplitAs = Annotated[
    str | None, typer.Option(help="Share ids and split of the data set of this name, such as another size's.")
]
_NAMES = "chexpert, chexpert-findings, oasis3, adni1, folder, or another of `list datasets`."
DatasetName = Annotated[str, typer.Argument(metavar="NAME", help=_NAMES)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be used and what left out, by tables and names alone.")
]

data = typer.Typer(
    name="data", no_args_is_help=True, help="Prepare data sets from your own copies, or render new subjects.",
)


@data.command()
def prepare(
    dataset: DatasetName,
    root: Annotated[Path, typer.Option(help="The folder as its owners ship it.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the prepared data.  [default: LDBENCH_DATA/NAME, or data/NAME in the cache]"),
    ] = None,
    jobs: Jobs = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first faulty image.")] = False,
    size: Annotated[int, typer.Option(help="Side of the prepared images in pixels.")] = 512,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the reader, key=value, such as window=0,80; may be repeated."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="folder: columns image (below --root), subject, the class, optionally years.")
    ] = None,
    class_attribute: Annotated[str | None, typer.Option(help="folder: the column that classes are read from.")] = None,
    name: Annotated[str | None, typer.Option(help="folder: what cards call the data set (data.dataset).")] = None,
    classes: Annotated[str | None, typer.Option(help="folder: the classes to use, separated by commas.")] = None,
    attributes: Annotated[
        str | None, typer.Option(help="folder: further columns for the manifest, separated by commas; no others leave.")
    ] = None,
    test_per_class: Annotated[
        int | None, typer.Option(help="Test images of each class, from the test split; 0: no number.")
    ] = None,
    test_classes: Annotated[
        str | None, typer.Option(help="The classes of the test set, separated by commas; empty: all.")
    ] = None,
    images_a_subject: Annotated[
        int | None, typer.Option(help="Most test images of one subject, 1 if nothing is said.")
    ] = None,
    fractions: Annotated[str | None, typer.Option(help="Parts of the subjects for train,validation,test.")] = None,
    min_years: Annotated[
        float | None, typer.Option(help="Pair a subject's scans that lie this far apart; 0 makes no pairs.")
    ] = None,
    salt: Annotated[
        str, typer.Option(help="Another salt is another split, and no result compares with the usual one's.")
    ] = "",
    split_as: SplitAs = None,
    dry_run: DryRun = False,
) -> None:
    """Read a data set as its owners ship it, split it by subject, and write small images and a manifest."""
    given = {
        "test_per_class": test_per_class, "test_classes": test_classes, "images_a_subject": images_a_subject,
        "fractions": fractions, "min_years": min_years, "split_as": split_as,
    }
    settings: dict[str, object] = {
        "csv": csv, "class_attribute": class_attribute, "dataset": name,
        "classes": None if classes is None else _separated(classes),
        "attributes": None if attributes is None else _separated(attributes),
    }
    _check_names({"--name": name, "--split-as": split_as})
    with _clinical():
        source = _source(dataset)
        plan = _plan({**GENERAL, **source.plan, **_present(given)}, salt)
        _prepare(source, _present(settings), size, set_ or [], plan, root, out, None if dry_run else jobs, strict)


@data.command()
def render(
    dataset: Annotated[str, typer.Argument(metavar="NAME", help="A data set with a simulator, such as sandbox-brain.")],
    seed: Annotated[int, typer.Option(help="Draws every subject: equal seeds give equal bytes.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for data and cards.", show_default="rendered/NAME-seed-SEED")
    ] = None,
    card: Annotated[
        list[str] | None,
        typer.Option(help="A card to make one of; may be repeated.", show_default="all installed ones on the data set"),
    ] = None,
    test_only: Annotated[
        bool, typer.Option("--test-only", help="New test subjects alone: models fit on the installed ones.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option(help="Which revision of the data set.", show_default="that of the cards")
    ] = None,
    jobs: Jobs = 0,
) -> None:
    """Render new subjects from a seed, with their truth, and write cards that `ldbench run` takes by path."""
    from ldbench.data.render import default_folder
    from ldbench.data.render import render as render_
    from ldbench.run.environment import usable_cores
    from ldbench.run.progress import live_progress
    from ldbench.task.fresh_spec import SPLITS

    folder = out if out is not None else default_folder(dataset, seed)
    with live_progress(f"{dataset}, seed {seed}") as progress:
        rendered = render_(
            dataset, seed, folder, splits=("test",) if test_only else SPLITS, cards=card, revision=revision,
            processes=jobs or usable_cores(), progress=progress,
        )
    for line in rendered.lines(folder):
        typer.echo(line)


def _check_names(options: Mapping[str, str | None]) -> None:
    for option, name in options.items():
        if name is not None and (not name or set(name) & set("/\\+") or name.startswith(".")):
            raise UsageError(f"{option}: expected a name without / \\ or +, got {name!r}")


def _present(options: Mapping[str, object]) -> dict[str, object]:
    """The options that were given."""
    return {key: value for key, value in options.items() if value is not None}


def _source(name: str) -> DataSource:
    from ldbench.plugins.kinds import DATASETS

    source = DATASETS.load(name)
    if source.reader is None:
        raise UsageError(f"{name}: it comes with its package, so there is nothing to prepare; run a task on it")
    return source


def _prepare(
    source: DataSource, settings: dict[str, object], size: int, texts: list[str], plan: Plan, root: Path,
    out: Path | None, jobs: int | None, strict: bool,
) -> None:
    """Without `jobs` it only says what would be done."""
    from ldbench.data.prepare.compose import prepare as prepare_
    from ldbench.data.prepare.listing import preview
    from ldbench.data.prepare.settings import configured, leaves
    from ldbench.data.prepared import data_folder
    from ldbench.plugins.parameters import key_values
    from ldbench.run.environment import usable_cores
    from ldbench.run.progress import live_progress

    reader_class: Any = source.reader() if source.reader else None
    names = leaves(reader_class)
    settings |= {key: size for key in ("size", "preprocessing.size") if key in names and "size" not in settings}
    for key in settings:
        if key not in names:
            option = "--" + ("name" if key == "dataset" else key.replace("_", "-"))
            raise UsageError(f"{option}: {source.name} has no such setting; drop it")
    reader = configured(reader_class, settings, key_values(texts))
    _check_side(reader)
    target = out if out is not None else data_folder(reader.dataset)
    if jobs is None:
        for line in preview(reader, root, target, plan, strict=strict):
            typer.echo(line)
        return
    with live_progress(reader.dataset) as progress:
        summary = prepare_(
            reader, root, target, plan=plan, jobs=jobs or usable_cores(), strict=strict, progress=progress
        )
    for line in summary.lines():
        typer.echo(line)


def _check_side(reader: Any) -> None:
    """`UsageError` for a side of the prepared images that no card can have, whichever option gave it."""
    for owner in (reader, getattr(reader, "preprocessing", None)):
        side = getattr(owner, "size", None)
        if isinstance(side, int) and side % 8:
            near = " or ".join(str(each) for each in (side - side % 8, side - side % 8 + 8) if each)
            raise UsageError(
                f"--size: expected a multiple of 8, as protocol.resolution of a card is, got {side}; take {near}"
            )


def _plan(options: dict[str, Any], salt: str) -> Plan:
    from ldbench.data.prepare.splits import SALT, Plan

    try:
        train, validation, test = (float(part) for part in str(options["fractions"]).split(","))
    except ValueError as error:
        raise UsageError(
            f"--fractions: expected three numbers separated by commas, got {options['fractions']!r}"
        ) from error
    return Plan(
        salt or SALT, (train, validation, test), options["test_per_class"] or None,
        _separated(options["test_classes"]), options["images_a_subject"], options["min_years"] or None,
        options["split_as"],
    )


def _separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@contextmanager
def _clinical() -> Iterator[None]:
    """The packages that read clinical files are an extra; without them a run says how to get them."""
    try:
        yield
    except (ModuleNotFoundError, PluginError) as error:
        cause = error.__cause__ if isinstance(error, PluginError) else error
        if not isinstance(cause, ModuleNotFoundError) or cause.name not in CLINICAL:
            raise
        raise UsageError(f'missing package {cause.name}; pip install "ldbench[clinical]"') from error
