"""A generator over a task's cases: images on disk with a manifest, resumable, whatever the generator does.

Batches are cut from the case order alone, so a resumed run redoes exactly the batches that were not finished and leaves
the bytes of an uninterrupted one. A batch that the device's memory can't hold is cut in halves. Images that break the
contract are an error: nothing is padded, clipped or reshaped to fit.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

from ldbench.api import Batches, Case, Context, Generator, Request, case_seed, out_of_memory
from ldbench.data.image_writer import ImageWriter
from ldbench.data.images import read_image
from ldbench.data.pixel_range import range_fault
from ldbench.data.stored_case import loaded
from ldbench.errors import DataError, GeneratorError, ImageError
from ldbench.plugins import blame
from ldbench.records.checksum import sha256_file
from ldbench.records.files import write_json
from ldbench.records.run_folder import CASE_ID, IMAGES, RunFolder
from ldbench.run.process_settings import settings_kept

if TYPE_CHECKING:
    import torch

_BYTES_A_PIXEL = 2500  # of a batch's images: between plain sampling and methods that hold attention maps in float32


class Requests(Sequence[Request]):
    """Requests that read their cases' images when they are taken out: a generator gets no way to any other image.

    `unread` are the same in order, for ids and prompts; none of them is for a generator.
    """

    def __init__(self, unread: Sequence[Request]) -> None:
        self.unread = tuple(unread)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.unread)

    @overload
    def __getitem__(self, index: int) -> Request: ...
    @overload
    def __getitem__(self, index: slice) -> list[Request]: ...
    def __getitem__(self, index: int | slice) -> Request | list[Request]:
        """One request, or those of a slice, with their images."""
        if isinstance(index, slice):
            return [_loaded(request) for request in self.unread[index]]
        return _loaded(self.unread[index])


def _loaded(request: Request) -> Request:
    return replace(request, case=loaded(request.case))


def requests_for(cases: Sequence[Case], task_id: str, seed: int) -> Requests:
    """One request a case, its seed derived from run seed, task and case id; refuses duplicate or unsafe ids."""
    for name, count in Counter(case.id for case in cases).items():
        if count > 1:
            raise DataError(f"{task_id}: case ids must be unique, {name!r} stands {count} times; correct the manifest")
        if not re.fullmatch(CASE_ID, name):
            raise DataError(
                f"{task_id}: case id {name!r} can't be a file name; expected letters, digits, '.', '_' and '-'"
            )
    for case in cases:
        _check_source(case, task_id)
    return Requests([Request(case, case_seed(seed, task_id, case.id)) for case in cases])


def _check_source(case: Case, task_id: str) -> None:
    source = case.source
    if source is None:
        return
    shape, low, high = tuple(source.shape), float(source.min()), float(source.max())
    if len(shape) != 3 or shape[0] != 3 or not (low >= 0 and high <= 1):  # also false for NaN
        raise DataError(
            f"{task_id}: source of case {case.id!r}: expected (3, H, W) in [0, 1], got {shape} in [{low:.4g}, "
            f"{high:.4g}]; rescale the image"
        )


def generate(
    generator: Generator, requests: Sequence[Request], context: Context, folder: RunFolder, batch_size: int,
    wait: Callable[[], None] = lambda: None, stage: str = "generate",
) -> Path:
    """Write one PNG a request below the folder's images and, when all are there, its manifest.

    Returns the manifest's path. Batches whose images all stand readable on disk are not generated again; those of one
    are written while the next is made. Of several processes each takes every n-th batch; `wait` returns when all have
    done theirs, and the first writes the manifest. `stage` is what progress calls it.
    """
    folder.images.mkdir(parents=True, exist_ok=True)
    size, listed = context.image_shape[1:], requests.unread if isinstance(requests, Requests) else requests
    parts = Batches("generate", likely_batch(context.device, context.image_shape, batch_size))
    with ImageWriter() as writer:
        for start in range(context.process * batch_size, len(requests), context.processes * batch_size):
            rows = slice(start, start + batch_size)
            # absolute: a generator may change the working directory while the last batch is being written
            paths = [folder.image(request.case.id).absolute() for request in listed[rows]]
            if not all(_stands(path, (size[0], size[1])) for path in paths):
                batch = requests[rows]
                write = functools.partial(_write_images, writer, generator, batch, context, paths)
                parts.run(len(batch), write)
            context.progress(stage, min(start + batch_size, len(requests)), len(requests))
    wait()
    if context.process == 0:
        _write_manifest(listed, folder)
    return folder.manifest


def likely_batch(device: torch.device, image_shape: tuple[int, int, int], asked: int) -> int:
    """How many of `asked` images at a time a device's free memory is likely to hold; a CPU is given all of them."""
    import torch

    if device.type != "cuda":
        return asked
    torch.cuda.empty_cache()  # what the fit has left unused counts as free
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(asked, int(free / (_BYTES_A_PIXEL * image_shape[1] * image_shape[2]))))


