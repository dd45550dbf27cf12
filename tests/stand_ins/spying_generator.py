"""Generators that look for the truth in all that they are handed, and raise where they find it (or don't).

What counts as reachable: whatever attributes, containers, closures, defaults, partials, weak references, and the memory
behind tensors, arrays, buffers and pictures lead to. What doesn't count, because no program can keep it from a plugin
in its own process: importing `ldbench.data`, a function's globals, modules, classes, and the frames of the callers.
"""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import ClassVar

import numpy as np
import torch
from ldbench_sandbox.dataset import FrozenDataset
from PIL import Image

from ldbench.api import Context, Generator, Record, Request, TrainingSet
from ldbench.data.task_data import load
from ldbench.task import card

Levels = np.ndarray  # one dimension, uint8: grey levels in the order of memory


@dataclass(frozen=True)
class Secrets:
    """What nobody but the scorer may reach: the test images that are no sources, their ids and their attributes."""

    records: tuple[Record, ...]
    images: Mapping[str, Levels]

    @classmethod
    def of(cls, dataset: FrozenDataset) -> Secrets:
        """All of a data set's, less those that an edit left equal to their source."""
        scans = {record.subject: dataset.image(record) for record in dataset.select("test")}
        hidden = [record for record in dataset.records if record.split == "test" and record.role != "scan"]
        known = [one for one in hidden if not np.array_equal(dataset.image(one), scans[one.subject])]
        return cls(tuple(known), {one.id: levels(dataset.image(one)[0]) for one in known})

    @functools.cached_property
    def search(self) -> Search:
        """The search for the images."""
        return Search(self.images)

    def found_in(self, roots: Sequence[object], stated: Iterable[object]) -> list[str]:
        """What of them can be reached, in words; attributes that are among `stated` are no secret."""
        objects = list(reachable(roots))
        buffers = [one.tobytes() for thing in objects for one in memory(thing)]
        found = [f"image {name}" for name in self.search.found_in(buffers)]
        texts = "\n".join(thing for thing in objects if isinstance(thing, str))
        found += [f"id {name}" for name in self.images if name in texts]
        open_ones = {id(attributes) for attributes in stated}
        secret = {id(record.attributes): record.id for record in self.records}
        seen = [id(thing) for thing in objects]
        return found + [f"attributes of {secret[key]}" for key in seen if key in secret.keys() - open_ones]


def reachable(roots: Sequence[object]) -> Iterator[object]:
    """Every object that the roots lead to, each once."""
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    kept: list[object] = []  # an id is only unique while its object lives
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (ModuleType, type)):
            continue
        seen.add(id(thing))
        kept.append(thing)
        yield thing
        waiting += neighbours(thing)


