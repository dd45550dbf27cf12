"""What `ldbench list metrics` says: name, direction, what it needs, and one sentence.

Describes the metrics and refuses to import them, so that listing stays free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ldbench.records.score import Direction


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
    MetricDescription(
        "target_auc",
        "AUC of the target class, by a judge trained on real",
        "higher",
        "edited images and their target classes",
        ("resnet18",),
        "ROC area of the judge's scores against target classes; near 0 for copies where two classes are swapped.",
        "over cases (DeLong), judge held fixed",
    ),
    MetricDescription(
        "flip_rate",
        "Share of results judged to be of the target class",
        "higher",
        "edited images and their target classes",
        ("resnet18",),
        "Share of results whose likeliest class is the wanted one, by a ResNet18 trained on real scans.",
        "over cases (Wilson), judge held fixed",
    ),
    MetricDescription(
        "age_error",
        "Error of the age read off the image",
        "lower",
        "edited images and their true counterparts",
        ("sandbox-brain-age", "sandbox-chest-age"),
        "Mean difference of an estimator's readings of result and truth, in years; 0 for the truth.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "ratio_error",
        "Error of a ratio read off the image",
        "lower",
        "edited images and their true counterparts",
        ("sandbox-brain-ventricle-ratio", "sandbox-chest-cardiothoracic-ratio"),
        "As age_error, for the ventricle-to-brain or the cardiothoracic ratio.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "source_ssim",
        "Structural similarity to the source",
        "higher",
        "edited images and their sources",
        (),
        "SSIM of result and source over the whole image; punishes the edit itself.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "identity_ssim",
        "Structural similarity to the source outside the edit",
        "higher",
        "edited images, their sources and their true counterparts",
        (),
        "SSIM to the source where truth changes nothing (whole image where truth is unknown); 1 for a copy.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "identity_lpips",
        "Perceptual distance to the source outside the edit",
        "lower",
        "edited images, their sources and their true counterparts",
        ("stlpips-alex", "lpips-alex"),
        "LPIPS to the source, the region that truth changes taken from the source; 0 for a copy.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "minimality",
        "Mean change",
        "lower",
        "edited images and their sources",
        (),
        "Mean |x' - x|; doing nothing is perfect, so read it beside flip_rate or age_error.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "composition",
        "Mean change by the null edit",
        "lower",
        "images edited to what they are, and their sources",
        (),
        "Mean |f(x, null) - x|; 0 for a sound counterfactual model.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "reversibility",
        "Mean change there and back",
        "lower",
        "images edited and edited back, and their sources",
        (),
        "Mean |f(f(x, a'), a) - x|; 0 for a sound counterfactual model.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "error_inside",
        "Error against truth where truth changes the source",
        "lower",
        "edited images, their sources and their true counterparts",
        (),
        "Mean |x' - truth| inside the region that must change; a copy is wrong by the whole edit.",
        "mean over cases (Student's t)",
    ),
    MetricDescription(
        "error_outside",
        "Error against truth where truth keeps the source",
        "lower",
        "edited images, their sources and their true counterparts",
        (),
        "Mean |x' - truth| outside the region that must change.",
        "mean over cases (Student's t)",
    ),
)
