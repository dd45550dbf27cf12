"""Feature networks, estimators and metrics, each of which breaks one clause of its contract."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ldbench.api import Estimator, Measured, Metric, MetricInputs, Network, NoSettings
from ldbench.errors import MetricError

_calls = itertools.count()


def network(features: Callable[[np.ndarray], Any], **parameters: Any) -> Network:
    """A network of a function of levels `(N, H, W, 3) uint8`."""

    def described(*, resize: int, digest: str) -> Mapping[str, Any]:
        return {"resize": resize, **parameters}

    return Network("of-a-test", "A test's.", lambda **given: features, described, resize=64)


def estimator(read: Callable[[np.ndarray], Any]) -> Estimator:
    """An estimator of a function of grey images `(N, H, W) float32`."""
    return Estimator("of-a-test", "A test's.", read, "of 1")


def means(images: np.ndarray) -> np.ndarray:
    """The mean of each image and of its upper half, `(N, 2)`."""
    return np.stack([images.reshape(len(images), -1).mean(1), images[:, ::2].reshape(len(images), -1).mean(1)], 1)


def tensor(images: np.ndarray) -> torch.Tensor:
    """The same as a network returns it."""
    return torch.from_numpy(means(images)).float()


def written(images: np.ndarray, returned: Any) -> Any:
    """`returned`, after a change in place."""
    images += images.dtype.type(1)
    return returned


def stirring(returned: Any) -> Any:
    """`returned`, after a draw from the global state."""
    torch.rand(1)
    return returned


def slowing(returned: Any) -> Any:
    """`returned`, with gradients left on."""
    torch.set_default_dtype(torch.float64)
    return returned


def refusing(images: np.ndarray) -> np.ndarray:
    """Readings of square images."""
    if images.shape[1] != images.shape[2]:
        raise ValueError("not square")
    return means(images)[:, 0]


GOOD_NETWORK = network(tensor, weights_sha256="none")
TWICE_DESCRIBED = replace(GOOD_NETWORK, parameters=lambda **given: {"call": next(_calls)})
OF_TEXT = network(lambda images: "features")
RANDOM_NETWORK = network(lambda images: tensor(images) + torch.from_numpy(np.random.default_rng().normal(size=2)))
OF_THE_BATCH = network(lambda images: tensor(images) - tensor(images).mean(0) if len(images) > 1 else tensor(images))
BLIND = network(lambda images: torch.ones(len(images), 3))
OF_THE_SIDE = network(lambda images: torch.from_numpy(images.mean((2, 3))).float())
STIRRING_NETWORK = network(lambda images: stirring(tensor(images)))
SETTING_NETWORK = network(lambda images: slowing(tensor(images)))
WRITING_NETWORK = network(lambda images: written(images, tensor(images)))

GOOD_ESTIMATOR = estimator(lambda images: means(images)[:, 0])
OF_NAN = estimator(lambda images: means(images)[:, 0] * np.nan)
RANDOM = estimator(lambda images: means(images)[:, 0] + np.random.default_rng().normal())
OF_ITS_BATCH = estimator(lambda images: means(images)[:, 0] - images.mean() * (len(images) > 1))
CONSTANT = estimator(lambda images: np.ones(len(images)))
SQUARE_ALONE = estimator(refusing)
WRITING = estimator(lambda images: written(images, means(images)[:, 0]))
STIRRING = estimator(lambda images: stirring(means(images)[:, 0]))
SETTING = estimator(lambda images: slowing(means(images)[:, 0]))


def metric(compute: Callable[[MetricInputs, NoSettings], Any], **fields: Any) -> Metric:
    """A metric of a function of its inputs."""
    told: dict[str, Any] = {"title": "T", "summary": "S", "direction": "higher", "compares": "images", **fields}
    return Metric(name="of-a-test", compute=compute, **told)


def of_cases(inputs: MetricInputs) -> np.ndarray:
    """The mean of each image, `(N,)`."""
    return inputs.generated.mean((1, 2, 3)).numpy()


def of_a_set(inputs: MetricInputs, **fields: Any) -> Measured:
    """The mean grey level, with contributions that are right."""
    values = of_cases(inputs).astype(np.float64)
    parts = (values - values.mean()) / (len(values) * (len(values) - 1)) ** 0.5
    told: dict[str, Any] = {"contributions": {"cases": parts}, **fields}
    return Measured("of-a-test", float(values.mean()), 0.0, 1.0, len(values), "higher", **told)


def beside_its_scan(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    """Each case beside the test scan in its place, as if they belonged together."""
    count = len(inputs.case_ids)
    near = torch.linspace(1, 0, count).numpy()
    return np.asarray(of_cases(inputs) * near)


def grows(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    """Larger at each call."""
    return of_cases(inputs) + next(_calls)


def scales(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    """Scales the images in place."""
    inputs.generated.mul_(0.5)
    return of_cases(inputs)


def refuses(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    """Takes images with truths alone."""
    if not inputs.paired:
        raise MetricError("of-a-test: expected truths, got none; drop it")
    return of_cases(inputs)


def refuses_all(inputs: MetricInputs, settings: NoSettings) -> np.ndarray:
    """Takes no images."""
    raise MetricError("of-a-test: expected other images")


GOOD_METRIC = metric(lambda inputs, settings: of_cases(inputs))
REFUSING = metric(refuses)
REFUSING_ALL = metric(refuses_all)
OF_ONE = metric(lambda inputs, settings: of_cases(inputs)[:1])
GROWING = metric(grows)
IN_PLACES = metric(beside_its_scan)
SECRET = metric(lambda inputs, settings: of_cases(inputs) + len(inputs.training_scans()[1]) * 0)
LOPSIDED = metric(lambda inputs, settings: of_a_set(inputs, contributions={"cases": of_cases(inputs)}))
TOO_FEW = metric(lambda inputs, settings: of_a_set(inputs, contributions={"scans": np.zeros(3)}))
NO_GROUPS = metric(
    lambda inputs, settings: of_a_set(inputs, parameters={"n": len(inputs.all_generated()[1])}), groups="all"
)
STIRRING_METRIC = metric(lambda inputs, settings: stirring(of_cases(inputs)))
SETTING_METRIC = metric(lambda inputs, settings: slowing(of_cases(inputs)))
SCALING = metric(scales)