def _write_images(
    writer: ImageWriter, generator: Generator, batch: Sequence[Request], context: Context, paths: Sequence[Path],
    rows: slice,
) -> None:
    """Generate a part of a batch and hand it to the writer; `out_of_memory` passes while it can be made smaller."""
    try:
        images = checked_images(generator, batch[rows], context)
    except RuntimeError as error:
        if rows.stop - rows.start > 1 or not out_of_memory(error):
            raise
        raise GeneratorError(
            f"{type(generator).__name__}, case {batch[rows.start].case.id!r}: out of memory with one image at a time; "
            "take a GPU with more memory, --set precision=bfloat16 or a smaller resolution"
        ) from error
    writer.write(images, paths[rows])


def checked_images(generator: Generator, batch: Sequence[Request], context: Context) -> torch.Tensor:
    """The generator's images for a batch on the CPU, or a `GeneratorError` that says what is wrong with them.

    What is `out_of_memory` stays what it is: a smaller batch may fit.
    """
    name = type(generator).__name__
    first, last = batch[0].case.id, batch[-1].case.id
    where = f"{name}, cases {first!r} to {last!r}"
    with blamed(f"{where}: generate", generator, halving=True):
        # a GPU says what went wrong in a kernel only when its results are fetched
        images = _on_cpu(generator.generate(batch, context), (len(batch), *context.image_shape), where)
    if fault := range_fault(images, lambda index: f"in {batch[index].case.id!r}"):
        raise GeneratorError(f"{where}: expected finite pixels in [0, 1], got {'; '.join(fault)}")
    return images.clamp(0, 1)


def _on_cpu(returned: object, expected: tuple[int, ...], where: str) -> torch.Tensor:
    """What a generator returned, on the CPU, where it is float32 of the expected shape; else a `GeneratorError`."""
    import torch

    if not isinstance(returned, torch.Tensor) or tuple(returned.shape) != expected:
        if isinstance(returned, torch.Tensor):
            got, remedy = str(tuple(returned.shape)), _reshaped(tuple(returned.shape), expected)
        else:
            got, remedy = what_to_return(returned)
        raise GeneratorError(f"{where}: expected images of shape {expected}, got {got}; {remedy}")
    if returned.dtype != torch.float32:
        raise GeneratorError(f"{where}: expected float32, got {returned.dtype}; convert before returning")
    return returned.detach().cpu()


def _reshaped(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """How to make images of the expected shape `(N, 3, H, W)` of those that a generator returned."""
    count, channels, *sides = expected
    if got[:1] != (count,):
        return "return one image a request"
    if got[1:] in ((1, *sides), tuple(sides)):
        return f"give the grey images {channels} equal channels (expand)"
    if got[1:] == (*sides, channels):
        return "put the channels first (permute(0, 3, 1, 2))"
    if len(got) == len(expected) and got[1] == channels:
        return "resize them to context.image_shape"
    return "return images of context.image_shape"


def what_to_return(returned: object) -> tuple[str, str]:
    """What something that is no tensor is, and what a generator is to return in its place."""
    if returned is None:
        return "None", "end generate with `return images`"
    made = "torch.stack" if isinstance(returned, list | tuple) else "torch.from_numpy"
    return type(returned).__name__, f"return a torch.Tensor ({made})"


def _stands(path: Path, size: tuple[int, int]) -> bool:
    if not path.exists():
        return False
    try:
        read_image(path, size=size)
    except ImageError:  # cut short by a crash of the machine: made again
        return False
    return True


def _write_manifest(requests: Sequence[Request], folder: RunFolder) -> None:
    rows = [
        {
            "id": request.case.id,
            "file": f"{IMAGES}/{request.case.id}.png",
            "prompt": request.case.prompt,
            "seed": request.seed,
            "sha256": sha256_file(folder.image(request.case.id)),
        }
        for request in requests
    ]
    write_json(folder.manifest, {IMAGES: rows})


@contextmanager
def blamed(what: str, generator: Generator, *, halving: bool = False) -> Iterator[None]:
    """Whatever the generator raises in the block becomes a `GeneratorError` that says what raised, and where in its
    code; our own errors pass, and what is `out_of_memory` to one who is `halving`. What it changes of the process's
    settings is put back."""
    with settings_kept(), blame.blamed(GeneratorError, what, type(generator).__module__, halving=halving):
        yield
