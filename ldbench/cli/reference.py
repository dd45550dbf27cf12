"""The command `ldbench reference`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli import folder_options
from ldbench.cli.comma_lists import parse_names
from ldbench.cli.options import Device

_Real = Annotated[Path, typer.Argument(help="A folder of real images, or of volumes.")]
_File = Annotated[Path, typer.Argument(help="The file to write; its name ends in .safetensors.")]


def reference(
    real: _Real,
    file: _File,
    metric: folder_options.Metric = None,
    network: folder_options.Network = None,
    side: folder_options.Side = None,
    fit: folder_options.Fit = None,
    channels: folder_options.Channels = None,
    blur: folder_options.Blur = 0.0,
    noise: folder_options.Noise = 0.0,
    set_: folder_options.Set = None,
    subjects: folder_options.Subjects = None,
    subject_pattern: folder_options.SubjectPattern = None,
    volumes: folder_options.Volumes = None,
    slices: folder_options.Slices = None,
    window: folder_options.Window = None,
    device: Device = "auto",
) -> None:
    """Keep statistics of real images that you may not give away; `ldbench measure FILE GENERATED` takes them instead.

    They are for fid, viewed_fid and frd, with their intervals. What they tell of the images: docs/guides/folders.md.
    """
    from ldbench.records.argument_names import by_command
    from ldbench.run.progress import live_progress
    from ldbench.run.reference import save_reference

    metrics = parse_names(metric, "--metric") if metric else None
    settings = folder_options.by_metric(set_ or ())
    with live_progress(f"statistics of {real}") as progress:
        saved = by_command(save_reference)(
            real, file, metrics=metrics, network=network, side=side, channels=channels or "rgb", blur=blur, noise=noise,
            settings=settings, subjects=subjects, subject_pattern=subject_pattern, device=device, progress=progress,
            fit=fit, volumes=parse_names(volumes, "--volumes") if volumes else None, slices=slices, window=window,
        )
    typer.echo(saved.line)
    for note in saved.notes:
        typer.echo(f"warning: {note}", err=True)
