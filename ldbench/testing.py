"""The conformance kit: whether a generator keeps the contract that results are compared under.

`check_generator` fits a generator on a miniature task and asks what a run takes for granted: images of the
right shape and range, the same bytes for the same request, noise from the request's seed alone, inputs left
as they were. Built-in generators and outsiders pass the same checks, here and as `ldbench check MODEL`.

Refuses to say whether the images are any good, and to repair what it finds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ldbench import global_random
from ldbench.api import Context, Example, Generator, Kind, Request, case_seed
from ldbench.data.images import quantise
from ldbench.errors import GeneratorError, LdbenchError
from ldbench.generate import checked_images
from ldbench.miniature import SIDE, Miniature, miniature
from ldbench.parameters import declared, parameters
from ldbench.registry import check_class

_TASK = "check"


@dataclass(frozen=True)
class Finding:
    """One check: its name (with the kind of task, where it has one), whether it passed, one line on why."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class _Fitted:
    """A fitted generator with the context it was fitted in."""

    generator: Generator
    context: Context

    def grey(self, requests: Sequence[Request]) -> torch.Tensor:
        """The images as they would be stored: `(N, 3, H, W) uint8`."""
        return quantise(checked_images(self.generator, requests, self.context))


@dataclass(frozen=True)
class _Trial:
    """A generator with its parameters, and the miniature task, device and folder it is tried in."""

    template: Generator
    task: Miniature
    device: torch.device
    backbone: str | None
    root: Path

    def requests(self, seed: int = 0) -> list[Request]:
        """One request a case of the run with this seed."""
        return [Request(case, case_seed(seed, _TASK, case.id)) for case in self.task.cases]

    def fitted(self, folder: str) -> _Fitted:
        """A fresh copy of the generator, fitted in a folder, which may hold what an earlier fit left."""
        fresh = dataclasses.replace(self.template)
        (self.root / folder).mkdir(exist_ok=True)
        truth = self.task.answers.__getitem__ if fresh.sees_truth else None
        shape = (3, SIDE, SIDE)
        context = Context(self.device, 0, self.root / folder, shape, self.backbone, truth=truth)
        fresh.fit(self.task.train, context)
        return _Fitted(fresh, context)


def check_generator(
    candidate: type[Generator] | Generator, *, kind: str | None = None, device: str = "cpu",
    backbone: str | None = None,
) -> list[Finding]:
    """Check a generator class (with its defaults) or instance; every finding, passed or not.

    `kind` limits the check to one kind of task; by default all kinds it declares are tried, each with its own
    fit. `backbone` is what the card would recommend. An instance is copied, never fitted itself.
    """
    cls = candidate if isinstance(candidate, type) else type(candidate)
    findings = [
        _judge("protocol", lambda: _protocol(cls)),
        _judge("parameters", lambda: _parameters(candidate)),
        _judge("docstring", lambda: _docstring(cls)),
        _judge("capabilities", lambda: _capabilities(cls, kind)),
    ]
    runnable = all(finding.passed for finding in findings[:2])
    if not runnable or (kind is not None and kind not in cls.capabilities().kinds):
        return findings
    template = candidate() if isinstance(candidate, type) else candidate
    for name in [kind] if kind else sorted(cls.capabilities().kinds):
        with tempfile.TemporaryDirectory(prefix="ldbench-check-") as root, global_random.kept():
            trial = _Trial(template, miniature(name), torch.device(device), backbone, Path(root))
            for finding in _behaviour(trial, name):
                findings.append(dataclasses.replace(finding, name=f"{name}: {finding.name}"))
    return findings


def _behaviour(trial: _Trial, kind: str) -> list[Finding]:
    """Fit, generate, and compare with what should come out alike; ends at once where nothing comes out."""
    inputs, surroundings = _fingerprint(trial), _surroundings(trial.root)
    requests = trial.requests()
    try:
        global_random.seed_all(1)
        before = global_random.digests()
        first = trial.fitted("first")
        images = first.grey(requests)
        after = global_random.digests()
    except Exception as error:  # a plugin's own code may raise anything
        return [Finding("fit and generate", False, _line(error))]

    def again(fitted: _Fitted, globals_seed: int) -> torch.Tensor:
        global_random.seed_all(globals_seed)
        return fitted.grey(requests)

    def refitted(folder: str, globals_seed: int) -> torch.Tensor:
        global_random.seed_all(globals_seed)
        return trial.fitted(folder).grey(requests)

    made = f"{len(images)} images {tuple(images.shape[1:])} float32 in [0, 1]"
    checks: dict[str, Callable[[], str]] = {
        "same request, same bytes": lambda: _equal(images, again(first, 1), "a second call"),
        "global random state unused": lambda: _equal(images, again(first, 2), "another global seed"),
        "global random state undisturbed": lambda: _undisturbed(before, after),
        "batch size and order": lambda: _batches(first, images, requests),
        "refitted, same bytes": lambda: _equal(images, refitted("second", 3), "a second fit"),
        "restarted, same bytes": lambda: _equal(images, refitted("first", 4), "a restart in its folder"),
    }
    if kind == "text-to-image" and not trial.template.reference:
        checks["seed matters"] = lambda: _seed_matters(first, images, trial.requests(seed=1))
    checks["inputs left alone"] = lambda: _unchanged(inputs, _fingerprint(trial))
    checks["writes in its folder only"] = lambda: _nothing_new(surroundings, _surroundings(trial.root))
    return [Finding("fit and generate", True, made), *(_judge(name, check) for name, check in checks.items())]


