"""The image layers that are layers of a model and stages of the input pipeline alike."""

from tfcli.engine.preprocessing import color, filters, geometry, histograms, images, mixing, policies

TRANSFORMS = (
    images.Rescaling,
    images.Resizing,
    images.CenterCrop,
    images.AutoContrast,
    histograms.ContrastLimitedAdaptiveHistogramEqualization,
)
"""What changes images always, and in the same way."""

AUGMENTATIONS = (
    geometry.RandomFlip,
    geometry.RandomRotation,
    geometry.RandomZoom,
    geometry.RandomTranslation,
    geometry.RandomShear,
    geometry.RandomPerspective,
    geometry.RandomCrop,
    color.RandomContrast,
    color.RandomBrightness,
    color.RandomHue,
    color.RandomSaturation,
    color.RandomColorJitter,
    color.RandomColorDegeneration,
    color.RandomGrayscale,
    color.RandomInvert,
    color.RandomPosterization,
    color.Solarization,
    histograms.Equalization,
    filters.RandomSharpness,
    filters.RandomGaussianBlur,
    filters.RandomElasticTransform,
    mixing.RandomErasing,
    mixing.MixUp,
    mixing.CutMix,
    policies.RandAugment,
    policies.AugMix,
)
"""What changes images in training alone."""
