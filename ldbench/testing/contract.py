"""The contract between the suite and a generator: every clause, what is expected, and how to repair what breaks it.

The one list that the kit, the command line and the documentation read.
"""

from __future__ import annotations

from ldbench.testing.finding import Clause

PROTOCOL = Clause(
    "protocol", "a concrete dataclass derived from ldbench.api.Generator, its api_version empty or of this major",
    "derive from Generator, write @dataclass above the class, define what is missing",
)
PARAMETERS = Clause(
    "parameters", "fields that are bool, int, float, str, a Literal or a union of them, with defaults of their types",
    "annotate the field, give it a default, or make it state with field(init=False)",
)
SAMPLING = Clause(
    "sampling parameters", "sampling_parameters that name parameters of its own",
    "take out the others, or write the field",
)
DOCSTRING = Clause("docstring", "a docstring that says what it is", "write one line below the class")
CAPABILITIES = Clause(
    "capabilities", "the kinds of task that it can do, and one line on why not the others",
    "set the class attributes `kinds` and `reason`",
)
PUBLIC = Clause(
    "public API only", "imports from ldbench.api, ldbench.errors and ldbench.testing, and nothing else of ldbench",
    "import from ldbench.api; all else may change between two releases, and ldbench.data holds the answers",
)
DECLARED = (PROTOCOL, PARAMETERS, SAMPLING, DOCSTRING, CAPABILITIES, PUBLIC)

RUNS = Clause("fit and generate", "both return, without an error", "repair what it raises")
DTYPE = Clause("dtype", "a torch.Tensor of float32", "convert before returning")
SHAPE = Clause("shape", "(N, 3, H, W): one image a request, of context.image_shape", "return one a request, in order")
RANGE = Clause(
    "range", "finite pixels in [0, 1]",
    "scale them (x / 255, or (x + 1) / 2), and clamp what noise leaves outside"
)
IMAGES = (RUNS, DTYPE, SHAPE, RANGE)

SAME = Clause(
    "same request, same bytes", "the same bytes after a second call with the same requests",
    "draw from request.noise() or a torch.Generator seeded by request.seed; keep nothing between calls",
)
GLOBAL_UNUSED = Clause(
    "global random state unused", "the same bytes whatever the global seed",
    "draw from request.noise() or a torch.Generator seeded by request or context",
)
GLOBAL_UNDISTURBED = Clause(
    "global random state undisturbed", "the global states of random, numpy.random and torch as they were",
    "use a torch.Generator, and wrap what can't (new layers) in torch.random.fork_rng() with a seed",
)
SETTINGS = Clause(
    "torch settings undisturbed", "gradient mode, default dtype, default device and threads as they were",
    "use torch.no_grad() or `with torch.device(...)`, name dtypes, and put back what a library sets",
)
BATCHES = Clause(
    "batch size and order", "at most 1 grey level between one batch and one by one in reverse",
    "take each image's noise from its own request, and let no image see its batch",
)
REFITTED = Clause(
    "refitted, same bytes", "the same bytes after a second fit in a new folder", "seed what fit draws with context.seed"
)
RESTARTED = Clause(
    "restarted, same bytes", "the same bytes after a fit that finds its own finished files",
    "load the finished checkpoint as it is, or start anew",
)
INTERRUPTED = Clause(
    "interrupted, same bytes", "the same bytes after a fit that was cut off half-way and called again",
    "write checkpoints whole (to another name, then rename), with step and optimiser, or start anew",
)
SEED_MATTERS = Clause(
    "seed matters", "other images from other seeds, for most requests (text-to-image, but for reference rows)",
    "use request.noise()",
)
INPUTS = Clause("inputs left alone", "requests and training examples as they were", "clone before writing")
FILES = Clause(
    "writes in its folder only",
    "new files in context.folder alone, none beside it or in the working directory, which stays where it was",
    "write below context.folder",
)
ANSWERS = Clause(
    "answers unread", "no file of a task's data opened: examples and cases are handed over, answers never",
    "use what fit and generate are given; a row that needs the answers declares sees_truth and is never ranked",
)
CONDUCT = (
    SAME, GLOBAL_UNUSED, GLOBAL_UNDISTURBED, SETTINGS, BATCHES, REFITTED, RESTARTED, INTERRUPTED, SEED_MATTERS, INPUTS,
    FILES, ANSWERS,
)  # fmt: skip

NEEDS = Clause(
    "needs", "where it has `needs`: a Needs of finite estimates, found without writing",
    "repair needs(), or leave it out",
)
LATENTS = Clause(
    "latents", "where it has `encode`: finite float32 latents (N, C, h, w), one an image",
    "repair encode(), or leave it out"
)
TRAJECTORY = Clause(
    "trajectory", "where it has `trajectory`: moments in order, the last at step `steps` - 1, images like generate's",
    "repair trajectory(), or leave it out",
)
READS = Clause(
    "files read", "where it has `files` or `resolved`: files that are there, and texts, without writing",
    "repair files() or resolved(), or leave it out",
)
OFFERS = (NEEDS, LATENTS, TRAJECTORY, READS)

SECONDS = Clause("time", "measured, not judged")
MEMORY = Clause("memory", "measured, not judged")
MEASURED = (SECONDS, MEMORY)

CLAUSES = (*DECLARED, *IMAGES, *CONDUCT, *OFFERS, *MEASURED)
