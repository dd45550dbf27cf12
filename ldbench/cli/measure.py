"""The command `ldbench measure`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ldbench.cli import folder_options
from ldbench.cli.comma_lists import parse_names
from ldbench.cli.options import Device
from ldbench.cli.printing import output_width
from ldbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ldbench.board.folder_differences import FolderDifferences
    from ldbench.score.folders.scores import FolderScores

_Real = Annotated[
    Path,
    typer.Argument(
        help="A folder of real images that the generator did not learn from, or a file of `ldbench reference`."
    ),
]
_Generated = Annotated[list[Path], typer.Argument(help="Folders of generated images, one a generator.")]
_Training = Annotated[
    Path | None,
    typer.Option(
        help="A folder of the images that the generator learnt from, to look for copies; with --classes or "
        "--labels a judge learns from them, too."
    ),
]
_Paired = Annotated[
    bool, typer.Option("--paired", help="A generated image's true one has the same name: SSIM, PSNR, LPIPS.")
]
_ByClass = Annotated[bool, typer.Option("--by-class", help="With --classes, also print the values within each class.")]
_ByLabel = Annotated[
    bool, typer.Option("--by-label", help="With --labels, also print the values of the images with each label.")
]
_ByMethod = Annotated[
    bool,
    typer.Option(
        "--by-method",
        help="Folders that lie in one folder are seeds of one method: its mean over seeds, and tests of methods.",
    ),
]
_PerImage = Annotated[
    Path | None, typer.Option(help="Write a CSV table: each generated image, its values and its nearest images.")
]
_Images = Annotated[
    int | None, typer.Option(help="Draw so many real and so many generated images.", show_default="all")
]
_Seed = Annotated[int, typer.Option(help="Seed of the draw of images and of the metrics' own draws.")]
_Formats = Literal["terminal", "markdown", "latex", "latex-tabular", "csv", "json"]
_Format = Annotated[
    _Formats, typer.Option("--format", help="How to print; latex-tabular: without caption and what values mean.")
]


def measure(
    real: _Real,
    generated: _Generated,
    training: _Training = None,
    metric: folder_options.Metric = None,
    network: folder_options.Network = None,
    paired: _Paired = False,
    side: folder_options.Side = None,
    fit: folder_options.Fit = None,
    channels: folder_options.Channels = None,
    blur: folder_options.Blur = 0.0,
    noise: folder_options.Noise = 0.0,
    set_: folder_options.Set = None,
    subjects: folder_options.Subjects = None,
    subject_pattern: folder_options.SubjectPattern = None,
    classes: folder_options.Classes = None,
    by_class: _ByClass = False,
    labels: folder_options.Labels = None,
    label: folder_options.Label = None,
    by_label: _ByLabel = False,
    by_method: _ByMethod = False,
    volumes: folder_options.Volumes = None,
    slices: folder_options.Slices = None,
    window: folder_options.Window = None,
    per_image: _PerImage = None,
    images: _Images = None,
    seed: _Seed = 0,
    device: Device = "auto",
    format_: _Format = "terminal",
) -> None:
    """Measure folders of generated images beside real ones, without a task.

    The differences of further folders from the first are tested, for these images. Which of two methods is better,
    whatever their training's luck, is for a test over seeds to say: `--by-method`, or on a task (docs/comparing.md).
    """
    from ldbench.records.argument_names import by_command
    from ldbench.run.measure import measure_each
    from ldbench.run.progress import live_progress
    from ldbench.score.folders.places import by_method as seeds_by_method

    seeds = seeds_by_method(generated) if by_method else {}
    settings = folder_options.by_metric(set_ or ())
    metrics = parse_names(metric, "--metric") if metric else None
    with live_progress(f"{', '.join(map(str, generated))} beside {real}") as progress:
        folders = by_command(measure_each)(
            real, generated, training=training, metrics=metrics, network=network, paired=paired, side=side,
            channels=channels, blur=blur, noise=noise, settings=settings, subjects=subjects,
            subject_pattern=subject_pattern, images=images, per_image=per_image, seed=seed, device=device,
            progress=progress, strict=False, fit=fit, classes=classes, by_class=by_class,
            labels=folder_options.tables_of_labels(labels) if labels else None,
            label_names=parse_names(label, "--label") if label else None, by_label=by_label,
            volumes=parse_names(volumes, "--volumes") if volumes else None, slices=slices, window=window,
        )
    typer.echo(_printed(folders, seeds, format_), nl=False)
    _say(folders)


def _say(folders: Sequence[FolderScores]) -> None:
    """Print warnings, what was measured, and errors; ends with an error's code where there are some."""
    from ldbench.report.measured_folders import said_of
    from ldbench.score.folders.lines import lines_of

    for line in said_of(folders, lambda each: each.notes):
        typer.echo(f"warning: {line}", err=True)
    for line in said_of(folders, lines_of):
        typer.echo(line, err=True)
    for line in said_of(folders, lambda each: (f"{name}: {reason}" for name, reason in each.refused.items())):
        typer.echo(f"error: {line}", err=True)
    if any(each.refused for each in folders):
        raise typer.Exit(UsageError.exit_code)


def _printed(folders: Sequence[FolderScores], seeds: Mapping[str, Sequence[int]], format_: _Formats) -> str:
    from ldbench.board.folder_differences import differences
    from ldbench.board.folder_seeds import over_seeds
    from ldbench.records.argument_names import by_command
    from ldbench.report.measured_folders import as_json, as_text
    from ldbench.report.measured_formats import as_csv, as_plain

    compared: FolderDifferences | None
    if seeds:
        answer = by_command(over_seeds)({name: [folders[one] for one in places] for name, places in seeds.items()})
        methods, compared = answer.methods, answer.differences
    else:
        methods = ()
        compared = by_command(differences)(folders) if len(folders) > 1 else None
    if format_ == "json":
        return as_json(folders, compared, methods)
    if format_ == "csv":
        return as_csv(folders, compared, methods)
    if format_ == "terminal":
        return as_text(folders, compared, output_width(), methods)
    return as_plain(folders, compared, format_, methods)
