"""All that a plug-in imports, of whichever kind: generators, metrics, feature networks, data sets, estimators.

Importing it imports no plug-in and no torch.

What is named in `__all__` keeps its meaning as long as the major number of `API_VERSION` stays; docs/api/index.md has
the promise in full.
"""

from __future__ import annotations

from ldbench._torchvision import declare_missing_ops
from ldbench.api.batches import Batches, halved, out_of_memory
from ldbench.api.dataset import (
    Dataset,
    DataSource,
    Found,
    Reader,
    Record,
    Render,
    Simulator,
    Skipped,
    SourceImage,
)
from ldbench.api.estimator import Estimator
from ldbench.api.generator import (
    Capabilities,
    Case,
    Context,
    Edit,
    Example,
    Generator,
    HasFiles,
    HasLatents,
    HasNeeds,
    HasResolved,
    HasTrajectory,
    Moment,
    Needs,
    Preset,
    Request,
    TrainingSet,
    case_seed,
)
from ldbench.api.image_set import ImageSet, LazyInputs
from ldbench.api.metric import (
    Metric,
    MetricAxis,
    MetricGroups,
    MetricInputs,
    Need,
    NoSettings,
    SetName,
)
from ldbench.api.network import DescribeNetwork, FindWeights, LoadNetwork, Network
from ldbench.api.score import Measured, Score
from ldbench.api.values import Attributes, Direction, Kind, ParameterValue, Progress, silent

__all__ = [
    "API_VERSION", "Attributes", "Batches", "Capabilities", "Case", "Context", "DataSource", "Dataset",
    "DescribeNetwork", "Direction", "Edit", "Estimator", "Example", "FindWeights", "Found", "Generator", "HasFiles",
    "HasLatents", "HasNeeds", "HasResolved", "HasTrajectory", "ImageSet", "Kind", "LazyInputs", "LoadNetwork",
    "Measured", "Metric", "MetricAxis", "MetricGroups", "MetricInputs", "Moment", "Need", "Needs", "Network",
    "NoSettings", "ParameterValue", "Preset", "Progress", "Reader", "Record", "Render", "Request", "Score",
    "SetName", "Simulator", "Skipped", "SourceImage", "TrainingSet", "case_seed", "declare_missing_ops", "halved",
    "out_of_memory", "silent",
]

API_VERSION = "1.11"  # major.minor: the minor grows with what is added, the major with what breaks
