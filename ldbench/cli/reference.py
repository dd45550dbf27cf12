"""The command `ldbench reference`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.comma_lists import parse_names
from ldbench.cli.folder_options import (
    Blur,
    Channels,
    Fit,
    Metric,
    Network,
    Noise,
    Set,
    Side,
    SubjectPattern,
    Subjects,
    by_metric,
)
from ldbench.cli.options import Device

_Real = Annotated[Path, typer.Argument(help="A folder of real images.")]
_File = Annotated[Path, typer.Argument(help="The file to write; its name ends in .safetensors.")]


def reference(
    real: _Real,
    file: _File,
    metric: Metric = None,
    network: Network = None,
    side: Side = None,
    fit: Fit = None,
    channels: Channels = None,
    blur: Blur = 0.0,
    noise: Noise = 0.0,
    set_: Set = None,
    subjects: Subjects = None,
    subject_pattern: SubjectPattern = None,
    device: Device = "auto",
) -> None:
    """Keep statistics of real images that you may not give away; `ldbench measure FILE GENERATED` takes them instead.

    They are for fid, viewed_fid and frd, with their intervals. What they tell of the images: docs/guides/folders.md.
    """
    from ldbench.records.argument_names import by_command
    from ldbench.run.progress import live_progress
    from ldbench.run.reference import save_reference

    metrics = parse_names(metric, "--metric") if metric else ()
    settings = by_metric(set_ or ())
    with live_progress(f"statistics of {real}") as progress:
        saved = by_command(save_reference)(
            real, file, metrics=metrics, network=network, side=side, channels=channels or "rgb", blur=blur, noise=noise,
            settings=settings, subjects=subjects, subject_pattern=subject_pattern, device=device, progress=progress,
            fit=fit,
        )
    typer.echo(saved.line)
    for note in saved.notes:
        typer.echo(f"warning: {note}", err=True)
