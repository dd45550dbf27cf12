"""What `ldbench list metrics` says: name, direction, what it needs, and one sentence.

Describes the metrics and refuses to import them, so that listing stays free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ldbench.metrics.score import Direction


@dataclass(frozen=True)
class MetricDescription:
    """One metric as a reader meets it; `needs` names the images that it compares."""

    name: str
    title: str
    direction: Direction
    needs: str
    extractors: tuple[str, ...]
    summary: str
    interval: str


_FEATURE_NETWORKS = ("efficientnet-lite0", "inception-v3")

METRICS: tuple[MetricDescription, ...] = (
    MetricDescription(
        "fid",
        "Frechet inception distance",
        "lower",
        "generated and real sets",
        _FEATURE_NETWORKS,
        "Distance between Gaussians fitted to real and generated features; exact for few samples.",
        "expected value at these sample sizes (delete-a-group jackknife)",
    ),
    MetricDescription(
        "kid",
        "Kernel inception distance",
        "lower",
        "generated and real sets",
        _FEATURE_NETWORKS,
        "Unbiased squared MMD of the features with a cubic kernel; all pairs, or seeded subsets.",
        "population value (delete-one jackknife)",
    ),
    MetricDescription(
        "ssim",
        "Structural similarity",
        "higher",
        "generated images and their targets",
        (),
        "Local agreement of luminance, contrast and structure, mean over cases; 1 for a copy.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "psnr",
        "Peak signal-to-noise ratio",
        "higher",
        "generated images and their targets",
        (),
        "Mean over cases of 10 log10(1 / MSE) in dB, capped at 100.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "lpips",
        "Learned perceptual distance",
        "lower",
        "generated images and their targets",
        ("stlpips-alex", "lpips-alex"),
        "Distance between deep features of each pair, mean over cases; 0 for a copy.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "auc",
        "Classification AUC, trained on generated, tested on real",
        "higher",
        "generated and real images with labels",
        ("resnet18",),
        "ROC area on real images of a ResNet18 trained on generated ones; macro one-versus-rest beyond two classes.",
        "over test cases and trainings (DeLong, Obuchowski-Rockette); one training: over test cases only",
    ),
)
