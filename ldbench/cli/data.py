"""The commands `ldbench data prepare chexpert|oasis3|adni1|folder`.

Options in, one call, lines out, as everywhere in `ldbench.cli`; readers and what they read with are imported when a
command runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldbench.errors import UsageError

if TYPE_CHECKING:
    from ldbench.data.prepare.source import Reader
    from ldbench.data.prepare.splits import Plan

CLINICAL = ("nibabel", "pandas", "pydicom", "nilearn")

Root = Annotated[Path, typer.Option(help="The folder as its owners ship it.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for the prepared data; LDBENCH_DATA/NAME or the cache's data/NAME where none is given."),
]
Jobs = Annotated[int, typer.Option(help="Processes; 0 is one a core.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first faulty image instead of skipping it.")]
Size = Annotated[int, typer.Option(help="Side of the prepared images in pixels.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of the reader, key=value, preprocessing.z=20 say; a wrong key lists them."),
]
PerClass = Annotated[
    int, typer.Option(help="Test images of each class, drawn inside the test split; 0 takes the whole split.")
]
TestClasses = Annotated[str, typer.Option(help="The classes of the test set, parted by commas; empty: all.")]
PerSubject = Annotated[int, typer.Option(help="Most test images of one subject.")]
Fractions = Annotated[str, typer.Option(help="Parts of the subjects for train,validation,test.")]
MinYears = Annotated[float, typer.Option(help="Pair a subject's scans that lie this far apart; 0 makes no pairs.")]
Salt = Annotated[str, typer.Option(help="Another salt is another split, and no result compares with the usual one's.")]

data = typer.Typer(name="data", no_args_is_help=True, help="Prepare data sets from your own copies.")
prepare = typer.Typer(
    name="prepare", no_args_is_help=True,
    help="Read a data set as its owners ship it, split it by subject, and write small images and a manifest.",
)
data.add_typer(prepare)


def register(app: typer.Typer) -> None:
    """Add the commands to the suite's command line."""
    app.add_typer(data)


@prepare.command()
def chexpert(
    root: Root, out: Out = None, jobs: Jobs = 0, strict: Strict = False, size: Size = 512, set_: Set = None,
    test_per_class: PerClass = 100, test_classes: TestClasses = "", images_a_subject: PerSubject = 1,
    fractions: Fractions = "0.8,0.1,0.1", salt: Salt = "",
) -> None:
    """CheXpert: frontal radiographs of four classes; 400 test images, 100 of each (paper, Sec. 4.1)."""
    plan = _plan(fractions, test_per_class, test_classes, images_a_subject, 0, salt)
    with _clinical():
        from ldbench.data.prepare.readers.chexpert import CheXpertReader

        _prepare(CheXpertReader, {"size": size}, set_, plan, root, out, jobs, strict)


def _oasis3() -> type[Any]:
    from ldbench.data.prepare.readers.oasis3 import Oasis3Reader

    return Oasis3Reader


def _adni1() -> type[Any]:
    from ldbench.data.prepare.readers.adni1 import Adni1Reader

    return Adni1Reader


def _brains(name: str, title: str, reader_class: Callable[[], type[Any]]) -> None:
    """A command for scans of brains: the data sets differ by their readers alone."""

    # test images: the paper's 100 CN and 100 AD over both sets, from three tenths of the subjects: a tenth has too few
    # AD
    @prepare.command(
        name, help=f"{title}: axial slices of T1 scans, the nearest clinical visit of each, and pairs of one subject.",
    )
    def command(
        root: Root, out: Out = None, jobs: Jobs = 0, strict: Strict = False, size: Size = 512, set_: Set = None,
        test_per_class: PerClass = 50, test_classes: TestClasses = "CN,AD", images_a_subject: PerSubject = 1,
        fractions: Fractions = "0.6,0.1,0.3", min_years: MinYears = 1.0, salt: Salt = "",
    ) -> None:
        plan = _plan(fractions, test_per_class, test_classes, images_a_subject, min_years, salt)
        with _clinical():
            _prepare(reader_class(), {"preprocessing.size": size}, set_, plan, root, out, jobs, strict)


_brains("oasis3", "OASIS-3", _oasis3)
_brains("adni1", "ADNI-1", _adni1)


@prepare.command()
def folder(
    csv: Annotated[Path, typer.Option(help="Columns image (below --root), subject, attributes, optionally years.")],
    root: Root,
    class_attribute: Annotated[str, typer.Option(help="The column that classes are read from.")] = "diagnosis",
    name: Annotated[str, typer.Option(help="What to call the data set; data.dataset of your card.")] = "folder",
    classes: Annotated[str, typer.Option(help="The classes to use, parted by commas; empty: all.")] = "",
    out: Out = None, jobs: Jobs = 0, strict: Strict = False, size: Size = 512, set_: Set = None,
    test_per_class: PerClass = 0, test_classes: TestClasses = "", images_a_subject: PerSubject = 1,
    fractions: Fractions = "0.8,0.1,0.1", min_years: MinYears = 0.0, salt: Salt = "",
) -> None:
    """Your own images: PNG, JPEG, TIFF, DICOM or NIfTI, and a CSV that says what they are."""
    if not name or set(name) & set("/\\+") or name.startswith("."):
        raise UsageError(f"--name: expected a name without / \\ or +, got {name!r}")
    plan = _plan(fractions, test_per_class, test_classes, images_a_subject, min_years, salt)
    with _clinical():
        from ldbench.data.prepare.readers.from_folder import FolderReader

        own: dict[str, object] = {
            "csv": csv, "dataset": name, "class_attribute": class_attribute, "size": size,
            "classes": _parted(classes),
        }
        _prepare(FolderReader, own, set_, plan, root, out, jobs, strict)


def _prepare(
    reader_class: type[Any], own: dict[str, object], set_: list[str] | None, plan: Plan, root: Path,
    out: Path | None, jobs: int, strict: bool,
) -> None:
    from ldbench.data.prepare.compose import prepare as prepare_
    from ldbench.data.prepare.settings import configured
    from ldbench.data.prepared import data_folder
    from ldbench.plugins.parameters import key_values
    from ldbench.run.progress import live_progress

    reader: Reader = configured(reader_class, own, key_values(set_ or []))
    target = out if out is not None else data_folder(reader.dataset)
    with live_progress(reader.dataset) as progress:
        summary = prepare_(
            reader, root, target, plan=plan, jobs=jobs or os.cpu_count() or 1, strict=strict, progress=progress
        )
    for line in summary.lines():
        typer.echo(line)


def _plan(
    fractions: str, test_per_class: int, test_classes: str, images_a_subject: int, min_years: float, salt: str
) -> Plan:
    from ldbench.data.prepare.splits import SALT, Plan

    try:
        train, validation, test = (float(part) for part in fractions.split(","))
    except ValueError as error:
        raise UsageError(f"--fractions: expected three numbers parted by commas, got {fractions!r}") from error
    return Plan(
        salt or SALT, (train, validation, test), test_per_class or None, _parted(test_classes), images_a_subject,
        min_years or None,
    )


def _parted(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@contextmanager
def _clinical() -> Iterator[None]:
    """The packages that read clinical files are an extra; without them a run says how to get them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in CLINICAL:
            raise
        raise UsageError(f'missing package {error.name}; pip install "ldbench[clinical]"') from error
