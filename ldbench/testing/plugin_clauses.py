"""The contracts of the plug-ins that score images: metrics, feature networks, estimators. Clauses as in `contract`."""

from __future__ import annotations

from ldbench.testing.contract import SETTINGS
from ldbench.testing.finding import Clause

UNDISTURBED = Clause(
    "global random state undisturbed", "the global states of random, numpy.random and torch as they were",
    "draw from a generator of your own, seeded by a constant or by inputs.seed",
)
INPUTS_KEPT = Clause("inputs left alone", "all that was handed over as it was", "copy before writing")

DESCRIBED = Clause(
    "parameters", "texts and numbers, equal at each call, with weights_sha256 where it has weights",
    "return what is done to an image, and the digest of the weights",
)
READ = Clause(
    "what it returns", "a finite float tensor (N, d) of a network, N finite numbers of an estimator", "repair it"
)
READ_AGAIN = Clause(
    "same images, same numbers", "the same numbers when it is loaded again, whatever the global seed",
    "put a network in evaluation mode, and draw nothing at random",
)
READ_ALONE = Clause(
    "batch size and order", "the same, to 0.1 % of their spread, one by one in reverse",
    "let no image see its batch: evaluation mode, no statistics over the batch",
)
TELLS_APART = Clause(
    "tells images apart", "other numbers for other images",
    "mind the scale: a network gets uint8 from 0 to 255, an estimator float32 from 0 to 1",
)
OTHER_SIZE = Clause(
    "another size", "images of another height and width read, or refused by an ldbench.errors.ImageError",
    "resize them to the side that load() is given, or raise the error",
)
OF_NETWORKS = (
    DESCRIBED, READ, READ_AGAIN, READ_ALONE, TELLS_APART, OTHER_SIZE, UNDISTURBED, SETTINGS, INPUTS_KEPT
)  # fmt: skip
OF_ESTIMATORS = OF_NETWORKS[1:]

COMPUTED = Clause(
    "compute", "an ldbench.api.Measured, or one finite number a case, within the metric's bounds", "repair compute"
)
COMPUTED_AGAIN = Clause(
    "same images, same score", "the same value, interval and contributions, whatever the global seed",
    "draw from inputs.seed, and keep nothing between calls",
)
ANY_ORDER = Clause(
    "order of cases", "when the cases come in reverse, the same of each case, and of a set a value within the interval",
    "give no meaning to a case's place: real is in the cases' order only where inputs.paired",
)
NEEDS_DECLARED = Clause(
    "needs", "nothing asked for that the metric's needs don't name",
    "name it in needs: a task that lacks it is then refused before a run",
)
CONTRIBUTIONS = Clause(
    "contributions", "one number a unit of each kind, their sum 0",
    "give each image's part, in order; scans are the test scans, or by scans=\"reference\" the images of real",
)
GROUPED = Clause(
    "groups", "where it is measured by group, a score in each group that is large enough",
    "ask in compute for what a group has, or leave `groups` out",
)
OF_METRICS = (
    COMPUTED, COMPUTED_AGAIN, ANY_ORDER, NEEDS_DECLARED, CONTRIBUTIONS, GROUPED, UNDISTURBED, SETTINGS, INPUTS_KEPT
)  # fmt: skip