def neighbours(thing: object) -> list[object]:
    """What one object leads to."""
    if isinstance(thing, FunctionType):
        return [thing.__closure__, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
    found: list[object] = gc.get_referents(thing)
    if isinstance(thing, weakref.ref):
        found.append(thing())
    if isinstance(thing, torch.Tensor):
        found += [thing._base, thing.grad]
    if isinstance(thing, np.ndarray):  # the collector doesn't know what arrays hold
        found += [thing.base, *(thing.ravel().tolist() if thing.dtype == object else ())]
    if isinstance(thing, memoryview):
        found.append(thing.obj)
    return found


def memory(thing: object) -> list[Levels]:
    """The grey levels behind a tensor, array, buffer or picture; nothing for other things."""
    if isinstance(thing, torch.Tensor) and thing.device.type != "meta":
        whole = torch.empty(0, dtype=thing.dtype, device=thing.device).set_(thing.detach().untyped_storage())
        return [levels(whole.cpu().float().numpy() if whole.dtype.is_floating_point else whole.cpu().numpy())]
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "buif":
        stored = levels(thing.ravel(order="K"))
        return [stored] if thing.flags.c_contiguous else [stored, levels(thing)]
    if isinstance(thing, (bytes, bytearray, memoryview)):
        return [np.frombuffer(thing, dtype=np.uint8)]
    return [levels(np.asarray(thing))] if isinstance(thing, Image.Image) else []


def levels(values: np.ndarray) -> Levels:
    """Values in [0, 1], [-1, 1] or [0, 255] as the 8-bit levels they stand for, flat."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values).ravel()
    flat = np.nan_to_num(np.ascontiguousarray(values).ravel())
    if flat.dtype.kind == "f" and flat.size and flat.max() <= 1.0001:
        flat = flat * 255 if flat.min() >= 0 else (flat + 1) * 127.5
    return np.clip(np.rint(flat), 0, 255).astype(np.uint8)


class Search:
    """Looks for grey images in buffers, plane by plane or with their channels interleaved, at any offset.

    A needle is the middle third of an image. Eight windows of eight bytes, one for each alignment, stand for it in a
    first pass over whole words; what they hit is compared in full.
    """

    def __init__(self, images: Mapping[str, Levels]) -> None:
        self.windows: dict[int, list[tuple[str, bytes, int]]] = {}
        for name, image in images.items():
            middle = image[len(image) // 3 : 2 * len(image) // 3]
            for needle in (middle.tobytes(), np.repeat(middle, 3).tobytes()):
                start = self._busiest(needle)
                for offset in range(start, start + 8):
                    word = int.from_bytes(needle[offset : offset + 8], "little")
                    self.windows.setdefault(word, []).append((name, needle, offset))

    def found_in(self, buffers: Iterable[bytes]) -> list[str]:
        """The names of the images that a buffer holds, sorted."""
        words, found = np.array(list(self.windows), dtype="<u8"), set()
        for buffer in buffers:
            seen = np.frombuffer(buffer, dtype="<u8", count=len(buffer) // 8)
            for place in np.flatnonzero(np.isin(seen, words)):
                for name, needle, offset in self.windows[int(seen[place])]:
                    start = 8 * int(place) - offset
                    found |= {name} if start >= 0 and buffer[start : start + len(needle)] == needle else set()
        return sorted(found)

    @staticmethod
    def _busiest(needle: bytes) -> int:
        """Where fifteen bytes differ the most among themselves: background would hit everywhere."""
        centre = len(needle) // 2
        return max(range(centre - 96, centre + 96, 16), key=lambda start: len(set(needle[start : start + 15])))


@functools.lru_cache(maxsize=2)
def secrets_of(card_name: str) -> Secrets:
    """The secrets of a card's data, loaded as the suite does: the very objects that a leak would lead to."""
    dataset = load(card.load(card_name).data)
    assert isinstance(dataset, FrozenDataset)
    return Secrets.of(dataset)


@dataclass
class Spy(Generator):
    """Returns sources, as `copy-source` does, after a look around for what it should not see."""

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    card: str = ""

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Look around in the training set, and at every example that it hands out."""
        secrets = secrets_of(self.card)
        examples = [train[index] for index in range(len(train))]
        self._refuse(secrets.found_in([train, context, self], ()))
        hidden = {image.tobytes() for image in secrets.images.values()}
        pictures = [picture for one in examples for picture in (one.image, one.source) if picture is not None]
        self._refuse(["image of an example" for one in pictures if levels(one[0].numpy()).tobytes() in hidden])

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The sources; first a look around, which must find the sources themselves."""
        sources = [request.case.source for request in requests if request.case.source is not None]
        roots = [list(requests), context, self]
        buffers = [one.tobytes() for thing in reachable(roots) for one in memory(thing)]
        assert len(sources) == len(requests)
        wanted = {str(place): levels(source[0].numpy()) for place, source in enumerate(sources)}
        assert len(Search(wanted).found_in(buffers)) == len(sources), "the search is blind"
        stated = [given for one in requests for given in (one.case.attributes, one.case.source_attributes)]
        self._refuse(secrets_of(self.card).found_in(roots, stated))
        return torch.stack(sources)

    def _refuse(self, found: Sequence[str]) -> None:
        if found:
            raise AssertionError(f"{len(found)} secrets, first {found[0]}")


@dataclass
class Confidant(Spy):
    """Declares that it sees the truth, and must be given it."""

    sees_truth: ClassVar[bool] = True

    def _refuse(self, found: Sequence[str]) -> None:
        if not found:
            raise AssertionError("declares sees_truth and was given nothing")

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Look for the truth where it is promised."""
        self._refuse(secrets_of(self.card).found_in([context], ()))

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The true images."""
        super().generate(requests, context)
        assert context.truth is not None
        return torch.stack([context.truth(request.case.id) for request in requests])