def _judge(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Exception as error:  # a failed check is a GeneratorError; a plugin's own code may raise anything
        return Finding(name, False, _line(error))


def _protocol(cls: type[Generator]) -> str:
    check_class(cls, cls.__name__)
    return "a concrete dataclass derived from ldbench.api.Generator"


def _parameters(candidate: type[Generator] | Generator) -> str:
    generator = candidate() if isinstance(candidate, type) else candidate
    parameters(generator)
    return "; ".join(map(str, declared(type(generator)))) or "none"


def _docstring(cls: type[Generator]) -> str:
    text = vars(cls).get("__doc__") or ""
    if not text.strip() or text.startswith(f"{cls.__name__}("):  # what @dataclass puts where there is none
        raise GeneratorError("expected a docstring that says what it is, got none; write one line")
    return text.strip().splitlines()[0]


def _capabilities(cls: type[Generator], kind: str | None) -> str:
    able = cls.capabilities()
    if kind is not None and kind not in able.kinds:
        known = ", ".join(sorted(able.kinds)) or "nothing"
        raise GeneratorError(f"expected {kind}, got {known}: {able.reason}")
    others = sorted(set(typing.get_args(Kind)) - able.kinds)
    if others and (not able.reason.strip() or "\n" in able.reason):
        raise GeneratorError(f"expected `reason` to say why not {', '.join(others)}, got {able.reason!r}")
    refused = f"; not {', '.join(others)}: {able.reason}" if others else ""
    return ", ".join(sorted(able.kinds)) + refused


def _equal(expected: torch.Tensor, got: torch.Tensor, what: str) -> str:
    difference = int((expected.int() - got.int()).abs().max())
    if difference:
        share = float((expected != got).float().mean())
        raise GeneratorError(
            f"expected the same bytes after {what}, got {share:.1%} different, by up to {difference} grey "
            "levels; draw from request.noise() or a torch.Generator seeded by request or context"
        )
    return f"equal after {what}"


def _batches(fitted: _Fitted, images: torch.Tensor, requests: Sequence[Request]) -> str:
    """One by one from last to first: within one grey level, as kernels differ with the batch's shape."""
    alone = torch.cat([fitted.grey([request]) for request in reversed(requests)]).flip(0)
    difference = int((images.int() - alone.int()).abs().max())
    if difference > 1:
        raise GeneratorError(
            f"expected at most 1 grey level between a batch of {len(requests)} and one by one in reverse, "
            f"got {difference}; take each image's noise from its own request"
        )
    return f"largest difference {difference} of 255 grey levels"


def _seed_matters(fitted: _Fitted, images: torch.Tensor, others: Sequence[Request]) -> str:
    equal = int((images == fitted.grey(others)).flatten(1).all(1).sum())
    if equal:
        raise GeneratorError(f"expected new images from new seeds, got {equal} the same; use request.noise()")
    return "other seeds give other images"


def _undisturbed(before: dict[str, str], after: dict[str, str]) -> str:
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise GeneratorError(
            f"expected fit and generate to leave the global state of {', '.join(moved)} alone, got it moved; "
            "use a torch.Generator, and wrap what can't (new layers) in torch.random.fork_rng() with a seed"
        )
    return f"{', '.join(before)} as before"


def _unchanged(before: dict[str, str], after: dict[str, str]) -> str:
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise GeneratorError(f"fit or generate changed {', '.join(moved)} in place; clone before writing")
    return f"{len(before)} requests and examples as before"


def _nothing_new(before: set[Path], after: set[Path]) -> str:
    new = sorted(path.name for path in after - before)
    if new:
        where = "beside it or in the working directory"
        raise GeneratorError(f"expected files in context.folder only, got {', '.join(new[:5])} {where}")
    return "nothing new beside context.folder or in the working directory"


def _surroundings(root: Path) -> set[Path]:
    """What lies in the working directory and beside the generator's folders (which are the kit's own)."""
    own = {root / "first", root / "second"}
    seen = {*Path.cwd().iterdir(), *root.iterdir()} - own
    return {path for path in seen if path.name != "__pycache__"}


def _fingerprint(trial: _Trial) -> dict[str, str]:
    entries: list[Example | Request] = [*trial.task.train, *trial.requests()]
    return {_label(entry): hashlib.sha256(b"".join(_bytes(entry))).hexdigest() for entry in entries}


def _label(entry: Example | Request) -> str:
    return f"example {entry.id}" if isinstance(entry, Example) else f"request {entry.case.id}"


def _bytes(entry: Example | Request) -> Iterator[bytes]:
    record = entry if isinstance(entry, Example) else entry.case
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        yield value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode()


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, LdbenchError) else f"{type(error).__name__}: {text:.300}"
